package integration

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// errorRoutes shows every placeholder that an error route may use.
const errorRoutes = `handle_errors {
	respond "{err.status_code}|{err.message}|{http.oauth_guard.endpoint}|{http.oauth_guard.decision}|{http.oauth_guard.rule}|{http.oauth_guard.error}|{http.oauth_guard.client_id}"
}
`

const registeredAsk = "/oauth2/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s"

// TestHandleErrors hands refusals to the error routes, as on_reject error says. Redirections are never handed over.
func TestHandleErrors(t *testing.T) {
	guarded, recording := freeAddress(t), newUpstream(t)
	load(t, "", site(guarded, guard("profile rfc6749\n"+endpointLines+clientLines+"errors {\non_reject error\n}")+recording.proxy()+errorRoutes))
	for name, c := range map[string]struct {
		raw    string
		status int
		body   string // the beginning of the placeholders, and their end behind a star
		header string // a header that the error route must not lose
	}{
		"token": {form("/oauth2/token", invalidToken), 400,
			"400|token.parameter.repeated: *|token|reject|token.parameter.repeated|invalid_request|app", "Cache-Control: no-store"},
		"token, header": {form("/oauth2/token", "grant_type=client_credentials", "Authorization: Basic eDp4"), 401,
			"401|token.client_id.unknown: *|token|reject|token.client_id.unknown|invalid_client|", "Www-Authenticate: Basic realm="},
		"token, method": {message("PUT", "/oauth2/token", []string{formType}, "x=1"), 405,
			"405|token.method.unsupported: *|token|reject|token.method.unsupported|invalid_request|", "Allow: POST"},
		"authorize, page": {get("/oauth2/auth?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fevil.example%2F"), 400,
			"400|authorize.redirect_uri.unregistered: *|authorize|reject|authorize.redirect_uri.unregistered|invalid_request|app", "Cache-Control: no-store"},
		"authorize, redirection": {get(registeredAsk), 303, "*", "Location: https://app.example/cb?error=invalid_request&"},
		"resource, bare challenge": {get("/api/users"), 401, "401|bearer.token.missing: *|resource|reject|bearer.token.missing||",
			"Www-Authenticate: Bearer realm="},
		"resource": {get("/api/users", "Authorization: Bearer"), 400, "400|bearer.header.malformed: *|resource|reject|bearer.header.malformed|invalid_request|",
			"Www-Authenticate: Bearer realm="},
		"no endpoint": {get("/x", "X-Original-URL: /oauth2/token"), 400, "400|path.rewrite_header: *|none|reject|path.rewrite_header|invalid_request|", "Cache-Control: no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, guarded, c.raw)
			begin, end, _ := strings.Cut(c.body, "*")
			if got.status != c.status || !strings.HasPrefix(got.body, begin) || !strings.HasSuffix(got.body, end) {
				t.Errorf("%d %q, want %d %q", got.status, got.body, c.status, c.body)
			}
			field, value, _ := strings.Cut(c.header, ": ")
			if !strings.HasPrefix(got.header.Get(field), value) {
				t.Errorf("%s: %q, want %q", field, got.header.Get(field), value)
			}
			if arrived := recording.take(); len(arrived) > 0 {
				t.Errorf("the upstream received %q", arrived[0].head)
			}
		})
	}
}

// TestErrorRoutesSeeTheOriginalRequest shows why error routes must not proxy to the guarded server: Caddy gives them the request as it came, unjudged.
func TestErrorRoutesSeeTheOriginalRequest(t *testing.T) {
	guarded, recording := freeAddress(t), newUpstream(t)
	load(t, "", site(guarded, guard("profile rfc6749\n"+endpointLines+clientLines+"errors {\non_reject error\n}")+"respond fine\nhandle_errors {\n"+recording.proxy()+"}\n"))
	send(t, guarded, get("/oauth2/token?"+invalidToken))
	if arrived := recording.take(); len(arrived) != 1 || !strings.Contains(arrived[0].target(), invalidToken) {
		t.Errorf("%d requests arrived; if Caddy changed this, the reference and the threat model may say so", len(arrived))
	}
}

