package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// watchedGuard is a guard with one client of that ID.
func watchedGuard(t testing.TB, profile, id string) *Handler {
	t.Helper()
	handler := &Handler{Profile: profile, Endpoints: map[string][]string{"authorize": {"/auth"}, "token": {"/token"}, "resource": {"/api/*"}}}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := handler.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	handler.logger = zap.NewNop()
	feed := clients.NewFeed("static", clients.Static{{ClientID: id, ClientName: "Watched", RedirectURIs: []string{"https://app.example/cb", "http://app.example/plain"}}}, 0)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler.chain = clients.NewChain(feed)
	return handler
}

// ask sends a request through the guard, and returns whether it passed.
func ask(t testing.TB, handler *Handler, method, target, body string) (passed bool) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	if err := handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { passed = true; return nil })); err != nil {
		t.Fatal(err)
	}
	return passed
}

// under21 are the rules of the profile oauth21 that the requests of a client were seen to break.
func under21(counts tally.ClientCounts) []string {
	rules := []string{}
	for _, r := range counts.OAuth21 {
		rules = append(rules, r.Rule)
	}
	return rules
}

func countsOf(id string) tally.ClientCounts {
	for _, c := range counted.Counts().Clients {
		if c.ClientID == id {
			return c
		}
	}
	return tally.ClientCounts{}
}

// TestWatchOAuth21 sends what oauth21 refuses, and passes today, and expects each rule by its client.
func TestWatchOAuth21(t *testing.T) {
	const valid = "/auth?response_type=code&redirect_uri=https://app.example/cb&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=x&client_id="
	for _, c := range []struct{ name, method, target, body, want string }{
		{"valid", "GET", "https://hub.example" + valid, "", ""},
		{"no PKCE", "GET", "https://hub.example" + strings.Replace(valid, "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&", "", 1), "", "authorize.code_challenge.missing"},
		{"plain PKCE", "GET", "https://hub.example" + strings.Replace(valid, "=S256", "=plain", 1), "", "authorize.code_challenge_method.plain"},
		{"implicit", "GET", "https://hub.example" + strings.Replace(valid, "=code&", "=token&", 1), "", "authorize.response_type.implicit"},
		{"insecure redirect URI", "GET", "https://hub.example" + strings.Replace(valid, "https://app.example/cb", "http://app.example/plain", 1), "", "authorize.redirect_uri.insecure_registered"},
		{"plain HTTP", "GET", "http://hub.example" + valid, "", "transport.plain_http"},
		{"password", "POST", "https://hub.example/token", "grant_type=password&username=u&password=p&client_id=", "token.grant_type.password"},
		{"no verifier", "POST", "https://hub.example/token", "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA&redirect_uri=https://app.example/cb&client_id=", "token.code_verifier.missing"},
	} {
		for _, profile := range []string{"hub", "rfc6749"} {
			id := "watched-" + profile + "-" + strings.ReplaceAll(c.name, " ", "-")
			handler := watchedGuard(t, profile, id)
			target, body := c.target, c.body
			if body == "" {
				target += id
			} else {
				body += id
			}
			if !ask(t, handler, c.method, target, body) {
				t.Errorf("%s in %s does not pass", c.name, profile)
			}
			if got := under21(countsOf(id)); c.want == "" && len(got) > 0 || c.want != "" && !slices.Contains(got, c.want) {
				t.Errorf("%s in %s: %v, want %s", c.name, profile, got, c.want)
			}
		}
	}
	// What is refused anyway is not asked about, and who is that strict has nothing to ask.
	refusing := watchedGuard(t, "rfc6749", "watched-refused")
	if ask(t, refusing, "GET", "https://hub.example/auth?response_type=code&client_id=watched-refused&redirect_uri=https://evil.example/", "") {
		t.Error("an unregistered redirect URI passes")
	}
	if got := countsOf("watched-refused"); got.Refused != 1 || len(got.OAuth21) != 0 {
		t.Errorf("%+v", got)
	}
	for _, profile := range []string{"oauth21", "fapi2"} {
		if watchedGuard(t, profile, "strict").stricter != nil {
			t.Errorf("%s asks itself", profile)
		}
	}
	// A token in the query of a resource names nobody.
	before := under21(counted.Counts().Unregistered)
	handler := watchedGuard(t, "rfc6749", "watched-resource")
	if !ask(t, handler, "GET", "https://hub.example/api/x?access_token=abcdef", "") {
		t.Error("a token in the query does not pass")
	}
	if after := under21(counted.Counts().Unregistered); !slices.Contains(after, "bearer.access_token.in_query") {
		t.Errorf("%v, before %v", after, before)
	}
}

