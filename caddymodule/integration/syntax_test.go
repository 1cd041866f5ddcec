package integration

import (
	"strings"
	"testing"
)

// TestRefusedBeforeHandlers are requests that net/http or Caddy refuses by itself. The guard never sees them; what matters is that the upstream does not either.
func TestRefusedBeforeHandlers(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	token := form("/oauth2/token", invalidToken)
	for name, raw := range map[string]string{
		"bare CR in a value":            strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-A: b\rc\r\n", 1),
		"bare CR as line end":           strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\rX-A: b\r\n", 1),
		"bare CR hides a header":        strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-A: b\rContent-Length: 3\r\n", 1),
		"NUL in a value":                strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-A: b\x00c\r\n", 1),
		"blank before the colon":        strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-A : b\r\n", 1),
		"header without colon":          strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-A\r\n", 1),
		"empty header name":             strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\n: x\r\n", 1),
		"non-ASCII header name":         strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nX-\xc3\xa9: x\r\n", 1),
		"first header line folded":      strings.Replace(token, "Host: hub.example\r\n", " Host: hub.example\r\n", 1),
		"two Host headers":              strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example\r\nHost: evil.example\r\n", 1),
		"no Host header":                strings.Replace(token, "Host: hub.example\r\n", "", 1),
		"Host with a path":              strings.Replace(token, "Host: hub.example\r\n", "Host: hub.example/oauth2/token\r\n", 1),
		"HTTP/2.0 in the line":          strings.Replace(token, "HTTP/1.1", "HTTP/2.0", 1),
		"HTTP/0.9":                      "GET /oauth2/token?grant_type=a&grant_type=b\r\n",
		"blank in the target":           get("/oauth2/token ?grant_type=a"),
		"tab in the target":             get("/oauth2/token\t?grant_type=a"),
		"DEL in the target":             get("/oauth2/token\x7f?grant_type=a"),
		"method with a colon":           strings.Replace(token, "POST", "PO:ST", 1),
		"folded chunk of a whole other": strings.Replace(token, "POST", " POST", 1),
	} {
		t.Run(name, func(t *testing.T) {
			p.upstream.take()
			for _, address := range []string{p.guarded, p.twin} {
				got := send(t, address, raw)
				if arrived := p.upstream.take(); len(arrived) > 0 || got.status > 0 && got.status < 400 {
					t.Errorf("answer %d, %d requests arrived", got.status, len(arrived))
				}
			}
		})
	}
}

// TestFoldedHeaders sends header fields over several lines. net/http joins them before any handler, so the guard judges, and the upstream receives, one line.
func TestFoldedHeaders(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	for name, fields := range map[string][]string{
		"blank":       {"Authorization: Bearer\r\n abc"},
		"tab":         {"Authorization: Bearer\r\n\tabc"},
		"several":     {"Authorization: Bearer\r\n  \r\n abc"},
		"before it":   {"Authorization:\r\n Bearer abc"},
		"lower case":  {"authorization: bearer\r\n abc"},
		"other field": {"Authorization: Bearer abc", "X-A: b\r\n c"},
	} {
		t.Run(name, func(t *testing.T) {
			arrived := p.passes(t, get("/api/users", fields...))
			if got := arrived.header()["Authorization"]; len(got) != 1 || !strings.EqualFold(strings.Join(strings.Fields(got[0]), " "), "Bearer abc") {
				t.Errorf("arrived as %q", got)
			}
			if strings.Contains(arrived.head, "\r\n ") || strings.Contains(arrived.head, "\r\n\t") {
				t.Errorf("a folded line arrived: %q", arrived.head)
			}
		})
	}
	for name, fields := range map[string][]string{
		"second scheme":           {"Authorization: Bearer abc,\r\n Bearer def"},
		"second scheme, tab":      {"Authorization: Bearer abc,\r\n\tBasic YTpi"},
		"nothing behind the fold": {"Authorization: Bearer\r\n "},
		"token in two lines":      {"Authorization: Bearer abc\r\n def"},
		"two fields, one folded":  {"Authorization: Bearer\r\n abc", "Authorization: Bearer def"},
		"hidden in another field": {"X-A: b\r\n Authorization: Bearer abc"},
	} {
		t.Run(name, func(t *testing.T) { p.refused(t, get("/api/users", fields...)) })
	}
	t.Run("content type", func(t *testing.T) {
		folded := "Content-Type: application/x-www-form-urlencoded;\r\n charset=utf-8"
		p.passes(t, message("POST", "/oauth2/token", []string{folded}, validToken))
		p.refused(t, message("POST", "/oauth2/token", []string{folded}, invalidToken))
		p.refused(t, message("POST", "/oauth2/token", []string{"Content-Type: application/x-www-form-urlencoded;\r\n charset=ibm037"}, validToken))
	})
}

