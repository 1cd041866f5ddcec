package validators

import (
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestAnswers expects of each endpoint the form of refusal that its standard wants: pages where browsers are sent, JSON where clients post, and a challenge of the scheme that was used.
func TestAnswers(t *testing.T) {
	form := map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
	with := func(name, value string) map[string][]string {
		return map[string][]string{"Content-Type": form["Content-Type"], name: {value}}
	}
	post := func(path string, header map[string][]string, body string) rule.Request {
		return rule.Request{Method: "POST", Path: path, Header: header, Body: body, BodyState: rule.BodyRead}
	}
	for _, test := range []struct {
		name    string
		request rule.Request
		rule    string
		answer  Answer
		status  int
		error   string
	}{
		{"device", post("/oauth2/device_authorization", form, "scope=a"), "device.client_id.missing", JSON, 400, "invalid_request"},
		{"device of an unknown client", post("/oauth2/device_authorization", form, "client_id=x"), "token.client_id.unknown", JSON, 400, "invalid_client"},
		{"device of an unknown client by header", post("/oauth2/device_authorization", with("Authorization", "Basic eDp5"), "scope=a"), "token.client_id.unknown", JSON, 401, "invalid_client"},
		{"backchannel", post("/oauth2/bc-authorize", form, "scope=openid&login_hint=a"), "backchannel.client_authentication.missing", JSON, 400, "invalid_client"},
		{"revocation", post("/oauth2/revoke", form, "client_id=native"), "revocation.token.missing", JSON, 400, "invalid_request"},
		{"revocation by GET", rule.Request{Method: "GET", Path: "/oauth2/revoke", Query: "token=a&client_id=native"}, "token.method.unsupported", JSON, 405, "invalid_request"},
		{"introspection by nobody", post("/oauth2/introspect", form, "token=a"), "introspection.client_authentication.missing", JSON, 401, "invalid_client"},
		{"introspection with Basic", post("/oauth2/introspect", with("Authorization", "Basic eDp5"), "x=a"), "introspection.token.missing", JSON, 400, "invalid_request"},
		{"introspection with Bearer", post("/oauth2/introspect", with("Authorization", "Bearer a"), "x=a"), "introspection.token.missing", JSON, 400, "invalid_request"},
		{"introspection of the caller's own token", post("/oauth2/introspect", with("Authorization", "Bearer a"), "token=a"), "introspection.token.same", Challenge, 401, "invalid_token"},
		{"registration", post("/oauth2/register", map[string][]string{"Content-Type": {"application/json"}}, `{"redirect_uris":["javascript:a"]}`), "registration.redirect_uri.scheme", JSON, 400, "invalid_redirect_uri"},
		{"registration by PATCH", rule.Request{Method: "PATCH", Path: "/oauth2/register"}, "registration.method.unsupported", JSON, 405, "invalid_request"},
		{"logout", rule.Request{Method: "GET", Path: "/oauth2/logout", Query: "client_id=leaver&post_logout_redirect_uri=https%3A%2F%2Fevil.example"}, "logout.post_logout_redirect_uri.unregistered", Page, 400, "invalid_request"},
		{"logout by PUT", rule.Request{Method: "PUT", Path: "/oauth2/logout"}, "authorize.method.unsupported", Page, 405, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := testConfig(rule.RFC6749)
			config.Overrides = []Override{{Pattern: "introspection.token.same", Mode: rule.Enforce}}
			verdict := decide(newEngine(t, config), test.request, testDirectory(t, ""))
			if verdict.Decision != Reject || verdict.Rule.ID != test.rule || verdict.Answer != test.answer || verdict.Status != test.status || verdict.Error != test.error {
				all, _ := findingIDs(verdict)
				t.Errorf("%v by %v, %v %d %s; want %v %d %s by %s", verdict.Decision, all, verdict.Answer, verdict.Status, verdict.Error, test.answer, test.status, test.error, test.rule)
			}
		})
	}
}

// TestRegistrationIgnoresParameters makes sure that a query that is too long to be read does not keep the metadata of a registration from being judged.
func TestRegistrationIgnoresParameters(t *testing.T) {
	query := make([]byte, 20<<10)
	for i := range query {
		query[i] = "&="[i%2]
	}
	request := rule.Request{Method: "POST", Path: "/oauth2/register", Query: string(query), Header: map[string][]string{"Content-Type": {"application/json"}},
		Body: `{"redirect_uris": ["javascript:alert(1)"]}`, BodyState: rule.BodyRead}
	for _, profile := range rule.Profiles() {
		if verdict := decide(newEngine(t, testConfig(profile)), request, nil); verdict.Decision != Reject || verdict.Rule.ID != "registration.redirect_uri.scheme" {
			t.Errorf("%s: %v by %v", profile, verdict.Decision, verdict.Rule)
		}
	}
}
