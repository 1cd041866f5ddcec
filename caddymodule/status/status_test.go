package status

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

var now = time.Date(2026, time.March, 2, 11, 42, 18, 0, time.UTC)

// filled are data with one text wherever a text comes from elsewhere.
func filled(text string) *Data {
	client := tally.ClientCounts{ClientID: text, ClientName: text, Reported: 3, WouldRefuse: 2, Last: now, First: now,
		Rules:   []tally.ClientRule{{Rule: "authorize.scope.repeated", Reported: 3, WouldRefuse: 2, Last: now}},
		OAuth21: []tally.ClientRule{{Rule: "token.grant_type.password", Last: now}}}
	return &Data{
		Now: now, Refresh: 5 * time.Second,
		Guards:  []Guard{{Profile: "hub", Mode: "report", Endpoints: map[string][]string{"token": {text}}, Sources: []string{text}, Reported: 3}},
		Sources: []clients.State{{Name: text, State: clients.Failing, LastError: text, StorageError: text, ReportError: text, Fetcher: text}},
		Counts: tally.Counts{Since: now.Add(-time.Hour), Clients: []tally.ClientCounts{client}, Unregistered: client,
			Endpoints: []tally.EndpointCounts{{Endpoint: "token", Decisions: tally.Decisions{Pass: 12_345, Report: 2, Reject: 1}}},
			Rules:     []tally.RuleCounts{{Rule: "authorize.scope.repeated", Reported: 3, LastReported: now, Clients: 1}}},
		Readiness: []tally.Readiness{{Rule: "authorize.scope.repeated", Title: "t", State: tally.Firing}, {Rule: "token.code.missing", Title: "u", State: tally.Ready, EnforceBy: "mode enforce"}},
		Recent: []tally.Finding{
			{Time: now, Endpoint: "authorize", Decision: "report", Would: "reject", Rule: "authorize.redirect_uri.unregistered", ClientID: text, ClientName: text, RedirectURI: text, Findings: make([]tally.Fired, 3)},
			{Time: now, Endpoint: "token", Decision: "reject", Rule: "token.code.missing"},
			{Time: now.Add(-time.Minute), Endpoint: "token", Decision: "reject", Rule: "token.code.missing"},
		},
		TotalRecent: 3, Short: tally.Series{Width: 2 * time.Second, End: now}, Long: tally.Series{Width: time.Minute, End: now},
	}
}

