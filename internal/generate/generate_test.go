package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// generated renders a document, which fails if a row of the matrix is missing or a rule has no example.
func generated(t *testing.T, d document) (root string, text []byte) {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	if text, err = d.render(root); err != nil {
		t.Fatal(err)
	}
	return root, text
}

// TestUpToDate compares the documents with what would be written.
func TestUpToDate(t *testing.T) {
	for _, document := range documents {
		t.Run(document.name, func(t *testing.T) {
			root, want := generated(t, document)
			have, err := os.ReadFile(document.in(root))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(have, want) {
				return
			}
			haveLines, wantLines := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")
			for i := range min(len(haveLines), len(wantLines)) {
				if haveLines[i] != wantLines[i] {
					t.Fatalf("out of date, run \"make generate\"; line %d is\n%s\nand would be\n%s", i+1, haveLines[i], wantLines[i])
				}
			}
			t.Fatalf("out of date, run \"make generate\"; it has %d lines and would have %d", len(haveLines), len(wantLines))
		})
	}
}

// TestComplete finds every rule with its anchor.
func TestComplete(t *testing.T) {
	_, text := generated(t, documents[0])
	for _, r := range validators.Catalogue() {
		for _, want := range []string{"<a id=\"" + r.ID + "\"></a>\n### `" + r.ID + "`\n", "\n| " + ruleLink(r.ID) + " |"} {
			if n := bytes.Count(text, []byte(want)); n != 1 {
				t.Errorf("%s: %d times %q, want once", r.ID, n, want)
			}
		}
	}
}

// TestCoverage finds every row of the matrix. The counts are those of the matrix itself, independent of the table that the document is made from.
func TestCoverage(t *testing.T) {
	_, text := generated(t, documents[1])
	total := 0
	for letter, count := range map[string]int{
		"T": 10, "A": 57, "P": 9, "K": 35, "B": 15, "D": 15, "M": 2, "J": 10, "R": 7, "V": 4, "O": 5, "I": 4, "E": 7, "X": 2, "C": 1, "N": 1, "L": 1, "W": 2, "F": 4, "Z": 5,
	} {
		total += count
		for n := 1; n <= count; n++ {
			row := fmt.Sprintf("%s-%02d", letter, n)
			if found := bytes.Count(text, []byte("</a>"+row+" |")); found != 1 {
				t.Errorf("row %s stands %d times in the matrix, want once", row, found)
			}
		}
	}
	if total != 196 || len(rows) != 196 {
		t.Errorf("%d rows are expected and %d are there, want 196", total, len(rows))
	}
	classes := map[string]int{}
	for _, r := range rows {
		classes[r.class]++
		if r.source == "" || r.about == "" {
			t.Errorf("%s: says nothing", r.id)
		}
	}
	for class, want := range map[string]int{"S": 123, "C": 38, "T": 4, "K": 3, "R": 7, "B": 16, "X": 5} {
		if classes[class] != want {
			t.Errorf("%d rows of class %s, want %d", classes[class], class, want)
		}
	}
}

// TestRowsAreDemanded takes things away and expects to be told.
func TestRowsAreDemanded(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, row string
		note      note
		want      string
	}{
		{"no reason", "P-09", note{}, "row P-09 has neither"},
		{"no such row", "P-10", note{text: "x"}, "row P-10, which does not exist"},
		{"no such near miss", "A-07", mustPass("x", nearMiss{"authorize.extension.repeated", "nothing"}), "has no near miss"},
		{"nothing shows that it passes", "A-08", note{text: "x"}, "row A-08 must pass"},
	} {
		t.Run(test.name, func(t *testing.T) {
			original := maps.Clone(notes)
			t.Cleanup(func() { notes = original })
			notes = maps.Clone(notes)
			if delete(notes, test.row); test.note.text != "" {
				notes[test.row] = test.note
			}
			if _, err := renderCoverage(root); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestProfiles: fapi2 refuses whatever oauth21 refuses, so that its table may leave that out.
func TestProfiles(t *testing.T) {
	for _, r := range validators.Stricter(rule.OAuth21) {
		if r.Modes.FAPI2 != rule.Enforce {
			t.Errorf("%s is enforced in oauth21 and not in fapi2", r.ID)
		}
	}
	for _, profile := range []rule.Profile{rule.OAuth21, rule.FAPI2} {
		if len(beyond(profile)) < 6 {
			t.Errorf("%s refuses only %d kinds of requests beyond rfc6749", profile, len(beyond(profile)))
		}
	}
}

func TestExampleLine(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"GET /a?b=c", "GET /a?b=c"},
		{"a\x00b\r\n\u00e9\\", `a\x00b\x0D\x0A\xE9\\`},
		{strings.Repeat("x", 300), strings.Repeat("x", 300)},
		{strings.Repeat("x", 301), strings.Repeat("x", 160) + "… (301 bytes)"},
	} {
		if have := exampleLine(test.line); have != test.want {
			t.Errorf("%q becomes %q, want %q", test.line, have, test.want)
		}
	}
}

func TestProse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"client_id is missing", "`client_id` is missing"},
		{"client_id[], _method and X-HTTP-Method", "`client_id[]`, `_method` and X-HTTP-Method"},
		{"one of < | `", "one of \\< \\| \\`"},
	} {
		if have := prose(test.text); have != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, have, test.want)
		}
	}
}

// TestGrammar keeps the grammar in docs/reference.md equal to the one in the comment of the parser.
func TestGrammar(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(root, "caddymodule", "caddyfile.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, comment, found := strings.Cut(string(source), "// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:\n//\n")
	if !found {
		t.Fatal("no grammar in caddymodule/caddyfile.go")
	}
	var grammar strings.Builder
	for line := range strings.Lines(comment) {
		text, found := strings.CutPrefix(line, "//\t")
		if !found && line != "//\n" {
			break
		}
		if !found {
			text = "\n"
		}
		grammar.WriteString(text)
	}
	reference, err := os.ReadFile(filepath.Join(root, "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	// Words follow the grammar, behind an empty line of the comment.
	if want := "```caddyfile\n" + strings.TrimSpace(grammar.String()) + "\n```\n"; !strings.Contains(string(reference), want) {
		t.Errorf("docs/reference.md does not hold the grammar of caddymodule/caddyfile.go:\n%s", want)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchor  = regexp.MustCompile(`<a id="([^"]+)">`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	block   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	dropped = regexp.MustCompile("[^a-z0-9 _-]")
)

// TestLinks follows the links between the documents.
func TestLinks(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	texts, anchors := map[string]string{}, map[string]map[string]bool{}
	for _, name := range append(documents, top...) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = block.ReplaceAllString(string(text), "")
		anchors[name] = map[string]bool{"": true}
		for _, match := range anchor.FindAllStringSubmatch(texts[name], -1) {
			anchors[name][match[1]] = true
		}
		for _, match := range heading.FindAllStringSubmatch(texts[name], -1) {
			anchors[name][strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
		}
	}
	for name, text := range texts {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			path, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			to := name
			if path != "" {
				to = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: there is no %s", filepath.Base(name), match[1])
			} else if known := anchors[to]; known != nil && !known[fragment] {
				t.Errorf("%s: there is no anchor %s", filepath.Base(name), match[1])
			}
		}
	}
}
