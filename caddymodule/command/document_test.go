package command_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const document = "../../docs/commands.md"

// helps are the places of the document where the help of a command stands.
var helps = regexp.MustCompile("(?s)<!-- help: ([a-z]+) -->\n(?:```text\n.*?\n```\n)?")

// TestDocumentHelp compares the helps in the document with those that the commands print; with -update it writes them.
func TestDocumentHelp(t *testing.T) {
	before, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	after := helps.ReplaceAllStringFunc(string(before), func(block string) string {
		count++
		name := helps.FindStringSubmatch(block)[1]
		return "<!-- help: " + name + " -->\n```text\n" + strings.Trim(run(t, "", name, "--help").stdout, "\n") + "\n```\n"
	})
	if count != 5 {
		t.Fatalf("%d helps, want 5", count)
	}
	if *update {
		if err := os.WriteFile(document, []byte(after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(before), after); diff != "" {
		t.Errorf("%s is stale, write it anew with -update (-document +commands):\n%s", document, diff)
	}
}

// members lists the names of members in JSON, whose values under the given names are maps by names of their own.
func members(t *testing.T, text string, maps ...string) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for name, inner := range value {
				names = append(names, name)
				if !slices.Contains(maps, name) {
					walk(inner)
				}
			}
		case []any:
			for _, inner := range value {
				walk(inner)
			}
		}
	}
	walk(value)
	slices.Sort(names)
	return slices.Compact(names)
}

// TestDocumentJSON looks for every member that a command writes in the section of the command, and in its first column where there is a table of members.
func TestDocumentJSON(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for section, commands := range map[string][][]string{
		"JSON of a request": {
			{"check", "--json", "--config", "testdata/hub.caddyfile", wrongURL}, {"check", "--json", "--config", "testdata/report.caddyfile", strings.Replace(wrongURL, "/api/", "/login/api/", 1)},
			{"check", "--json", "--config", "testdata/hub.caddyfile", "testdata/request.txt"},
		},
		"Ways around the guard": {{"check", "--json", "--config", "testdata/around.caddyfile"}},
		"JSON of a replay":      {{"replay", "--json", "--config", "testdata/hub.caddyfile", "testdata/caddy.log"}, {"replay", "--json", "--host", "two.example.com", "--config", "testdata/several.caddyfile", "testdata/combined.log"}},
		"rules":                 {{"rules", "--json", "token.parameter.repeated"}},
		"clients":               {{"clients", "--json", "--clients", "testdata/clients.json"}},
	} {
		_, described, found := strings.Cut(string(text), "# "+section+"\n")
		if !found {
			t.Fatalf("there is no section %s", section)
		}
		if end := strings.Index(described, "\n## "); end >= 0 {
			described = described[:end]
		}
		for _, arguments := range commands {
			did := run(t, "", arguments...)
			for _, name := range members(t, did.stdout, "modes") {
				if !strings.Contains(described, "`"+name+"`") {
					t.Errorf("%q writes %s, which the section %s does not describe", arguments, name, section)
				}
			}
		}
	}
}
