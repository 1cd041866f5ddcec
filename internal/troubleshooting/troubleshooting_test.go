package troubleshooting

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// internal are texts that nobody who runs the product can see, and why.
var internal = map[string]string{
	"http: invalid Read on closed Body": "what net/http says to a handler that reads too late",
	"not understood":                    "a reason inside of package proofs, which says with it that a signature cannot be judged",
	"not a public key":                  "the same",
	"not a JWK Set":                     "the same",
}

// prefixes say where a mistake is, and not which: they stand before the text of another error.
var prefixes = regexp.MustCompile(`^(?:(?:clients|client|record|profile|request_objects|rule|exempt|endpoint|errors page|jwks|redirect_uris|path|static|file|storage|manifest|heartbeat|json|key|curl|` +
	`HTTP archive|entry|apps http|base URL|hub|line|column|--\w+|…)[ :,;]*)*…$`)

// forTests are the files whose errors only the tests of the catalogue can see: vectors are compiled in, and a test reads all of them.
var forTests = []string{"validators/vectors/", "validators/examples.go:"}

func TestEveryTextIsDocumented(t *testing.T) {
	root := "../.."
	texts, err := Collect(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 200 {
		t.Fatalf("only %d texts were found", len(texts))
	}
	documented := rows(t, filepath.Join(root, "docs", "troubleshooting.md"))
	known, unused := map[string]bool{}, map[string]bool{}
	for text := range internal {
		unused[text] = true
	}
	for _, text := range texts {
		known[text.Text] = true
		delete(unused, text.Text)
		if internal[text.Text] != "" || prefixes.MatchString(text.Text) || of(text.Place, forTests) || documented[text.Text] {
			continue
		}
		t.Errorf("docs/troubleshooting.md says nothing about `%s`, %s", text.Text, text.Place)
	}
	for text := range unused {
		t.Errorf("%q is in the list of internal texts, and nobody writes it", text)
	}
	// What is put together from parts is looked for in the sources as it is.
	sources := literals(t, root)
	for text := range documented {
		if !known[text] && !strings.Contains(sources, text) {
			t.Errorf("docs/troubleshooting.md explains `%s`, which nothing writes", text)
		}
	}
}

// literals are the sources with which texts are put together, and what Caddy says.
func literals(t *testing.T, root string) string {
	t.Helper()
	text := "unrecognized directive: oauth_guard\nmodule not registered: http.handlers.oauth_guard\nmodule not registered: oauth_guard.clients.…\n"
	content, err := os.ReadFile(filepath.Join(root, "clients", "rest_request.go"))
	if err != nil {
		t.Fatal(err)
	}
	return text + string(content)
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]* \\| ?.*\\|$")

// rows are the texts in the first column of the tables.
func rows(t *testing.T, name string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(string(content), -1) {
		if texts[match[1]] {
			t.Errorf("two rows explain `%s`", match[1])
		}
		texts[match[1]] = true
	}
	return texts
}

func of(place string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(place, prefix) {
			return true
		}
	}
	return false
}

// TestCollect finds texts in each form in which the product writes them.
func TestCollect(t *testing.T) {
	texts, err := Collect("../..")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, text := range texts {
		have[text.Text] = true
	}
	for _, want := range []string{
		"clients storage: it is slow: reading or writing takes more than …", // a sum
		"request left to the server to refuse",                              // a variable
		"the guard itself failed",                                           // the log
		"no such rule …; did you mean …?",                                   // an error
		"oauth_guard: unrecognized option … in limits",                      // the Caddyfile
		"clients storage: snapshot refused, …: …",                           // an error with a type of its own
		"the Hub wants a token; create a permanent one with the scope Hub",  // advice
		"the URL has a blank or a line end: write it as it is sent, with %20",
	} {
		if !have[want] {
			t.Errorf("%q is not found", want)
		}
	}
}
