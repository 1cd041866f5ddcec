package integration

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"
)

// The answers of the admin endpoint, as far as tests look at them.
type (
	countedRule struct {
		Rule         string `json:"rule"`
		Refused      int    `json:"refused"`
		Reported     int    `json:"reported"`
		WouldRefuse  int    `json:"would_refuse"`
		Clients      int    `json:"clients"`
		Unregistered int    `json:"unregistered"`
	}
	countedClient struct {
		ID          string        `json:"client_id"`
		Name        string        `json:"client_name"`
		Refused     int           `json:"refused"`
		Reported    int           `json:"reported"`
		WouldRefuse int           `json:"would_refuse"`
		Rules       []countedRule `json:"rules"`
		OAuth21     []countedRule `json:"oauth21"`
	}
	allCounts struct {
		Endpoints []struct {
			Endpoint             string
			Pass, Report, Reject int
		}
		Rules        []countedRule
		Clients      []countedClient
		TotalClients int `json:"total_clients"`
		Unregistered countedClient
	}
	readyRule struct {
		Rule      string `json:"rule"`
		State     string `json:"state"`
		Ready     bool   `json:"ready"`
		Mode      string `json:"mode"`
		EnforceBy string `json:"enforce_by"`
		Clients   int    `json:"clients"`
	}
	breakingClient struct {
		ID           string        `json:"client_id"`
		IfEnforced   []readyRule   `json:"if_enforced"`
		UnderOAuth21 []countedRule `json:"under_oauth21"`
	}
)

// client is what was counted of a client; the zero value if nothing was.
func (c *allCounts) client(id string) (found countedClient) {
	for _, client := range c.Clients {
		if client.ID == id {
			found = client
		}
	}
	return found
}

// rule is what was counted of a rule.
func (c *allCounts) rule(id string) (found countedRule) {
	for _, rule := range c.Rules {
		if rule.Rule == id {
			found = rule
		}
	}
	return found
}

func ids(rules []countedRule) []string {
	list := []string{}
	for _, rule := range rules {
		list = append(list, rule.Rule)
	}
	return list
}