// TestExemptWatched: who is exempt today would be exempt then.
func TestExemptWatched(t *testing.T) {
	handler := watchedGuard(t, "rfc6749", "watched-exempt")
	handler.Exempt = []Exemption{{ClientID: "watched-exempt", Rules: []string{"token.grant_type.password"}}}
	config, err := handler.engineConfig()
	if err != nil {
		t.Fatal(err)
	}
	if handler.stricter, err = stricterEngine(config); err != nil {
		t.Fatal(err)
	}
	ask(t, handler, "POST", "https://hub.example/token", "grant_type=password&username=u&password=p&client_id=watched-exempt")
	if got := under21(countsOf("watched-exempt")); slices.Contains(got, "token.grant_type.password") {
		t.Errorf("%v", got)
	}
}

// TestForgetClients drops the counts of a client that is registered no more, and keeps those of others.
func TestForgetClients(t *testing.T) {
	app, _ := newTestApp(t, nil)
	source := clients.Static{{ClientID: "stays", RedirectURIs: []string{}}}
	feed := clients.NewFeed("static", source, 0)
	pooled := &pooledFeed{feed: feed}
	if _, _, err := feedPool.LoadOrNew("forget", func() (caddy.Destructor, error) { return pooled, nil }); err != nil {
		t.Fatal(err)
	}
	app.feeds, app.keys, app.labels = []*pooledFeed{pooled}, []string{"forget"}, map[*pooledFeed]string{pooled: "static"}
	for _, id := range []string{"goes", "stays"} {
		handler := watchedGuard(t, "rfc6749", id)
		ask(t, handler, "POST", "https://hub.example/token", "grant_type=password&username=u&password=p&client_id="+id)
	}
	pooled.observers = []*App{app} // it has not loaded
	forgetClients(time.Now())
	if countsOf("goes").ClientID == "" {
		t.Error("a client is dropped while its source has not loaded")
	}
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	forgetClients(time.Now())
	if countsOf("goes").ClientID != "" || countsOf("stays").ClientID == "" {
		t.Errorf("%+v", counted.Counts().Clients)
	}
	pooled.observers = nil
	app.end(t)
}

// TestInventedClients invents many identifiers: nothing grows.
func TestInventedClients(t *testing.T) {
	handler := watchedGuard(t, "rfc6749", "inventive")
	before := counted.Counts()
	const many = 100_000
	r := httptest.NewRequest(http.MethodGet, "/auth", nil)
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	for i := range many {
		r.URL.RawQuery = "response_type=code&redirect_uri=https://app.example/cb&client_id=" + strings.Repeat("i", i%7) + time.Duration(i).String()
		if err := handler.ServeHTTP(httptest.NewRecorder(), r, next); err != nil {
			t.Fatal(err)
		}
	}
	after := counted.Counts()
	if after.TotalClients != before.TotalClients || after.Unregistered.Refused != before.Unregistered.Refused+many || after.OtherClients.Requests() != before.OtherClients.Requests() {
		t.Errorf("%d clients, before %d; %d requests of nobody registered, before %d", after.TotalClients, before.TotalClients, after.Unregistered.Refused, before.Unregistered.Refused)
	}
}
