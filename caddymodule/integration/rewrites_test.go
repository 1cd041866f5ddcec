package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewritten are sites that change the path before they proxy: the Caddyfile with GUARD and PROXY for the two directives, a target that becomes the token endpoint at
// the upstream, and whether the guard stands where it sees the changed path.
var rewritten = []struct {
	name, site, target string
	inside             bool
}{
	{"handle_path, guard inside", "handle_path /sso/* {\nGUARD\nPROXY\n}", "/sso/oauth2/token", true},
	{"handle_path, guard outside", "GUARD\nhandle_path /sso/* {\nPROXY\n}", "/sso/oauth2/token", false},
	{"route with strip_prefix, guard behind", "route {\nuri strip_prefix /sso\nGUARD\nPROXY\n}", "/sso/oauth2/token", true},
	{"route with strip_prefix, guard before", "route {\nGUARD\nuri strip_prefix /sso\nPROXY\n}", "/sso/oauth2/token", false},
	{"strip_prefix, whatever the order in the file", "PROXY\nGUARD\nuri strip_prefix /sso", "/sso/oauth2/token", true},
	{"strip_suffix", "GUARD\nuri strip_suffix .do\nPROXY", "/oauth2/token.do", true},
	{"uri replace", "GUARD\nuri replace /connect/ /oauth2/\nPROXY", "/connect/token", true},
	{"rewrite", "GUARD\nrewrite /login /oauth2/token\nPROXY", "/login", true},
	{"rewrite with a placeholder", "GUARD\nrewrite /sso/* /oauth2/{http.request.uri.path.1}\nPROXY", "/sso/token", true},
	{"rewrite in a handle", "handle /login {\nrewrite * /oauth2/token\nGUARD\nPROXY\n}", "/login", true},
	{"rewrite in a handle, guard outside", "GUARD\nhandle /login {\nrewrite * /oauth2/token\nPROXY\n}", "/login", false},
	{"guard inside a handle that changes nothing", "handle /oauth2/* {\nGUARD\nPROXY\n}", "/oauth2/token", true},
	{"guard outside a handle that changes nothing", "GUARD\nhandle /oauth2/* {\nPROXY\n}", "/oauth2/token", true},
	{"guard outside a route", "GUARD\nroute {\nPROXY\n}", "/oauth2/token", true},
}

// TestRewrites documents where the guard must stand: behind whatever changes the path. Outside of it the guard sees another path than the upstream.
func TestRewrites(t *testing.T) {
	const valid, invalid = "grant_type=client_credentials&client_id=app&client_secret=x", "grant_type=a&grant_type=b"
	for _, c := range rewritten {
		t.Run(c.name, func(t *testing.T) {
			p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
			place := func(directive string) string {
				return strings.NewReplacer("GUARD", directive, "PROXY", p.upstream.proxy()).Replace(c.site)
			}
			load(t, "", site(p.guarded, place(guard("profile rfc6749\n"+endpointLines+clientLines)))+site(p.twin, place("")))
			arrived := p.passes(t, form(c.target, valid))
			if got := arrived.target(); got != "/oauth2/token" {
				t.Fatalf("the upstream sees %s; the site does not do what its name says", got)
			}
			if c.inside {
				p.refused(t, form(c.target, invalid))
			} else {
				p.passes(t, form(c.target, invalid))
			}
		})
	}
}

// TestRewriteSpellings sends odd spellings through sites that remove a prefix: what arrives at the upstream must not be the endpoint in another spelling.
func TestRewriteSpellings(t *testing.T) {
	for _, c := range []struct{ name, site string }{
		{"handle_path", "handle_path /sso/* {\nGUARD\nPROXY\n}"},
		{"strip_prefix", "uri strip_prefix /sso\nGUARD\nPROXY"},
		{"path_regexp", "uri path_regexp ^/sso/ /\nGUARD\nPROXY"},
		{"rewrite", "@sso path_regexp rest ^/sso(.*)$\nrewrite @sso {re.rest.1}\nGUARD\nPROXY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
			place := func(directive string) string {
				return strings.NewReplacer("GUARD", directive, "PROXY", p.upstream.proxy()).Replace(c.site)
			}
			load(t, "", site(p.guarded, place(guard("profile rfc6749\n"+endpointLines+clientLines)))+site(p.twin, place("")))
			tricks := 0
			for _, spelling := range spellings {
				// Behind the prefix, in front of it, and with a prefix that is itself spelled in another way.
				for _, prefix := range []string{"/sso", "//sso", "/%73so", "/sso/", "/sso%2F", "/sso/.", "/x/../sso", "/SSO", ""} {
					target := spell(spelling.target, "/oauth2/token")
					if strings.HasPrefix(target, "/") {
						target = prefix + target
					} else {
						target = strings.Replace(target, "/oauth2", prefix+"/oauth2", 1)
					}
					p.upstream.take()
					send(t, p.guarded, form(target, "grant_type=a&grant_type=b"))
					for _, e := range p.upstream.take() {
						if tokenLike(e.target()) {
							t.Errorf("%s: %s arrived unjudged as %s", spelling.name, target, e.target())
						}
					}
					send(t, p.twin, form(target, "grant_type=a&grant_type=b"))
					for _, e := range p.upstream.take() {
						if e.target() != "/oauth2/token" && tokenLike(e.target()) {
							tricks++
						}
					}
				}
			}
			// Without the guard most of them do arrive, or the test would show nothing.
			if tricks < 100 {
				t.Errorf("only %d odd spellings arrive without the guard", tricks)
			}
		})
	}
}

// tokenLike is a rough opinion of its own about which targets some server takes for /oauth2/token. It does not use the guard's code.
func tokenLike(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	for range 3 {
		path = strings.NewReplacer("%25", "%", "%2f", "/", "%2F", "/", "%5c", "/", "\\", "/", "%2e", ".", "%3b", ";", "%3B", ";", "%74", "t", "%6f", "o", "%00", ";", "%c0%af", "/").Replace(path)
	}
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, strings.ToLower(segment))
		}
	}
	cleaned := strings.Join(kept, "/")
	for _, suffix := range []string{".json", ".xml", ".", "%20", "%09", "%0a"} {
		cleaned = strings.TrimSuffix(cleaned, suffix)
	}
	return cleaned == "oauth2/token"
}

// TestWrongBasePathWarns proves that an operator whose guard stands at the wrong place, or has the wrong base_path, is told so once.
func TestWrongBasePathWarns(t *testing.T) {
	log := filepath.Join(t.TempDir(), "caddy.log")
	address, recording := freeAddress(t), newUpstream(t)
	load(t, logTo(log, "INFO"), site(address, guard("profile hub")+recording.proxy()))
	for range 3 {
		send(t, address, form("/hub/api/rest/oauth2/token", "grant_type=a"))
	}
	if n := len(recording.take()); n != 3 {
		t.Errorf("%d requests arrived, want 3: a path that is not configured must pass", n)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "looks like an OAuth endpoint"); n != 1 {
		t.Errorf("the warning occurs %d times, want 1:\n%s", n, text)
	}
}
