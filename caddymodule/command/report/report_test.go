package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
)

// broken is a request that the server answers well and the guard would refuse.
func broken(client string, registered bool, rules ...string) *summary.Request {
	r := &summary.Request{Endpoint: "authorize", Client: client, HasClient: true, Registered: registered, Served: true, When: 1_767_258_000, Example: func() string { return "GET /auth" }}
	for _, id := range rules {
		r.Findings = append(r.Findings, summary.Finding{Rule: id, Mode: "enforce"})
	}
	return r
}

func lines(list []Suggestion) (lines []string) {
	for _, s := range list {
		line := s.Line
		if s.Doubtful {
			line = "# " + line
		}
		if s.RedirectURI != "" {
			line = "register " + s.Client + " " + s.RedirectURI
		}
		lines = append(lines, line)
	}
	return lines
}

func TestSuggestions(t *testing.T) {
	count := func(s *summary.Summary, times int, r *summary.Request) {
		for range times {
			s.Count(r)
		}
	}
	for name, test := range map[string]struct {
		fill func(*summary.Summary)
		want []string
	}{
		"nothing": {func(*summary.Summary) {}, nil},
		"refused, and wrong": {func(s *summary.Summary) {
			r := broken("app", true, "authorize.response_type.missing")
			r.Served = false
			s.Count(r)
		}, nil},
		"few clients": {func(s *summary.Summary) {
			count(s, 3, broken("app", true, "authorize.response_type.missing"))
			count(s, 2, broken("wiki", true, "authorize.response_type.unsupported"))
		}, []string{"exempt app authorize.response_type.missing", "exempt wiki authorize.response_type.unsupported"}},
		"one client, two rules": {func(s *summary.Summary) {
			count(s, 3, broken("app", true, "authorize.response_type.missing"))
			count(s, 2, broken("app", true, "authorize.response_type.unsupported"))
		}, []string{"exempt app authorize.response_type.missing authorize.response_type.unsupported"}},
		"many clients": {func(s *summary.Summary) {
			for i := range fewClients + 1 {
				s.Count(broken(fmt.Sprint("app", i), true, "authorize.response_type.missing"))
			}
		}, []string{"rule authorize.response_type.missing report"}},
		"no client_id":                   {func(s *summary.Summary) { s.Count(broken("", false, "authorize.client_id.missing")) }, []string{"rule authorize.client_id.missing report"}},
		"not exemptible":                 {func(s *summary.Summary) { s.Count(broken("app", true, "wire.percent_encoding.malformed")) }, []string{"# rule wire.percent_encoding.malformed report"}},
		"like an attack":                 {func(s *summary.Summary) { s.Count(broken("app", true, "authorize.state.repeated")) }, []string{"# exempt app authorize.state.repeated"}},
		"unknown clients":                {func(s *summary.Summary) { s.Count(broken("app", false, "authorize.client_id.unknown")) }, []string{"unknown_client report"}},
		"a client in quotes":             {func(s *summary.Summary) { s.Count(broken("my app", true, "authorize.response_type.missing")) }, []string{`exempt "my app" authorize.response_type.missing`}},
		"a client no Caddyfile can hold": {func(s *summary.Summary) { s.Count(broken("{$HOME}", true, "authorize.response_type.missing")) }, []string{""}},
		"an unregistered redirect URI": {func(s *summary.Summary) {
			r := broken("my app", true, "authorize.redirect_uri.unregistered")
			r.Unregistered = "https://app.example/cb"
			s.Count(r)
		}, []string{"register my app https://app.example/cb"}},
	} {
		s := summary.New()
		test.fill(s)
		view := New(s, "guard", nil)
		if diff := cmp.Diff(test.want, lines(view.Suggestions)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestSuggestedLines lets Caddy read what is suggested about any client: each line stays one directive about that client.
func TestSuggestedLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := redact.Text(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z{}"\\#<@ $.-]{1,12}`)).Draw(t, "client"), redact.MaxID)
		s := summary.New()
		s.Count(broken(id, true, "authorize.response_type.missing"))
		for _, suggestion := range New(s, "guard", nil).Suggestions {
			if suggestion.Line == "" {
				continue
			}
			tokens, err := caddyfile.Tokenize([]byte(suggestion.Line+"\n"), "Caddyfile")
			if err != nil || len(tokens) != 3 || id != "" && tokens[1].Text != id {
				t.Fatalf("%q is read as %v (%v)", suggestion.Line, tokens, err)
			}
		}
	})
}

func TestColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := summary.New()
		when := int64(1_700_000_000)
		count := rapid.IntRange(1, 300).Draw(t, "requests")
		for range count {
			when += rapid.Int64Range(0, 400_000).Draw(t, "pause")
			r := broken("app", true, "authorize.response_type.missing")
			r.When = summary.Moment(when)
			s.Count(r)
		}
		view := New(s, "guard", nil)
		columns, _, _ := view.columns()
		sum := int64(0)
		for _, c := range columns {
			sum += c.Refused
		}
		if sum != int64(count) || len(columns) > maxColumns+1 {
			t.Fatalf("%d of %d requests in %d columns", sum, count, len(columns))
		}
		for _, c := range view.timeChart().Columns {
			for _, p := range c.Parts {
				if p.Y < -0.01 || p.Y+p.H > chartHeight+0.01 || p.H <= 0 || p.X < 0 || int(p.X) >= len(columns) {
					t.Fatalf("%+v is outside of the plot", p)
				}
			}
		}
	})
}

