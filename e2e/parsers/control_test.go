package parsers

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
)

var writeFlag = flag.Bool("evidence", false, "write the table of evidence into docs/parsers.md")

const (
	document              = "../../docs/parsers.md"
	begin, end            = "<!-- evidence -->\n", "<!-- end of evidence -->\n"
	controlled, evidenced = 2_000, 20_000
)

// shows lists, for each kind of disturbance, parsers of which it is known that they read such requests otherwise, and such that refuse them.
var shows = map[string]struct{ otherwise, refuses []string }{
	"EBCDIC":                                  {otherwise: []string{"jetty", "tomcat"}},
	"GET with a body":                         {otherwise: []string{"express", "werkzeug", "rack", "plack"}},
	"NUL in a name":                           {otherwise: []string{"php"}},
	"UTF-16":                                  {otherwise: []string{"jetty", "django"}},
	"blank before a name":                     {otherwise: []string{"php"}},
	"bracket and equals sign in a value":      {otherwise: []string{}},
	"brackets around a name":                  {otherwise: []string{"express", "rack", "rails"}},
	"brackets behind a name":                  {otherwise: []string{"php", "express", "rack", "rails"}},
	"case of a name":                          {}, // nginx and .NET do not tell cases apart, and are not here
	"case of the path":                        {otherwise: []string{"express"}},
	"compressed form":                         {otherwise: []string{"express"}, refuses: []string{"jetty", "rack"}},
	"control character in a value":            {}, // parsers keep them; it is C programs behind them that do not
	"dot, blank or bracket for an underscore": {otherwise: []string{"php"}},
	"empty name":                              {}, // dropped or kept, it is no parameter that anybody knows
	"invalid UTF-8 in a value":                {otherwise: []string{"tomcat", "express", "URLSearchParams", "urllib", "werkzeug"}, refuses: []string{"rails"}},
	"long body":                               {refuses: []string{"jetty", "express"}},
	"long query":                              {refuses: []string{"jetty", "tomcat", "express", "querystring"}},
	"malformed escape elsewhere":              {refuses: []string{"jetty", "rack", "rails"}},
	"malformed escape in a value":             {otherwise: []string{"tomcat", "net/http"}, refuses: []string{"jetty", "rack"}},
	"more than 1000 parameters":               {otherwise: []string{"php", "express", "querystring"}, refuses: []string{"django"}},
	"no content type":                         {otherwise: []string{"rack", "CGI.pm"}},
	"number sign":                             {otherwise: []string{"jetty", "express"}, refuses: []string{"tomcat"}},
	"other charset":                           {otherwise: []string{"jetty", "tomcat", "django", "net/http"}, refuses: []string{"express"}},
	"other content type":                      {otherwise: []string{"jetty", "php", "werkzeug", "rack", "rails", "CGI.pm"}},
	"other method":                            {otherwise: []string{"tomcat", "php", "django", "net/http"}},
	"path":                                    {otherwise: []string{"jetty", "tomcat", "querystring", "rails"}},
	"query against body":                      {otherwise: []string{"jetty", "tomcat", "php", "express", "django", "rack", "net/http"}},
	"raw byte in a value":                     {otherwise: []string{"werkzeug", "django"}, refuses: []string{"tomcat", "express"}},
	"repeated behind an encoded name":         {otherwise: []string{"jetty", "tomcat", "php", "rack", "net/http"}},
	"repeated parameter":                      {otherwise: []string{"jetty", "tomcat", "php", "rack", "net/http"}},
	"semicolon":                               {otherwise: []string{"rack", "rails", "CGI.pm", "plack"}},
	"semicolon in a value":                    {otherwise: []string{"rack", "CGI.pm", "plack", "net/http"}},
	"slash in the path":                       {otherwise: []string{"jetty", "tomcat", "rack", "rails"}},
	"two content types":                       {otherwise: []string{"jetty", "tomcat", "php", "werkzeug", "net/http"}},
	"unsafe character in a value":             {refuses: []string{"tomcat"}},
}

// TestNegativeControl asks the parsers whatever the guard says: without its rules every kind of trick shows in those parsers of which it is known, so that the property could fail. What
// the document says that rules protect from must show again, too.
func TestNegativeControl(t *testing.T) {
	laboratory, guard := start(t)
	count := controlled
	if *writeFlag {
		count = evidenced
	}
	evidence, err := laboratory.Gather(guard, committedSeed, count)
	if err != nil {
		t.Fatal(err)
	}
	if *writeFlag {
		writeEvidence(t, laboratory, evidence)
	}
	for _, disturbance := range disturbances {
		want, listed := shows[disturbance.kind]
		effect := evidence.Kinds[disturbance.kind]
		if !listed || effect == nil {
			t.Errorf("%s: listed %v, seen %v", disturbance.kind, listed, effect != nil)
			continue
		}
		for _, parser := range want.otherwise {
			if effect.Otherwise[parser] == 0 {
				t.Errorf("%s: %s reads none of %d requests otherwise", disturbance.kind, parser, effect.Requests)
			}
		}
		for _, parser := range want.refuses {
			if effect.Refused[parser] == 0 {
				t.Errorf("%s: %s refuses none of %d requests", disturbance.kind, parser, effect.Requests)
			}
		}
	}
	checkEvidence(t, laboratory, evidence)
}

// writeEvidence replaces the tables in the document.
func writeEvidence(t *testing.T, laboratory *Laboratory, evidence Evidence) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s lacks the marks %q and %q", document, begin, end)
	}
	table := evidence.Rules.Table("rule", laboratory.Parsers())
	if err := os.WriteFile(document, []byte(before+begin+"\n"+table+"\n"+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkEvidence compares the table in the document with what was seen now: the parsers, the rules, and every cell that says that a parser reads at least a fifth of the requests otherwise.
func checkEvidence(t *testing.T, laboratory *Laboratory, evidence Evidence) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), begin)
	table, _, _ := strings.Cut(rest, end)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if len(lines) < 20 {
		t.Fatalf("%s has no evidence: run this test with -evidence", document)
	}
	parsers := cells(lines[0])[2:]
	if !slices.Equal(parsers, laboratory.Parsers()) {
		t.Fatalf("%s is about the parsers %q: run this test with -evidence", document, parsers)
	}
	for _, line := range lines[2:] {
		row := cells(line)
		if _, known := validators.Lookup(row[0]); !known {
			t.Errorf("%s: there is no rule %s", document, row[0])
			continue
		}
		requests, _ := strconv.Atoi(row[1])
		effect := evidence.Rules[row[0]]
		for i, cell := range row[2:] {
			otherwise, _, _ := strings.Cut(strings.TrimPrefix(cell, "**"), "**")
			n, err := strconv.Atoi(otherwise)
			if err != nil || 5*n < requests || requests < evidenced/200 {
				continue
			}
			if effect == nil || effect.Otherwise[parsers[i]] == 0 {
				t.Errorf("%s says that %s protects %s, which does not show", document, row[0], parsers[i])
			}
		}
	}
}

// cells are the cells of a line of a table.
func cells(line string) []string {
	all := strings.Split(strings.Trim(line, "|"), "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}