func render(t *testing.T, data *Data) string {
	t.Helper()
	body, err := Render(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// tags are the elements of a document with the names of their attributes.
func tags(document string) []string {
	document = regexp.MustCompile(`(?s)<(style|script)>.*?</(style|script)>`).ReplaceAllString(document, "<$1>")
	var list []string
	for _, tag := range regexp.MustCompile(`<[a-zA-Z!/][^>]*>`).FindAllString(document, -1) {
		list = append(list, regexp.MustCompile(`"[^"]*"`).ReplaceAllString(tag, `""`))
	}
	return list
}

// TestHostile expects that a hostile text changes no element and no attribute, wherever it stands.
func TestHostile(t *testing.T) {
	harmless := tags(render(t, filled("harmless")))
	for _, attack := range []string{
		`"'><script>alert(1)</script><img src=x onerror=alert(2)>`, "</style></script></title>{{.}}", "javascript:alert(1)", "\u202e\u2066\x00\x1b[31m\u2028", "a\"onload=\"b", strings.Repeat("<b>", 4000), "\xff\xfe",
	} {
		page := render(t, filled(attack))
		if difference := cmp.Diff(harmless, tags(page)); difference != "" {
			t.Errorf("%.40q changes the page (-harmless +hostile):\n%s", attack, difference)
		}
		for _, r := range page {
			if r < 0x20 && r != '\n' && r != '\t' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%.40q brings %U into the page", attack, r)
			}
		}
		if len(page) > 60_000 {
			t.Errorf("%.40q makes the page %d bytes long", attack, len(page))
		}
	}
}

func TestContent(t *testing.T) {
	page := render(t, filled("Text"))
	for _, want := range []string{
		"12,348", "Profile hub", "mode report", "3 reported", "never read", "failing", "authorize.scope.repeated", "2×", "token.grant_type.password", "not yet", "1 ready to enforce",
		"Write <code>mode enforce</code>", "would be refused", "and 2 more", "The last 3 of 3 requests", "2 Mar 2026, 10:42", `data-refresh="5"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	// Requests that are alike stand in one line.
	if count := strings.Count(page, "token.code.missing"); count != 2 {
		t.Errorf("token.code.missing occurs %d times", count)
	}
	empty := render(t, &Data{Now: now, Refresh: time.Second, Short: tally.Series{Width: 2 * time.Second}, Long: tally.Series{Width: time.Minute}})
	for _, want := range []string{"No guard is configured", "No source is configured", "Nobody, by all that was seen", "No rule fired", "None since", "no requests"} {
		if !strings.Contains(empty, want) {
			t.Errorf("the empty page lacks %q", want)
		}
	}
}

// TestBounds shows no more than a page can hold, and says so.
func TestBounds(t *testing.T) {
	data := filled("x")
	for i := range 20_000 {
		client := data.Counts.Clients[0]
		client.ClientID = fmt.Sprintf("client%05d", i)
		data.Counts.Clients = append(data.Counts.Clients, client)
		data.Recent = append(data.Recent, tally.Finding{Time: now, Endpoint: "token", Decision: "report", Rule: "token.code.missing", ClientID: client.ClientID})
	}
	page := render(t, data)
	if len(page) > 120_000 || !strings.Contains(page, "The 50 seen last of 20001") {
		t.Errorf("%d bytes", len(page))
	}
}

func TestHeaders(t *testing.T) {
	header := make(http.Header)
	SetHeaders(header, 5)
	if header.Get("Content-Length") != "5" || header.Get("Cache-Control") != "no-store" || !strings.Contains(header.Get("Content-Security-Policy"), hashSource(scriptSource)) {
		t.Errorf("%v", header)
	}
	page := render(t, filled("x"))
	if !strings.Contains(page, "<script>"+scriptSource+"</script>") || !strings.Contains(page, "<style>"+styleSource+"</style>") {
		t.Error("the style or the script is not what the policy allows")
	}
	if regexp.MustCompile(`\son[a-z]+=|\sstyle=|https?://|url\(|@import`).MatchString(strings.Replace(page, scriptSource, "", 1)) {
		t.Error("the page has a handler or a style inside of an element, or loads something")
	}
}

func TestAgo(t *testing.T) {
	v := newView(filled(""))
	for ago, want := range map[time.Duration]string{
		-time.Second: "just now", time.Second: "just now", 90 * time.Second: "90 s ago", 3 * time.Minute: "3 min ago", 119 * time.Minute: "119 min ago", 5 * time.Hour: "5 h ago", 72 * time.Hour: "3 days ago",
	} {
		if got := v.Ago(now.Add(-ago)); got != want {
			t.Errorf("%s: %q, want %q", ago, got, want)
		}
	}
}

func TestChart(t *testing.T) {
	c := newChart("c", "Title", tally.Series{Width: time.Minute, End: now.Truncate(time.Minute), Pieces: []tally.Decisions{{Pass: 30, Report: 60, Reject: 30}, {}, {Pass: 60}}}, 2*time.Hour)
	if c.Highest != "2.0" || c.Begin != "09:42" || c.Text != "Title: 90 passed, 60 reported, 30 refused; at most 2.0 in a second" {
		t.Errorf("%+v", c)
	}
	if c.Reject != "M585.0 100.0v-25.0h4.1v25.0z" || c.Report != "M585.0 75.0v-50.0h4.1v50.0z" || c.Pass != "M585.0 25.0v-25.0h4.1v25.0zM595.0 100.0v-50.0h4.1v50.0z" {
		t.Errorf("%+v", c)
	}
}