func TestBars(t *testing.T) {
	b := newBar("app", 1, 2, 1, 8)
	want := bar{Name: "app", Title: "app: 1 would break, 2 others refused, 1 not", Broken: 12.5, Refused: 25, Rest: 12.5, RefusedX: 12.5, RestX: 37.5, Count: "4"}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

// TestHTML plants markup in every text: none of it becomes an element, and nothing refers to elsewhere.
func TestHTML(t *testing.T) {
	const attack = `"'><script>alert(1)</script><img src=https://evil.example/>{{.}}`
	s := summary.New()
	r := broken(attack, true, attack)
	r.ClientName, r.Unregistered, r.Example = attack, attack, func() string { return attack }
	s.Count(r)
	s.Count(broken(attack, false, "authorize.redirect_uri.unregistered"))
	s.Count(&summary.Request{Endpoint: "authorize", NotJudged: attack})
	s.Skipped[attack]++
	s.Misplaced(attack)
	var page bytes.Buffer
	if err := New(s, attack, []string{attack}).WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, hostile := range []string{"<script", "<img", "src=\"", "href=\"http", "url(", "@import"} {
		if strings.Contains(page.String(), hostile) {
			t.Errorf("the page holds %s", hostile)
		}
	}
	if count := strings.Count(page.String(), "&lt;script&gt;"); count < 12 {
		t.Errorf("the attack is there %d times only", count)
	}
	if open, shut := len(regexp.MustCompile(`<(details|table|section|ul|ol|pre|div|svg|li|tr|td|p)\b`).FindAllString(page.String(), -1)), len(regexp.MustCompile(`</(details|table|section|ul|ol|pre|div|svg|li|tr|td|p)>`).FindAllString(page.String(), -1)); open != shut {
		t.Errorf("%d elements begin, %d end", open, shut)
	}
}

// TestText writes a view of many rules and clients, and of none.
func TestText(t *testing.T) {
	s := summary.New()
	for i := range 100 {
		s.Count(broken(fmt.Sprint("app", i), i%2 == 0, fmt.Sprintf("rule.number%d", i%60)))
	}
	var out bytes.Buffer
	New(s, "guard", nil).WriteText(&out, func(s string) string { return s })
	for _, want := range []string{"100  requests judged", "and 20 more", "and 70 more", "unregistered"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the text does not say %q:\n%s", want, out.String())
		}
	}
	out.Reset()
	New(summary.New(), "guard", nil).WriteText(&out, func(s string) string { return s })
	if !strings.Contains(out.String(), "times unknown") || strings.Contains(out.String(), "Rules") {
		t.Errorf("of nothing:\n%s", out.String())
	}
	text, err := json.Marshal(New(summary.New(), "guard", nil))
	if err != nil || bytes.Contains(text, []byte(`"rules":null`)) || bytes.Contains(text, []byte(`"suggestions":null`)) {
		t.Errorf("%s, %v", text, err)
	}
}