// adminConfig is a configuration with an admin endpoint.
func adminConfig(t testing.TB, address, options, sites string) []byte {
	t.Helper()
	var config caddy.Config
	if err := json.Unmarshal(adapt(t, options, sites), &config); err != nil {
		t.Fatal(err)
	}
	persist := false
	config.Admin = &caddy.AdminConfig{Listen: address, Config: &caddy.ConfigSettings{Persist: &persist}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// stopAdministered stops Caddy and its admin endpoint, which goes on without a configuration until one switches it off.
func stopAdministered() {
	_ = caddy.Load([]byte(`{"admin":{"disabled":true,"config":{"persist":false}}}`), true)
	_ = caddy.Stop()
}

// TestCounts reports first, then enforces, and expects that the counts go on over the change of the configuration.
func TestCounts(t *testing.T) {
	guarded, address, up := freeAddress(t), freeAddress(t), newUpstream(t)
	counted := "counted" + rand.Text() // counts last as long as the process, which may run the test again
	configure := func(lines string) {
		t.Helper()
		lines = "profile rfc6749\n" + endpointLines + strings.ReplaceAll(clientLines, "client app", "client "+counted) + lines
		if err := caddy.Load(adminConfig(t, address, "", site(guarded, guard(lines)+up.proxy())), true); err != nil {
			t.Fatal(err)
		}
		// Caddy answers that the new configuration stands while the one before still closes what it listens on, and with it what just connects there.
		for _, listening := range []string{guarded, address} {
			eventually(t, "only the new configuration listens", func() bool { return caddy.ListenerUsage("tcp", listening) == 1 })
		}
	}
	configure("mode report\n")
	t.Cleanup(stopAdministered)
	ask := func(method, target string, status int) {
		t.Helper()
		raw := get(target)
		if method == "POST" {
			path, body, _ := strings.Cut(target, "?")
			raw = form(path, body)
		}
		// A connection that the configuration before did not accept any more was judged by nobody.
		if got, _, err := insist(guarded, raw); err != nil || got.status != status {
			t.Errorf("%s %s: status %d, want %d, %v", method, target, got.status, status, err)
		}
	}
	var before, counts allCounts
	admin(t, address, "GET", "/oauth_guard/counts", &before)
	valid := "/oauth2/auth?response_type=code&client_id=" + counted + "&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s"
	ask("GET", valid, 200)
	ask("GET", valid, 200)
	ask("GET", strings.Replace(valid, "=code", "=token", 1), 200)
	ask("GET", valid+"&scope=a&scope=b", 200)
	ask("GET", strings.Replace(valid, "app.example%2Fcb", "user:s3cret@evil.example%2Fcb%3Fcode=s3cret%23s3cret", 1), 200)
	ask("GET", strings.Replace(valid, counted, "nobody", 1), 200)
	ask("POST", "/oauth2/token?grant_type=password&client_id="+counted+"&username=u&password=s3cret", 200)
	admin(t, address, "GET", "/oauth_guard/counts", &counts)
	client := counts.client(counted)
	if client.Name != "Tracker" || client.Refused != 0 || client.Reported != 2 || client.WouldRefuse != 2 {
		t.Errorf("%+v", client)
	}
	want := []countedRule{
		{Rule: "authorize.redirect_uri.unregistered", Reported: 1, WouldRefuse: 1},
		{Rule: "authorize.scope.repeated", Reported: 1, WouldRefuse: 1},
	}
	if fired := slices.DeleteFunc(client.Rules, func(r countedRule) bool { return r.WouldRefuse == 0 }); !containsAll(fired, want) {
		t.Errorf("%+v, want %+v", fired, want)
	}
	for _, id := range []string{"authorize.response_type.implicit", "authorize.code_challenge.missing", "token.grant_type.password"} {
		if !slices.Contains(ids(client.OAuth21), id) {
			t.Errorf("under oauth21: %v, without %s", ids(client.OAuth21), id)
		}
	}
	if added := counts.Unregistered.WouldRefuse - before.Unregistered.WouldRefuse; added != 1 {
		t.Errorf("%d requests of nobody registered", added)
	}

	// What would break, and what is ready.
	var breaking struct{ Clients []breakingClient }
	admin(t, address, "GET", "/oauth_guard/breaking", &breaking)
	at := slices.IndexFunc(breaking.Clients, func(c breakingClient) bool { return c.ID == counted })
	if at < 0 || !slices.ContainsFunc(breaking.Clients[at].IfEnforced, func(r readyRule) bool {
		return r.Rule == "authorize.redirect_uri.unregistered" && r.EnforceBy == "mode enforce"
	}) || !slices.Contains(ids(breaking.Clients[at].UnderOAuth21), "token.grant_type.password") {
		t.Errorf("%+v", breaking.Clients)
	}
	readiness := func() map[string]readyRule {
		var answer struct{ Rules []readyRule }
		admin(t, address, "GET", "/oauth_guard/readiness", &answer)
		byRule := make(map[string]readyRule)
		for _, r := range answer.Rules {
			byRule[r.Rule] = r
		}
		return byRule
	}
	states := readiness()
	if got := states["authorize.redirect_uri.unregistered"]; got.State != "firing" || got.Ready || got.Mode != "report" || got.EnforceBy != "mode enforce" || got.Clients < 1 {
		t.Errorf("%+v", got)
	}
	if _, looked := states["authorize.code_challenge.missing"]; looked {
		t.Error("a rule that is off in the profile is among those that are looked at")
	}

	// The latest findings.
	var recent struct {
		Findings []struct {
			Time, Endpoint, Decision, Would, Rule, Error string
			Client                                       string `json:"client_id"`
			URI                                          string `json:"redirect_uri"`
			Findings                                     []struct{ Rule, Mode, Would string }
		}
		Total int
	}
	admin(t, address, "GET", "/oauth_guard/findings?limit=3", &recent)
	if len(recent.Findings) != 3 || recent.Total < 3 {
		t.Fatalf("%+v", recent)
	}
	unknown, wrong := recent.Findings[0], recent.Findings[1]
	if unknown.Rule != "authorize.client_id.unknown" || unknown.Client != "" || unknown.URI != "" || unknown.Would != "reject" || unknown.Decision != "report" {
		t.Errorf("%+v", unknown)
	}
	if wrong.Client != counted || wrong.Endpoint != "authorize" || wrong.URI != "https://…@evil.example/cb" || wrong.Findings[0].Mode != "report" || wrong.Findings[0].Would != "enforce" {
		t.Errorf("%+v", wrong)
	}

	// A configuration that is refused, here for its lack of endpoints, changes nothing, one that is accepted goes on counting.
	if err := caddy.Load(adminConfig(t, address, "", site(guarded, guard("profile rfc6749\n"))), true); err == nil {
		t.Fatal("a wrong configuration loads")
	}
	configure("")
	ask("GET", valid, 200)
	ask("GET", valid+"&scope=a&scope=b", 303)
	var after allCounts
	admin(t, address, "GET", "/oauth_guard/counts", &after)
	if client := after.client(counted); client.Refused != 1 || client.Reported != 2 || client.WouldRefuse != 2 {
		t.Errorf("%+v", client)
	}
	if added := after.rule("authorize.scope.repeated"); added.Refused != counts.rule("authorize.scope.repeated").Refused+1 {
		t.Errorf("%+v", added)
	}
	if state := readiness()["authorize.redirect_uri.unregistered"]; state.State != "enforced" || state.Mode != "enforce" || state.EnforceBy != "" {
		t.Errorf("%+v", state)
	}
	var guards []struct {
		Profile, Mode string
		Endpoints     map[string][]string
		Sources       []string
	}
	admin(t, address, "GET", "/oauth_guard/guards", &guards)
	if len(guards) != 1 || guards[0].Profile != "rfc6749" || guards[0].Mode != "enforce" || !cmp.Equal(guards[0].Sources, []string{"static"}) ||
		!cmp.Equal(guards[0].Endpoints["token"], []string{"/oauth2/token"}) {
		t.Errorf("%+v", guards)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/oauth_guard/findings", 405}, {"POST", "/oauth_guard/counts", 405}, {"DELETE", "/oauth_guard/readiness", 405}, {"PUT", "/oauth_guard/breaking", 405},
		{"GET", "/oauth_guard/findings?limit=501", 400}, {"GET", "/oauth_guard/counts?limit=x", 400}, {"GET", "/oauth_guard/breaking?limit=-1", 400},
		{"GET", "/oauth_guard/findings/1", 404}, {"GET", "/oauth_guard/findings?limit=500", 200},
	} {
		if status := admin(t, address, c.method, c.path, nil); status != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, status, c.status)
		}
	}
	// A browser on another site learns nothing.
	request, err := http.NewRequest("GET", "http://"+address+"/oauth_guard/counts", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://evil.example")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("another origin: %v, %v", response, err)
	}
	_ = response.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// containsAll compares rules by what is counted of one client.
func containsAll(got, want []countedRule) bool {
	return !slices.ContainsFunc(want, func(w countedRule) bool { return !slices.Contains(got, w) })
}

// TestInventedClients sends many client identifiers that nobody registered: they share one record.
func TestInventedClients(t *testing.T) {
	guarded, address, up := freeAddress(t), freeAddress(t), newUpstream(t)
	lines := "profile rfc6749\n" + endpointLines + strings.ReplaceAll(clientLines, "client app", "client onlyone")
	if err := caddy.Load(adminConfig(t, address, "", site(guarded, guard(lines)+up.proxy())), true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopAdministered)
	var before, after allCounts
	admin(t, address, "GET", "/oauth_guard/counts", &before)
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	const many = 3000
	for i := range many {
		request, err := http.NewRequest("GET", fmt.Sprintf("http://%s/oauth2/auth?response_type=code&client_id=invented%d&redirect_uri=https://app.example/cb", guarded, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	admin(t, address, "GET", "/oauth_guard/counts", &after)
	if after.TotalClients != before.TotalClients || after.Unregistered.Refused != before.Unregistered.Refused+many {
		t.Errorf("%d clients, before %d; %d refused, before %d", after.TotalClients, before.TotalClients, after.Unregistered.Refused, before.Unregistered.Refused)
	}
}
