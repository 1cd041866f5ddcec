package integration

import (
	"slices"
	"strings"
	"testing"
)

// corsSettings are values of errors cors, and which origins may then read an error.
var corsSettings = map[string]struct {
	line    string
	allowed []string
	any     bool
}{
	"default":    {"", []string{"https://app.example", "http://hub.example", "https://hub.example"}, false},
	"off":        {"cors off", nil, false},
	"any":        {"cors *", nil, true},
	"configured": {"cors https://spa.example", []string{"https://spa.example", "https://app.example", "http://hub.example", "https://hub.example"}, false},
}

// origins are values of the Origin header: the site's own, those of registered redirect URIs, and others.
var origins = []string{
	"https://app.example", "http://hub.example", "https://hub.example", "https://spa.example", "https://evil.example", "http://app.example", "https://app.example:8443",
	"https://app.example.evil.example", "https://hub.example.evil.example", "https://hub.example:8443", "https://hub.example@evil.example", "https://app.example/", "null", "", "*",
	"com.example.app://cb", "https://APP.example.",
}

// TestCORS refuses requests of browser applications from other origins. Those that may read the error get it with the headers without which a browser hides it.
func TestCORS(t *testing.T) {
	for setting, want := range corsSettings {
		t.Run(setting, func(t *testing.T) {
			p := profilePair(t, "rfc6749", "errors {\ndelivery page\n"+want.line+"\n}")
			for name, request := range map[string]func(fields ...string) string{
				"token":               func(fields ...string) string { return form("/oauth2/token", invalidToken, fields...) },
				"token, wrong method": func(fields ...string) string { return get("/oauth2/token", fields...) },
				"resource":            func(fields ...string) string { return get("/api/users", fields...) },
				"resource, malformed": func(fields ...string) string { return get("/api/users", append(fields, "Authorization: Bearer")...) },
				"userinfo":            func(fields ...string) string { return get("/oauth2/userinfo", fields...) },
			} {
				for _, origin := range origins {
					t.Run(name+"/"+origin, func(t *testing.T) {
						got := p.refused(t, request("Origin: "+origin))
						allowed := ""
						switch {
						case want.any && origin != "" && origin != "null":
							allowed = "*"
						case slices.Contains(want.allowed, origin):
							allowed = origin
						}
						if header := got.header["Access-Control-Allow-Origin"]; strings.Join(header, ",") != allowed {
							t.Errorf("Access-Control-Allow-Origin %q, want %q", header, allowed)
						}
						if exposed := got.header.Get("Access-Control-Expose-Headers"); (allowed != "") != strings.Contains(exposed, "WWW-Authenticate") {
							t.Errorf("Access-Control-Expose-Headers %q", exposed)
						}
						if allowed == "*" && got.header["Access-Control-Allow-Credentials"] != nil {
							t.Error("credentials are allowed together with *")
						}
						if vary := got.header.Get("Vary"); setting != "off" && !strings.Contains(vary, "Origin") {
							t.Errorf("Vary %q: a cache could give the answer to another origin", vary)
						}
					})
				}
				t.Run(name+"/none", func(t *testing.T) {
					for _, got := range []answer{p.refused(t, request()), p.refused(t, request("Origin: https://app.example", "Origin: https://hub.example"))} {
						if got.header["Access-Control-Allow-Origin"] != nil {
							t.Errorf("Access-Control-Allow-Origin %q", got.header["Access-Control-Allow-Origin"])
						}
					}
				})
			}
		})
	}
}

// TestNoCORSAtAuthorize refuses authorization requests: these answers are for people, and no script may read them.
func TestNoCORSAtAuthorize(t *testing.T) {
	for setting, want := range corsSettings {
		for _, delivery := range []string{"page", "redirect"} {
			t.Run(setting+"/"+delivery, func(t *testing.T) {
				p := profilePair(t, "hub", "errors {\ndelivery "+delivery+"\n"+want.line+"\n}")
				for _, raw := range []string{
					get("/oauth2/auth?client_id=nobody", "Origin: https://app.example"),
					get("/oauth2/auth?client_id=nobody", "Origin: https://app.example", "Accept: application/json"),
					get(registeredAsk, "Origin: https://app.example"),
					get(registeredAsk+"&response_mode=form_post", "Origin: https://app.example"),
					message("PUT", registeredAsk, []string{"Origin: http://hub.example"}, ""),
				} {
					p.upstream.take()
					got := send(t, p.guarded, raw)
					if len(p.upstream.take()) > 0 {
						t.Errorf("%.60q arrived", raw)
					}
					for field := range got.header {
						if strings.HasPrefix(field, "Access-Control-") {
							t.Errorf("%.60q is answered with %s", raw, field)
						}
					}
				}
			})
		}
	}
}

// TestPreflight sends preflights, which the server answers. What only looks like one is judged.
func TestPreflight(t *testing.T) {
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := profilePair(t, profile, "")
			fields := []string{"Origin: https://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"}
			for _, target := range []string{"/oauth2/token", "/oauth2/auth", "/oauth2/userinfo", "/api/users", "/page"} {
				p.passes(t, message("OPTIONS", target, fields, ""))
			}
			for _, target := range []string{"/oauth2/token", "/oauth2/auth"} {
				p.refused(t, message("OPTIONS", target, nil, ""))
				p.refused(t, message("OPTIONS", target, fields[:1], ""))
				p.refused(t, message("OPTIONS", target, fields[1:], ""))
				p.refused(t, message("OPTIONS", target, append(slices.Clone(fields), formType), validToken))
				p.refused(t, message("OPTIONS", target, append(slices.Clone(fields), "Origin: https://two.example"), ""))
				p.refused(t, message("OPTIONS", target+";x", fields, ""))
				p.refused(t, message("OPTIONS", target+"/", fields, ""))
			}
		})
	}
}
