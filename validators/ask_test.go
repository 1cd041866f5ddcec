package validators_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// askable is a directory of one client, whose source can be asked for every other one.
type askable struct{}

// Find implements [rule.Directory].
func (askable) Find(id string) (*rule.Client, rule.Standing) {
	if id == "app" {
		return &rule.Client{ID: "app", RedirectURIs: []redirecturi.Registered{{URI: "https://app.example/cb"}}}, rule.Known
	}
	return nil, rule.Askable
}

// Service implements [rule.Directory].
func (askable) Service(string) (known, complete bool) { return false, false }

// TestAsk expects that a source is asked for a client if and only if nothing that comes before the client refuses the request.
func TestAsk(t *testing.T) {
	const authorize, token, revocation, introspection, logout = "/oauth2/auth", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/logout"
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	basic := func(encoded string) http.Header {
		return http.Header{"Content-Type": form["Content-Type"], "Authorization": {"Basic " + encoded}}
	}
	for _, c := range []struct {
		name    string
		request rule.Request
		want    []string
	}{
		{"known", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code&client_id=app"}, nil},
		{"unknown", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code&client_id=new"}, []string{"new"}},
		{"unknown, and wrong after the client", rule.Request{Method: "GET", Path: authorize, Query: "client_id=new"}, []string{"new"}},
		{"unknown, and wrong before the client", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code&client_id=new&x=%zz"}, nil},
		{"unknown, by an ambiguous path", rule.Request{Method: "GET", Path: authorize + ";x", Query: "response_type=code&client_id=new"}, nil},
		{"repeated", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code&client_id=new&client_id=newer"}, nil},
		{"none", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code"}, nil},
		{"metadata document", rule.Request{Method: "GET", Path: authorize, Query: "response_type=code&client_id=https%3A%2F%2Fc.example%2Fc.json"}, nil},
		{"elsewhere", rule.Request{Method: "GET", Path: "/x", Query: "client_id=new"}, nil},
		{"token", rule.Request{Method: "POST", Path: token, Header: form, Body: "grant_type=refresh_token&refresh_token=r&client_id=new"}, []string{"new"}},
		{"token of a known client", rule.Request{Method: "POST", Path: token, Header: basic("YXBwOnM="), Body: "grant_type=refresh_token&refresh_token=r"}, nil},
		{"token in two readings", rule.Request{Method: "POST", Path: token, Header: basic("YSUyMGI6cw=="), Body: "grant_type=refresh_token&refresh_token=r"}, []string{"a%20b", "a b"}},
		{"revocation", rule.Request{Method: "POST", Path: revocation, Header: form, Body: "token=t&client_id=new"}, []string{"new"}},
		{"introspection by somebody who need not be registered", rule.Request{Method: "POST", Path: introspection, Header: basic("bmV3OnM="), Body: "token=t"}, nil},
		{"logout", rule.Request{Method: "GET", Path: logout, Query: "client_id=new"}, []string{"new"}},
		{"logout of two clients", rule.Request{Method: "GET", Path: logout, Query: "client_id=new&client_id=newer"}, nil},
	} {
		for _, reportOnly := range []bool{false, true} {
			engine, err := validators.New(validators.Config{
				ReportOnly: reportOnly,
				Endpoints: map[rule.Endpoint][]string{rule.Authorize: {authorize}, rule.Token: {token}, rule.Revocation: {revocation},
					rule.Introspection: {introspection}, rule.Logout: {logout}},
			})
			if err != nil {
				t.Fatal(err)
			}
			c.request.Transport = rule.Secure
			if c.request.Body != "" {
				c.request.BodyState = rule.BodyRead
			}
			verdict := engine.Decide(new(rule.Case), &c.request, engine.Route(c.request.Path), askable{})
			got, want := slices.Sorted(slices.Values(verdict.Ask)), slices.Sorted(slices.Values(c.want))
			if !slices.Equal(got, want) {
				t.Errorf("%s, report only %t: asks for %q, want %q (%v)", c.name, reportOnly, got, want, verdict.Rule)
			}
		}
	}
}