// TestLineEnds sends lines that end with a bare LF, an empty line in front and other versions, which net/http accepts. They are judged like others.
func TestLineEnds(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	head, body, _ := strings.Cut(form("/oauth2/token", validToken), "\r\n\r\n")
	p.passes(t, strings.ReplaceAll(head, "\r\n", "\n")+"\n\n"+body)
	head, body, _ = strings.Cut(form("/oauth2/token", invalidToken), "\r\n\r\n")
	p.refused(t, strings.ReplaceAll(head, "\r\n", "\n")+"\n\n"+body)
	p.refused(t, "\r\n"+head+"\r\n\r\n"+body)
	for _, version := range []string{"HTTP/1.0", "HTTP/1.2"} {
		p.refused(t, strings.Replace(head, "HTTP/1.1", version, 1)+"\r\n\r\n"+body)
	}
}

// TestMethods sends every kind of method to endpoints. Servers read other methods in other ways.
func TestMethods(t *testing.T) {
	p := profilePair(t, "hub", "")
	for _, method := range []string{"post", "Post", "get", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "FOO", "X-POST", "POST1", "CONNECT", "OPTIONS", "QUERY"} {
		t.Run(method, func(t *testing.T) {
			for _, target := range []string{"/oauth2/token", "/oauth2/auth", "/oauth2/auth?" + authorizeApp} {
				if got := p.refused(t, message(method, target, []string{formType}, validToken)); got.status != 405 || got.header.Get("Allow") == "" {
					t.Errorf("%s: status %d, Allow %q", target, got.status, got.header.Get("Allow"))
				}
			}
			p.refused(t, message(method, "/oauth2/token;x", []string{formType}, validToken))
			if method != "CONNECT" && method != "TRACE" {
				p.passes(t, message(method, "/elsewhere", []string{formType}, validToken))
			}
		})
	}
	// In authority form CONNECT names no path at all.
	for _, target := range []string{"hub.example:443", "/"} {
		p.upstream.take()
		send(t, p.guarded, message("CONNECT", target, nil, ""))
		for _, e := range p.upstream.take() {
			if strings.Contains(e.target(), "oauth2") {
				t.Errorf("CONNECT %s arrived as %q", target, e.head)
			}
		}
	}
}

// TestMethodOverride sends the headers and parameters by which frameworks take another method. They count at endpoints only.
func TestMethodOverride(t *testing.T) {
	p := profilePair(t, "hub", "")
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override"} {
		for _, value := range []string{"GET", "PUT", "post", ""} {
			field := name + ": " + value
			t.Run(field, func(t *testing.T) {
				p.refused(t, form("/oauth2/token", validToken, field))
				p.refused(t, form("/oauth2/auth", authorizeApp, field))
				p.refused(t, get("/oauth2/auth?"+authorizeApp, field))
				p.refused(t, get("/oauth2/userinfo", field))
				p.passes(t, form("/api/users", "a=b", field))
				p.passes(t, form("/elsewhere", validToken, field))
			})
		}
	}
	p.refused(t, form("/oauth2/token", validToken+"&_method=PUT"))
	p.refused(t, form("/oauth2/token?_method=PUT", validToken))
	p.passes(t, form("/oauth2/auth", "login=alice&_method=PATCH"))
}

// TestHeaderNames sends names that gateways in front of PHP and others fold into a real one. Caddy removes them, so the upstream sees what was judged.
func TestHeaderNames(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	for _, field := range []string{"Content_Type: text/plain", "Authorization_: Bearer x", "X_HTTP_Method_Override: PUT", "X.HTTP.Method.Override: PUT", "X_Original_URL: /oauth2/auth"} {
		t.Run(field, func(t *testing.T) {
			name, _, _ := strings.Cut(field, ":")
			if arrived := p.passes(t, form("/oauth2/token", validToken, field)); strings.Contains(strings.ToLower(arrived.head), strings.ToLower(name)) {
				t.Errorf("the header arrived: %q", arrived.head)
			}
		})
	}
	// Canonical names: what differs by case alone is the same field, and repeated.
	p.refused(t, get("/api/users", "authorization: Bearer a", "AUTHORIZATION: Bearer b"))
	p.refused(t, message("POST", "/oauth2/token", []string{formType, "content-type: text/plain"}, validToken))
	p.refused(t, form("/oauth2/token", validToken, "authorization: Basic YXBwOng=", "Authorization: Basic YXBwOnk="))
}

// TestConnectionHeaders names judged fields as hop-by-hop. Caddy would remove them after the decision, so that the upstream saw a request without its credentials: such a
// request is refused, and others pass as ever.
func TestConnectionHeaders(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	token := func(connection string) string {
		return form("/oauth2/token", "grant_type=client_credentials", "Authorization: Basic YXBwOng=", "Connection: "+connection)
	}
	for _, name := range []string{"Authorization", "content-type", "Content-Length", "Content-Encoding", "Origin", "Cookie", "DPoP", "Transfer-Encoding", "Host"} {
		t.Run(name, func(t *testing.T) {
			p.refused(t, token("close, "+name))
			p.refused(t, get("/api/users", "Authorization: Bearer a", "Connection: "+name))
		})
	}
	for _, connection := range []string{"close", "keep-alive", "close, X-Forwarded-For", "TE, close"} {
		t.Run(connection, func(t *testing.T) { p.passes(t, token(connection)) })
	}
}
