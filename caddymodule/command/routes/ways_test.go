package routes_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of the sites
	"github.com/google/go-cmp/cmp"

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the guard itself
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/routes"
)

// parse reads the routes of a Caddyfile.
func parse(t *testing.T, caddyfile string) *routes.Tree {
	t.Helper()
	text, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%v (%v)\n%s", err, warnings, caddyfile)
	}
	var config caddy.Config
	if err := json.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	tree, err := routes.Parse(config.AppsRaw["http"])
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// site is a Caddyfile with one site in it.
func site(directives string) string { return "http://hub.example {\n" + directives + "\n}\n" }

// sites are configurations with the ways around their guards: the kind, and the end of the place. GUARD and HUB stand for the guard and for the proxy to the server behind it.
var sites = []struct {
	name, caddyfile string
	want            []string
}{
	// What must be found.
	{"a path without a guard", site("handle /legacy/* {\nHUB\n}\nhandle {\nGUARD\nHUB\n}"), []string{"around path /legacy/*"}},
	{"a proxy before the guard", site("route {\nreverse_proxy /legacy/* hub:8080\nGUARD\nHUB\n}"), []string{"around path /legacy/*"}},
	{"another site", site("GUARD\nHUB") + "http://other.example {\nHUB\n}", []string{"around host other.example"}},
	{"another port", site("GUARD\nHUB") + "http://hub.example:8081 {\nHUB\n}", []string{"around host hub.example"}},
	{"a server without hosts", site("GUARD\nHUB") + "http://:8082 {\nHUB\n}", []string{"around server srv1"}},
	{"another spelling of the address", site("GUARD\nreverse_proxy localhost:8080") + "http://other.example {\nreverse_proxy 127.0.0.1:8080\n}", []string{"around host other.example"}},
	{"the loopback of IPv6, in a list", site("GUARD\nreverse_proxy localhost:8080") + "http://other.example {\nreverse_proxy a:1 [::1]:8080\n}", []string{"around host other.example"}},
	{"a subroute in a subroute", site("handle /a/* {\nhandle /a/b/* {\nroute {\nHUB\n}\n}\n}\nhandle {\nGUARD\nHUB\n}"), []string{"around path /a/b/*"}},
	{"a guard in a handle, the proxy behind it", site("route {\nhandle /a/* {\nheader X y\n}\nhandle {\nGUARD\n}\nHUB\n}"), []string{"around host hub.example"}},
	{"a guard for one path, the proxy for all", site("route {\nhandle /oauth2/* {\nGUARD\n}\nHUB\n}"), []string{"around host hub.example"}},
	{"a guard for one host of two", "http://a.example, http://b.example {\n@a host a.example\nroute {\nhandle @a {\nGUARD\n}\nHUB\n}\n}", []string{"around host a.example b.example"}},
	{"a named route", "&(hub) {\nHUB\n}\n" + site("invoke /legacy/* hub\nhandle {\nGUARD\ninvoke hub\n}"), []string{"around path /legacy/*"}},
	{"a snippet", "(hub) {\nHUB\n}\n" + site("handle /legacy/* {\nimport hub\n}\nhandle {\nGUARD\nimport hub\n}"), []string{"around path /legacy/*"}},
	{"forward_auth asks the server", site("route {\nforward_auth hub:8080 {\nuri /api/verify\n}\nGUARD\nHUB\n}"), []string{"around host hub.example"}},
	{"handle_path without a guard", site("handle_path /sso/* {\nHUB\n}\nhandle {\nGUARD\nHUB\n}"), []string{"around path /sso/*"}},
	{"a fallback of another proxy", site("handle /app/* {\nreverse_proxy app:1 {\n@down status 503\nhandle_response @down {\nHUB\n}\n}\n}\nhandle {\nGUARD\nHUB\n}"), []string{"around path /app/*"}},
	{"a guard for some addresses", site("@inside remote_ip 10.0.0.0/8\noauth_guard @inside\nHUB"), []string{"addresses host hub.example"}},

	{"handle_path behind the guard", site("GUARD\nhandle_path /sso/* {\nHUB\n}"), []string{"rewritten path /sso/*"}},
	{"a rewrite behind the guard", site("route {\nGUARD\nrewrite /login /oauth2/token\nHUB\n}"), []string{"rewritten host hub.example"}},
	{"a rewrite in a handle, the guard outside", site("GUARD\nhandle /login {\nrewrite * /oauth2/token\nHUB\n}"), []string{"rewritten path /login"}},
	{"a rewrite in one of two handles, the proxy behind both", site("route {\nGUARD\nhandle /login {\nrewrite * /oauth2/token\n}\nhandle {\nheader X y\n}\nHUB\n}"), []string{"rewritten host hub.example"}},
	{"a rewrite inside reverse_proxy", site("GUARD\nreverse_proxy hub:8080 {\nrewrite /oauth2/token\n}"), []string{"rewritten host hub.example"}},
	{"a method inside reverse_proxy", site("GUARD\nreverse_proxy hub:8080 {\nmethod POST\n}"), []string{"rewritten host hub.example"}},
	{"a body that is set behind the guard", site("route {\nGUARD\nrequest_body {\nset \"grant_type=password\"\n}\nHUB\n}"), []string{"rewritten host hub.example"}},

	{"errors go to the server", site("GUARD\nHUB\nhandle_errors {\nHUB\n}"), []string{"error_route host hub.example"}},
	{"some errors go to the server", site("GUARD\nHUB\nhandle_errors 4xx {\nreverse_proxy hub:8080\n}"), []string{"error_route expression {http.error.status_code} >= 400"}},

	{"a server of a placeholder", site("GUARD\nHUB") + "http://other.example {\nreverse_proxy {http.request.header.X-Server}\n}", []string{"unknown_upstream host other.example"}},
	{"a server that DNS tells", site("GUARD\nHUB") + "http://other.example {\nreverse_proxy {\ndynamic a other 80\n}\n}", []string{"unknown_upstream host other.example"}},
	{"the same dynamic server", site("GUARD\nreverse_proxy {\ndynamic a hub 80\n}") + "http://other.example {\nreverse_proxy {\ndynamic a hub 80\n}\n}", []string{"around host other.example"}},
	{"the same placeholder", site("GUARD\nreverse_proxy {env.SERVER}") + "http://other.example {\nreverse_proxy {env.SERVER}\n}", []string{"around host other.example"}},

	// What must not alarm.
	{"a guard and a proxy", site("GUARD\nHUB"), nil},
	{"the guard in its place whatever the order in the file", site("HUB\nGUARD"), nil},
	{"a guard of its own in each handle", site("handle /a/* {\nGUARD\nHUB\n}\nhandle {\nGUARD\nHUB\n}"), nil},
	{"a guard before two handles", site("GUARD\nhandle /a/* {\nHUB\n}\nhandle {\nHUB\n}"), nil},
	{"a rewrite before the guard", site("rewrite /login /oauth2/token\nGUARD\nHUB"), nil},
	{"handle_path with the guard inside", site("handle_path /sso/* {\nGUARD\nHUB\n}"), nil},
	{"static files beside it", site("GUARD\nhandle /static/* {\nroot * /srv\nfile_server\n}\nhandle {\nHUB\n}"), nil},
	{"static files with a rewrite of their own", site("GUARD\nhandle /static/* {\nrewrite * /files{uri}\nfile_server\n}\nhandle {\nHUB\n}"), nil},
	{"static files, then guard and proxy in a handle", site("handle /static/* {\nfile_server\n}\nhandle {\nGUARD\nHUB\n}"), nil},
	{"some requests are answered before the guard", site("route {\nrespond /health 200\nGUARD\nHUB\n}"), nil},
	{"some are redirected", site("redir /old /new\nGUARD\nHUB"), nil},
	{"handles that answer, the guard in the last", site("route {\nhandle /a/* {\nrespond 404\n}\nhandle {\nGUARD\n}\nHUB\n}"), nil},
	{"a guard for one path, the proxy for the same", site("route {\nhandle /oauth2/* {\nGUARD\n}\nreverse_proxy /oauth2/* hub:8080\n}"), nil},
	{"another server elsewhere", site("GUARD\nHUB") + "http://other.example {\nrewrite * /x{uri}\nreverse_proxy other:80\n}", nil},
	{"another server for another path", site("handle /app/* {\nreverse_proxy app:1\n}\nhandle {\nGUARD\nHUB\n}"), nil},
	{"forward_auth asks another server", site("route {\nGUARD\nforward_auth auth:9091 {\nuri /api/verify\n}\nHUB\n}"), nil},
	{"forward_auth before the guard", site("route {\nforward_auth auth:9091 {\nuri /api/verify\ncopy_headers Remote-User\n}\nGUARD\nHUB\n}"), nil},
	{"error pages that respond", site("GUARD\nHUB\nhandle_errors {\nrespond \"{err.status_code}\"\n}"), nil},
	{"error pages of files", site("GUARD\nHUB\nhandle_errors {\nrewrite * /{err.status_code}.html\nfile_server\n}"), nil},
	{"error pages of another server", site("GUARD\nHUB\nhandle_errors {\nreverse_proxy pages:80\n}"), nil},
	{"a named route behind the guard", "&(hub) {\nHUB\n}\n" + site("handle {\nGUARD\ninvoke hub\n}"), nil},
	{"a guard in a named route", "&(hub) {\nGUARD\nHUB\n}\n" + site("invoke hub"), nil},
	{"a snippet with both", "(hub) {\nGUARD\nHUB\n}\n" + site("import hub") + "http://other.example {\nimport hub\n}", nil},
	{"headers that change", site("GUARD\nrequest_header X-Real-IP {remote_host}\nHUB"), nil},
	{"no guard", site("HUB"), nil},
	{"a guard that answers alone", site("GUARD\nrespond ok"), nil},
}

