package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives that the golden files use
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func adapt(t *testing.T, text string) ([]byte, error) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	for _, warning := range warnings {
		if !strings.Contains(warning.Message, "not formatted") {
			t.Errorf("warning: %s", warning)
		}
	}
	if err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, adapted, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return pretty.Bytes(), nil
}

// TestCaddyfile adapts each golden file: a Caddyfile, a line of dashes, and the JSON, or the text of the error.
func TestCaddyfile(t *testing.T) {
	names, err := filepath.Glob("testdata/caddyfile/*.caddyfiletest")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".caddyfiletest"), func(t *testing.T) {
			golden, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(golden), "----------\n")
			adapted, err := adapt(t, input)
			got := string(adapted) + "\n"
			if err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				if err := os.WriteFile(name, []byte(input+"----------\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			// What was adapted must load: unknown members would be an error.
			var config caddy.Config
			if err := caddy.StrictUnmarshalJSON(adapted, &config); err != nil {
				t.Error(err)
			}
			if err := caddy.Validate(&config); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCaddyfileErrors is the list of mistakes that are found while parsing, each with words of the message.
func TestCaddyfileErrors(t *testing.T) {
	for _, test := range []struct{ block, want string }{
		{"oauth_guard {\n mood good\n}", "unrecognized option mood"},
		{"oauth_guard extra {\n}", "Caddyfile:2"},
		{"oauth_guard {\n profile\n}", "wrong argument count"},
		{"oauth_guard {\n profile hub rfc6749\n}", "wrong argument count"},
		{"oauth_guard {\n profile hub\n profile rfc6749\n}", "profile is already set to hub"},
		{"oauth_guard {\n mode \"\"\n}", "mode is empty"},
		{"oauth_guard {\n preset keycloak\n}", "wrong argument count"},
		{"oauth_guard {\n preset keycloak /a\n preset spring /\n}", "preset is already set to keycloak"},
		{"oauth_guard {\n backend jetty tomcat\n}", "wrong argument count"},
		{"oauth_guard {\n backend jetty\n backend tomcat\n}", "backend is already set to jetty"},
		{"oauth_guard {\n clients hub\n}", "wrong argument count"},
		{"oauth_guard {\n clients hub https://hub.example {\n  refresh 0\n }\n}", `refresh: "0" is not a positive duration`},
		{"oauth_guard {\n clients hub https://hub.example {\n  refresh 1m\n  refresh 2m\n }\n}", "refresh is already set to 1m0s"},
		{"oauth_guard {\n clients hub https://hub.example {\n  on_demand often\n }\n}", `on_demand: "often" is neither off nor a positive number`},
		{"oauth_guard {\n clients hub https://hub.example {\n  on_demand off\n  on_demand 5\n }\n}", "on_demand is already set"},
		{"oauth_guard {\n clients hub https://hub.example {\n  tls_client cert.pem\n }\n}", "wrong argument count"},
		{"oauth_guard {\n clients hub https://hub.example {\n  tls_ca a.pem\n  tls_ca b.pem\n }\n}", "tls_ca is already set"},
		{"oauth_guard {\n clients hub https://hub.example {\n  secret x\n }\n}", "unrecognized option secret in clients hub"},
		{"oauth_guard {\n clients magic\n}", "oauth_guard.clients.magic"},
		{"oauth_guard {\n clients static {\n customer x {\n }\n }\n}", "unrecognized option customer"},
		{"oauth_guard {\n clients static {\n client x {\n }\n client x {\n }\n }\n}", "second client x"},
		{"oauth_guard {\n clients static {\n client x {\n redirect_uris /cb\n }\n }\n}", "is not absolute"},
		{"oauth_guard {\n clients static {\n client x {\n redirect_uris javascript:x\n }\n }\n}", "script"},
		{"oauth_guard {\n clients static {\n client x {\n delivery mail\n }\n }\n}", "use redirect, page or pass"},
		{"oauth_guard {\n clients static {\n client x {\n trusted yes\n }\n }\n}", "wrong argument count"},
		{"oauth_guard {\n clients static {\n client x {\n client_secret x\n }\n }\n}", "unrecognized option client_secret"},
		{"oauth_guard {\n clients static {\n client x {\n scope a\n scope b\n }\n }\n}", "scope of client x is already set"},
		{"oauth_guard {\n clients file\n}", "wrong argument count"},
		{"oauth_guard {\n clients file x {\n refresh never\n }\n}", "not a positive duration"},
		{"oauth_guard {\n endpoint token\n}", "wrong argument count"},
		{"oauth_guard {\n rule x\n}", "wrong argument count"},
		{"oauth_guard {\n exempt x\n}", "wrong argument count"},
		{"oauth_guard {\n errors {\n color red\n }\n}", "unrecognized option color in errors"},
		{"oauth_guard {\n errors {\n cors\n }\n}", "wrong argument count"},
		{"oauth_guard {\n errors {\n }\n errors {\n }\n}", "second errors block"},
		{"oauth_guard {\n limits {\n body many\n }\n}", "not a positive number or size"},
		{"oauth_guard {\n limits {\n body 1KiB\n body 2KiB\n }\n}", "limits body is already set"},
		{"oauth_guard {\n limits {\n speed 1\n }\n}", "unrecognized option speed in limits"},
		{"oauth_guard {\n clients static {\n client a {\n jwks testdata/private_key.json\n }\n }\n}", "jwks of client a: testdata/private_key.json: key 1 is private or symmetric; give the public key only"},
		{"oauth_guard {\n clients static {\n client a {\n jwks testdata/none.json\n }\n }\n}", "jwks of client a: testdata/none.json: cannot be read"},
		{"oauth_guard {\n clients static {\n client a {\n jwks testdata/ca.pem\n }\n }\n}", "not a JSON object"},
		{"oauth_guard {\n clients static {\n client a {\n dpop_bound_access_tokens yes\n }\n }\n}", "wrong argument count"},
		{"oauth_guard /oauth2/* {\n}", "matcher path is not allowed"},
		{"oauth_guard_status {\n refresh 5s\n refresh 5s\n}", "refresh is already set to 5s"},
		{"oauth_guard_status {\n refresh soon\n}", `refresh: "soon" is not a positive duration`},
		{"oauth_guard_status {\n refresh\n}", "wrong argument count"},
		{"oauth_guard_status {\n colour red\n}", "oauth_guard_status: unrecognized option colour"},
		{"oauth_guard_status /a /b", "wrong argument count"},
		{"@q query a=b\noauth_guard @q {\n}", "matcher query is not allowed"},
		{"@n not host a\noauth_guard @n {\n}", "matcher not is not allowed"},
	} {
		_, err := adapt(t, ":8080 {\n"+test.block+"\n}")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q", test.block, err, test.want)
		}
	}
}

// TestStatusProvisionErrors is the same for the status page.
func TestStatusProvisionErrors(t *testing.T) {
	adapted, err := adapt(t, ":8080 {\noauth_guard_status {\nrefresh 500ms\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err == nil || !strings.Contains(err.Error(), "oauth_guard_status: refresh: 500ms is too short: use a duration of at least 1s") {
		t.Error(err)
	}
}

// TestProvisionErrors is the list of mistakes that are found when the configuration is loaded, since they are about several options, files, or what must be connected.
func TestProvisionErrors(t *testing.T) {
	for _, test := range []struct{ block, want string }{
		{"profile rfc6749", "has no endpoints of its own"},
		{"base_path hub", "must begin with a slash"},
		{"profile rfc6749\nbase_path /x\nendpoint token /t", "only the profile hub has paths"},
		{"endpoint token /token/*", "allowed for resource only"},
		{"endpoint token token", "must begin with a slash"},
		{"endpoint token /a%2fb", "must be written plainly"},
		{"endpoint token /x\nendpoint authorize /x", "two different endpoints"},
		{"profile rfc6749\npreset keycloak /realms/a%20b", "must be written plainly"},
		{"preset keycloak /realms/main", "preset keycloak: the profile hub is for servers of JetBrains: add profile rfc6749, oauth21 or fapi2"},
		{"preset space /\nbase_path /x", "preset space has a path of its own"},
		{"preset space /\nrule hub.services.anonymous_registration enforce", "only a JetBrains Hub, in the profile hub without a preset, has services"},
		{"profile rfc6749\nendpoint token /t\nrule hub.services.anonymous_registration enforce", "only a JetBrains Hub"},
		{"errors {\n page /does/not/exist\n}", "errors page"},
		{"clients file /does/not/exist", "clients file: stat /does/not/exist"},
		{"clients static {\n}", "no client"},
		{"clients hub https://hub.example {\n tls_client /no/cert /no/key\n }", "loading client certificate"},
		{"clients hub https://hub.example {\n on_demand off\n }\nunknown_client reject", "remove on_demand off"},
		{"clients static {\n client x {\n jwks testdata/wrong_key.json\n }\n}", "client x: jwks: key 1 is no valid public key; copy it again from the client"},
	} {
		adapted, err := adapt(t, ":8080 {\noauth_guard {\n"+test.block+"\n}\n}")
		if err != nil {
			t.Errorf("%q: %v", test.block, err)
			continue
		}
		var config caddy.Config
		if err := json.Unmarshal(adapted, &config); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %q", test.block, err, test.want)
		}
	}
}
