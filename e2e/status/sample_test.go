package status_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/status"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// now is when the samples were made.
var now = time.Date(2026, time.March, 2, 11, 42, 18, 0, time.UTC)

// attack would run a script or change the page if it were not escaped.
const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>{{.}}</title></code>` + "\u202eevil\x00 javascript:alert(3)"

// attackText is how the attack looks on the page: what cannot be seen is written out.
const attackText = `"'><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>{{.}}</title></code>\u202eevil\u0000 javascript:alert(3)`

// text are the texts of a page that come from elsewhere.
type text struct{ id, name, source, problem, path, uri string }

var (
	ordinary = text{"", "", "hub:https://hub.example.com", "hub https://hub.example.com: 401 Unauthorized: the token is not valid any more", "/hub/api/rest/oauth2/auth", "https://wiki-staging.example.com/callback"}
	hostile  = text{attack[:100], attack[:80], attack[:80], attack, attack[:90], attack}
	long     = text{strings.Repeat("Q", 5000), strings.Repeat("N", 5000), strings.Repeat("S", 5000), strings.Repeat("E", 5000), "/" + strings.Repeat("p", 5000), "https://" + strings.Repeat("u", 5000)}
)

// index is the place of a rule in the catalogue.
func index(id string) int {
	for i := range validators.Catalogue() {
		if validators.Catalogue()[i].ID == id {
			return i
		}
	}
	panic("no rule " + id)
}

// judged are requests that a tally is given.
type judged struct {
	endpoint  rule.Endpoint
	id, name  string
	rule      string
	mode      rule.Mode
	would     rule.Mode
	count     int
	ago       time.Duration
	uri       string
	forbidden string // by the profile oauth21
}