func TestWays(t *testing.T) {
	expand := strings.NewReplacer("GUARD", "oauth_guard", "HUB", "reverse_proxy hub:8080")
	for _, test := range sites {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, way := range parse(t, expand.Replace(test.caddyfile)).Ways() {
				place := strings.Split(way.Place, " › ")
				got = append(got, string(way.Kind)+" "+strings.TrimPrefix(place[len(place)-2], "error routes of "))
				if wantOpen := way.Kind != routes.Addresses && way.Kind != routes.Unknown; way.Open != wantOpen {
					t.Errorf("%s: open is %t", way.Kind, way.Open)
				}
				if way.Text == "" || way.Upstream == "" {
					t.Errorf("%+v says too little", way)
				}
			}
			if len(got) == len(test.want) {
				for i := range got {
					if strings.HasPrefix(got[i], test.want[i]) {
						got[i] = test.want[i]
					}
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ways around (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGuards(t *testing.T) {
	tree := parse(t, `
http://a.example, http://*.b.example {
	handle_path /sso/* {
		oauth_guard {
			profile oauth21
			endpoint token /token
		}
		reverse_proxy hub:8080
	}
}
http://:8080 {
	rewrite /x /y
	oauth_guard
	reverse_proxy hub:8081
}
`)
	guards := tree.Guards()
	if len(guards) != 2 {
		t.Fatalf("%d guards, want 2", len(guards))
	}
	first, second := guards[0], guards[1]
	if strings.Contains(first.Name, "a.example") == strings.Contains(second.Name, "a.example") {
		t.Fatalf("names: %s; %s", first.Name, second.Name)
	}
	if !strings.Contains(first.Name, "a.example") {
		first, second = second, first
	}
	if diff := cmp.Diff([]string{"/sso"}, first.Strip); diff != "" {
		t.Error(diff)
	}
	for host, want := range map[string]bool{
		"a.example": true, "A.EXAMPLE:8443": true, "x.b.example": true, "b.example": false, "x.y.b.example": false, "c.example": false, "[::1]:80": false, "": false,
	} {
		if first.Serves(host) != want {
			t.Errorf("serves %q: %t", host, !want)
		}
		if !second.Serves(host) {
			t.Errorf("a guard without hosts does not serve %q", host)
		}
	}
	if first.Rewritten || !second.Rewritten {
		t.Errorf("rewritten: %t, %t", first.Rewritten, second.Rewritten)
	}
	if diff := cmp.Diff([]string{"hub:8080", "hub:8081"}, tree.Guarded()); diff != "" {
		t.Error(diff)
	}
}

// TestEndlessRoutes invokes a named route that invokes itself.
func TestEndlessRoutes(t *testing.T) {
	const app = `{"servers":{"a":{"routes":[{"handle":[{"handler":"invoke","name":"x"}]}],"named_routes":{"x":{"handle":[{"handler":"invoke","name":"x"}]}}}}}`
	if _, err := routes.Parse(json.RawMessage(app)); err == nil || !strings.Contains(err.Error(), "nested more than") {
		t.Errorf("error %v", err)
	}
}

func TestOddConfigurations(t *testing.T) {
	for _, app := range []string{"", "{}", `{"servers":{"a":null}}`, `{"servers":{"a":{"errors":null,"routes":[{"handle":[{"handler":"invoke","name":"nothing"}]}]}}}`} {
		if tree, err := routes.Parse(json.RawMessage(app)); err != nil || len(tree.Ways()) != 0 {
			t.Errorf("%s: %v", app, err)
		}
	}
	for _, app := range []string{"[]", `{"servers":{"a":{"routes":[{"handle":[1]}]}}}`, `{"servers":[]}`} {
		if _, err := routes.Parse(json.RawMessage(app)); err == nil {
			t.Errorf("%s: no error", app)
		}
	}
}
