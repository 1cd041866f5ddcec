package matrix_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// intrusive are guards that must be noticed, and what about them.
var intrusive = map[string]struct {
	directives string
	want       []string
}{
	"refuses": {"limits {\nparameters 3\n}", []string{otherResults, otherArrivals, otherFindings}},
	"reports": {"mode report\nlimits {\nparameters 3\n}", []string{otherFindings}},
}

// TestIntrusiveGuard shows that the comparison notices a guard that is in the way.
func TestIntrusiveGuard(t *testing.T) {
	for name, guard := range intrusive {
		t.Run(name, func(t *testing.T) {
			s := start(t, []upstream.Kind{upstream.Osin()}, guard.directives)
			l := s.lanes[0]
			c := cell{l, "golang.org/x/oauth2", clients.Libraries()[0].Styles[0], clients.Code}
			bare, guarded := s.visit(t, c, l.bare), s.visit(t, c, l.guarded)
			if problems := c.unexpected(bare.steps); problems != nil {
				t.Error(problems)
			}
			if difference := cmp.Diff(guard.want, titles(c.problems(bare, guarded))); difference != "" {
				t.Errorf("(-want, +got):\n%s", difference)
			}
		})
	}
}

// titles are the problems without their details.
func titles(problems []string) []string {
	var titles []string
	for _, problem := range problems {
		title, _, _ := strings.Cut(problem, ":")
		titles = append(titles, title)
	}
	return titles
}

// differences are changes to a run that must be noticed, or must not.
var differences = []struct {
	name   string
	change func(v *visit)
	want   []string
}{
	{"none", func(*visit) {}, nil},
	{"another code", func(v *visit) { v.exchanges[0].Arrival.Target = "/authorize?client_id=native&code=b&scope=read+write" }, nil},
	{"a second is over", func(v *visit) { v.steps[0].Result["expires_in"] = 3599.0 }, nil},
	{"more preflights", func(v *visit) { v.exchanges = append(v.exchanges, v.exchanges[1]) }, nil},
	{"another result", func(v *visit) { v.steps[0].Result["scope"] = "read" }, []string{otherResults}},
	{"a step is missing", func(v *visit) { v.steps = nil }, []string{otherResults}},
	{"another order of parameters", func(v *visit) { v.exchanges[0].Arrival.Target = "/authorize?code=a&client_id=native&scope=read+write" }, []string{otherArrivals}},
	{"a parameter is missing", func(v *visit) { v.exchanges[0].Arrival.Target = "/authorize?client_id=native&code=a" }, []string{otherArrivals}},
	{"another value", func(v *visit) { v.exchanges[0].Arrival.Target = "/authorize?client_id=native&code=a&scope=read" }, []string{otherArrivals}},
	{"another header field", func(v *visit) { v.exchanges[0].Arrival.Header.Set("Expect", "100-continue") }, []string{otherArrivals}},
	{"another header value", func(v *visit) { v.exchanges[0].Arrival.Header.Set("Accept", "text/html") }, []string{otherArrivals}},
	{"another status", func(v *visit) { v.exchanges[0].Status = http.StatusOK }, []string{otherArrivals}},
	{"a request does not arrive", func(v *visit) { v.exchanges[0].Arrival = nil }, []string{otherArrivals}},
	{"a request too many", func(v *visit) { v.exchanges = append(v.exchanges, v.exchanges[0]) }, []string{otherArrivals}},
	{"a report", func(v *visit) { v.exchanges[0].Decision = "report" }, []string{otherFindings}},
	{"no guard", func(v *visit) { v.exchanges[0].Endpoint, v.exchanges[0].Decision = "", "" }, []string{otherFindings}},
	{"another protocol", func(v *visit) { v.exchanges[0].Protocol = "HTTP/2.0" }, []string{otherProtocol}},
	{"no preflight", func(v *visit) { v.exchanges = v.exchanges[:1] }, []string{otherArrivals, missing}},
}

// TestDifferences compares a run with the same run after a change.
func TestDifferences(t *testing.T) {
	kind := upstream.Osin()
	c := cell{&lane{kind: kind, bare: &front.Site{Address: "127.0.0.1:1"}, guarded: &front.Site{Address: "127.0.0.1:2"}}, "oidc-client-ts",
		clients.Style{Name: clients.Basic, Method: clients.Basic}, clients.Password}
	run := func(at *front.Site, decision string) visit {
		v := visit{steps: []clients.Step{{Name: "token", Result: map[string]any{"expires_in": 3600.0, "scope": "read write"}}}}
		for _, request := range []struct{ method, target string }{
			{http.MethodGet, "/authorize?client_id=native&code=a&scope=read+write"}, {http.MethodOptions, kind.Paths.Token}, {http.MethodOptions, kind.Paths.Resource},
		} {
			header := http.Header{"Accept": {"*/*"}, "Origin": {at.URL()}}
			v.exchanges = append(v.exchanges, &front.Exchange{
				Method: request.method, Target: request.target, Protocol: "HTTP/1.1", Decision: decision, Status: http.StatusFound,
				Arrival: &front.Arrival{Method: request.method, Target: request.target, Header: header},
			})
		}
		return v
	}
	for _, difference := range differences {
		t.Run(difference.name, func(t *testing.T) {
			bare, guarded := run(c.bare, ""), run(c.guarded, "pass")
			for i, endpoint := range []string{"authorize", "token", "resource"} {
				guarded.exchanges[i].Endpoint = endpoint
			}
			difference.change(&guarded)
			if problems := cmp.Diff(difference.want, titles(c.problems(bare, guarded))); problems != "" {
				t.Errorf("(-want, +got):\n%s", problems)
			}
		})
	}
}