// sample are the data of a Hub some hours after the guard was put before it, with the texts where texts come from elsewhere.
func sample(t *testing.T, texts text) *status.Data {
	t.Helper()
	since := now.Add(-26 * time.Hour)
	counts := tally.New(since)
	clientOf := func(id, name string) *rule.Client {
		if texts.id != "" {
			id, name = texts.id+id, texts.name
		}
		return &rule.Client{ID: id, Name: name}
	}
	type moment struct {
		time    time.Time
		verdict *validators.Verdict
		uri     string
	}
	var moments []moment
	for _, j := range []judged{
		{rule.Authorize, "0-0-0-0-7", "Team Wiki", "authorize.redirect_uri.unregistered", rule.Report, rule.Enforce, 31, 95 * time.Second, ordinary.uri, "authorize.code_challenge.missing"},
		{rule.Authorize, "9f1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d", "Build Server", "authorize.scope.repeated", rule.Report, rule.Enforce, 4, 41 * time.Minute, "", "authorize.response_type.implicit"},
		{rule.Token, "legacy-report", "Monthly Reports", "token.parameter.in_query", rule.Report, rule.Report, 12, 3 * time.Hour, "", "token.grant_type.password"},
		{rule.Authorize, "youtrack-mobile", "YouTrack Mobile", "", 0, 0, 0, 12 * time.Minute, "", "authorize.code_challenge.missing"},
		{rule.Token, "", "", "token.parameter.repeated", rule.Enforce, rule.Enforce, 9, 22 * time.Minute, "", ""},
		{rule.Authorize, "", "", "authorize.client_id.unknown", rule.Report, rule.Report, 57, 7 * time.Second, "", ""},
		{rule.Authorize, "", "", "path.ambiguous", rule.Enforce, rule.Enforce, 3, 25 * time.Hour, "", ""},
		{rule.Resource, "", "", "bearer.token.too_long", rule.Report, rule.Report, 2, 5 * time.Hour, "", ""},
	} {
		var client *rule.Client
		if j.id != "" {
			client = clientOf(j.id, j.name)
		}
		if j.forbidden != "" {
			watched, _ := counts.Watch(client.ID, 1, now.Add(-j.ago))
			watched.Stricter(client, []rule.Finding{{Rule: &validators.Catalogue()[index(j.forbidden)], Index: index(j.forbidden), Would: rule.Enforce}}, now.Add(-j.ago))
		}
		if j.rule == "" {
			continue
		}
		r := &validators.Catalogue()[index(j.rule)]
		v := &validators.Verdict{Endpoint: j.endpoint, Client: client, Rule: r, Decision: validators.Report, Error: "invalid_request", Status: 400,
			Findings: []rule.Finding{{Rule: r, Index: index(j.rule), Mode: j.mode, Would: j.would}}}
		if j.mode == rule.Enforce {
			v.Decision = validators.Reject
		}
		uri := j.uri
		if uri != "" && texts.uri != "" {
			uri = texts.uri
		}
		for i := range j.count {
			moments = append(moments, moment{now.Add(-j.ago - time.Duration(i)*7*time.Minute), v, uri})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int { return a.time.Compare(b.time) })
	for _, m := range moments {
		counts.Count(m.verdict)
		counts.Note(m.verdict, m.time, m.uri, "")
	}
	for endpoint, count := range map[rule.Endpoint]int{rule.Authorize: 18_203, rule.Token: 41_377, rule.Userinfo: 902, rule.Resource: 120_441} {
		for range count {
			counts.Count(&validators.Verdict{Endpoint: endpoint})
		}
	}
	data := &status.Data{
		Now: now, Refresh: 5 * time.Second, Counts: counts.Counts(), Short: wave(2*time.Second, 89, 11), Long: wave(time.Minute, 119, 9),
		Guards: []status.Guard{
			{Profile: "hub", Mode: "report", Reported: 132, Sources: []string{texts.source, "static"}, Endpoints: map[string][]string{
				"authorize": {texts.path}, "token": {"/hub/api/rest/oauth2/token"}, "userinfo": {"/hub/api/rest/oauth2/userinfo"}, "resource": {"/hub/api/rest/*"}}},
		},
		Sources: []clients.State{
			{Name: texts.source, State: clients.Failing, Clients: 214, LastSuccess: now.Add(-11 * time.Minute), LastError: texts.problem, Fetching: true},
			{Name: "static", State: clients.Fresh, Clients: 3, LastSuccess: since},
		},
	}
	hub, err := validators.New(validators.Config{Endpoints: map[rule.Endpoint][]string{rule.Authorize: {"/a"}, rule.Token: {"/t"}, rule.Userinfo: {"/u"}, rule.Resource: {"/r/*"}, rule.Device: {"/d"}}})
	if err != nil {
		t.Fatal(err)
	}
	data.Readiness = tally.ReadinessOf(&data.Counts, []tally.Looks{{ReportOnly: true, Modes: hub.Modes()}}, now)
	data.Recent, data.TotalRecent = counts.Recent(tally.MaxRecent)
	return data
}

// wave is traffic that goes up and down.
func wave(width time.Duration, count int, rate float64) tally.Series {
	s := tally.Series{Width: width, End: now.Truncate(width)}
	for i := range count {
		x := float64(i)
		level := rate * width.Seconds() * (1 + 0.45*math.Sin(x/17) + 0.2*math.Sin(x/3.1+1) + 0.12*math.Sin(x*2.3))
		piece := tally.Decisions{Pass: uint64(level)}
		if i%5 < 2 {
			piece.Report = uint64(level * 0.09)
		}
		if i%23 < 2 {
			piece.Reject = uint64(level*0.05) + 1
		}
		s.Pieces = append(s.Pieces, piece)
	}
	return s
}

// samples are pages of all kinds by name.
func samples(t *testing.T) map[string]*status.Data {
	empty := tally.New(now.Add(-time.Minute))
	return map[string]*status.Data{
		"full": sample(t, ordinary), "hostile": sample(t, hostile), "long": sample(t, long),
		"empty": {Now: now, Refresh: 5 * time.Second, Counts: empty.Counts(), Short: tally.Series{Width: 2 * time.Second, End: now}, Long: tally.Series{Width: time.Minute, End: now}},
	}
}

// serveSamples serves the pages below their names.
func serveSamples(t *testing.T) string {
	t.Helper()
	pages := samples(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, known := pages[strings.TrimPrefix(r.URL.Path, "/")]
		if !known {
			w.WriteHeader(http.StatusNoContent) // the picture that browsers ask for
			return
		}
		body, err := status.Render(data)
		if err != nil {
			t.Error(err)
		}
		status.SetHeaders(w.Header(), len(body))
		_, _ = fmt.Fprintf(w, "%s", body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