// TestErrorsWithoutRoutes raises errors that nobody handles: Caddy answers with the status alone.
func TestErrorsWithoutRoutes(t *testing.T) {
	p := profilePair(t, "rfc6749", "errors {\non_reject error\n}")
	if got := p.refused(t, form("/oauth2/token", invalidToken)); got.status != 400 || got.body != "" {
		t.Errorf("%d %q, want 400 and nothing else", got.status, got.body)
	}
}

// TestPlaceholders reads the placeholders in handlers behind the guard and in the access log, for requests that pass, are reported and are refused.
func TestPlaceholders(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	guarded := freeAddress(t)
	const all = "{http.oauth_guard.endpoint}|{http.oauth_guard.decision}|{http.oauth_guard.rule}|{http.oauth_guard.error}|{http.oauth_guard.client_id}"
	names := []string{"endpoint", "decision", "rule", "error", "client_id"}
	appended := ""
	for _, name := range names {
		appended += "log_append guard_" + name + " {http.oauth_guard." + name + "}\n"
	}
	load(t, "", site(guarded, "log {\noutput file "+log+" {\nroll_disabled\n}\nformat json\n}\n"+appended+"header >X-Guard \""+all+"\"\n"+
		guard("profile rfc6749\n"+endpointLines+clientLines+"errors {\ndelivery page\n}")+"respond \"behind: "+all+"\"\n"))
	var want []string
	for _, c := range []struct{ name, raw, placeholders string }{
		{"passed token", form("/oauth2/token", validToken), "token|pass|||app"},
		{"reported token", form("/oauth2/token", validToken+"&x=1&x=2"), "token|report|token.unknown.repeated|invalid_request|app"},
		{"refused token", form("/oauth2/token", invalidToken), "token|reject|token.parameter.repeated|invalid_request|app"},
		{"unknown client", form("/oauth2/token", "grant_type=client_credentials&client_id=nobody&client_secret=x"), "token|reject|token.client_id.unknown|invalid_client|"},
		{"passed authorize", get("/oauth2/auth?" + authorizeApp + "&state=12345678901234567890"), "authorize|pass|||app"},
		{"refused authorize", get(registeredAsk), "authorize|reject|authorize.response_type.missing|invalid_request|app"},
		{"passed resource", get("/api/users", "Authorization: Bearer t"), "resource|pass|||"},
		{"refused userinfo", get("/oauth2/userinfo"), "userinfo|reject|bearer.token.missing||"},
		{"below an endpoint", get("/oauth2/token/x"), "none|report|path.subpath|invalid_request|"},
	} {
		want = append(want, c.placeholders)
		t.Run(c.name, func(t *testing.T) {
			got := send(t, guarded, c.raw)
			if got.header.Get("X-Guard") != c.placeholders {
				t.Errorf("header %q, want %q", got.header.Get("X-Guard"), c.placeholders)
			}
			if passes := !strings.Contains(c.placeholders, "|reject|"); passes != (got.body == "behind: "+c.placeholders) {
				t.Errorf("status %d, body %q", got.status, got.body)
			}
		})
	}
	// Elsewhere the guard decides nothing.
	if got := send(t, guarded, get("/page")); strings.Contains(got.header.Get("X-Guard"), "pass") || got.body == "" {
		t.Errorf("header %q, body %q", got.header.Get("X-Guard"), got.body)
	}
	eventually(t, "the access log", func() bool { return strings.Count(readLog(t, log), "\n") >= len(want)+1 })
	var logged []string
	for line := range strings.Lines(readLog(t, log)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		var values []string
		for _, name := range names {
			values = append(values, fmt.Sprint(entry["guard_"+name]))
		}
		logged = append(logged, strings.Join(values, "|"))
	}
	for i, placeholders := range want {
		if logged[i] != placeholders {
			t.Errorf("access log: %q, want %q", logged[i], placeholders)
		}
	}
}
