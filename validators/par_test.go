package validators

import (
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// TestPushedRequests pushes every authorization request that breaks a rule about its parameters: the rule fires there too, and answers with JSON.
func TestPushedRequests(t *testing.T) {
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	pushed := 0
	for _, r := range Catalogue() {
		if !r.Endpoints.Has(rule.PAR) || !r.Endpoints.Has(rule.Authorize) || !strings.HasPrefix(r.ID, "authorize.") {
			continue
		}
		for _, vector := range files[r.ID].Vectors {
			request, err := vector.Parse()
			if err != nil {
				t.Fatal(err)
			}
			if !vector.Fires || request.Method != "GET" || vector.Profile != "" && vector.Profile != "rfc6749" || strings.Contains(request.Query, "request_uri") {
				continue
			}
			// An authenticated client may push a redirect URI that is not registered, or be one that has none.
			if r.ID == "authorize.redirect_uri.none_registered" || r.ID == "authorize.redirect_uri.unregistered" && !strings.Contains(request.Query, "client_id=native") {
				continue
			}
			request.Method, request.Path, request.Body, request.Query, request.BodyState = "POST", "/oauth2/par", request.Query, "", rule.BodyRead
			request.Header = map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
			config := testConfig(rule.RFC6749)
			config.Overrides = []Override{{Pattern: r.ID, Mode: rule.Enforce}}
			verdict := decide(newEngine(t, config), request, testDirectory(t, vector.Directory))
			if all, _ := findingIDs(verdict); !slices.Contains(all, r.ID) || verdict.Answer != JSON {
				t.Errorf("%s: %s: answer %v, findings %v", r.ID, vector.Name, verdict.Answer, all)
			}
			pushed++
		}
	}
	if pushed < 60 {
		t.Errorf("only %d requests were pushed", pushed)
	}
}

// TestPushedOnce: what client authentication and the rules about forms say of a pushed request is said once.
func TestPushedOnce(t *testing.T) {
	engine := newEngine(t, testConfig(rule.RFC6749))
	for _, test := range []struct{ name, body, want string }{
		{"repeated client_id", "response_type=code&client_id=two&client_id=app&redirect_uri=https://two.example/a", "token.parameter.repeated"},
		{"repeated redirect_uri", "response_type=code&client_id=two&redirect_uri=https://two.example/a&redirect_uri=https://two.example/b", "token.parameter.repeated"},
		{"repeated state", "response_type=code&client_id=two&redirect_uri=https://two.example/a&state=1&state=2", "token.parameter.repeated"},
		{"repeated nonce", "response_type=code&client_id=two&redirect_uri=https://two.example/a&nonce=1&nonce=2", "token.extension.repeated"},
		{"repeated resource is legal", "response_type=code&client_id=two&redirect_uri=https://two.example/a&resource=https://a.example&resource=https://b.example", ""},
		{"unknown client", "response_type=code&client_id=nobody&redirect_uri=https://two.example/a", "token.client_id.unknown"},
		{"no authentication", "response_type=code&client_id=app&redirect_uri=https://app.example/cb", "token.client_authentication.missing"},
	} {
		request := rule.Request{Method: "POST", Path: "/oauth2/par", Body: test.body, BodyState: rule.BodyRead, Transport: rule.Secure,
			Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}}
		_, enforced := findingIDs(decide(engine, request, testDirectory(t, "")))
		if strings.Join(enforced, " ") != test.want {
			t.Errorf("%s: refused by %v, want %q", test.name, enforced, test.want)
		}
	}
}

// TestPushedSize is RFC 9126 section 2.3: what is too large is answered with 413 there, and with 400 elsewhere.
func TestPushedSize(t *testing.T) {
	config := testConfig(rule.RFC6749)
	engine := newEngine(t, config)
	form := map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, request := range map[string]rule.Request{
		"body":       {BodyState: rule.BodyTooLong},
		"value":      {Body: "state=" + strings.Repeat("x", 20<<10), BodyState: rule.BodyRead},
		"parameters": {Body: strings.Repeat("x=1&", 200), BodyState: rule.BodyRead},
		"query":      {Query: strings.Repeat("x", 20<<10), Body: "a=b", BodyState: rule.BodyRead},
	} {
		for path, want := range map[string]int{"/oauth2/par": 413, "/oauth2/token": 400} {
			request.Method, request.Path, request.Header, request.Transport = "POST", path, form, rule.Secure
			verdict := decide(engine, request, nil)
			if verdict.Decision != Reject || verdict.Status != want || !strings.HasPrefix(verdict.Rule.ID, "wire.limit.") || verdict.Error != "invalid_request" {
				t.Errorf("%s at %s: %+v", name, path, verdict)
			}
			if !slices.Contains(Statuses(verdict.Rule), want) {
				t.Errorf("%s: %d is not among the statuses of %s", name, want, verdict.Rule.ID)
			}
		}
	}
}
