package caddymodule

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestMistakesNameTheirLine writes each mistake about a single option into a Caddyfile, where the error names the line, and into JSON, which has no lines and where the same mistake is found when the
// configuration is loaded.
func TestMistakesNameTheirLine(t *testing.T) {
	for _, test := range []struct{ block, member, want string }{
		{"profile strict", `"profile":"strict"`, `unknown profile "strict": use hub, rfc6749, oauth21 or fapi2`},
		{"profile fapi1", `"profile":"fapi1"`, `unknown profile "fapi1"`},
		{"mode shadow", `"mode":"shadow"`, `mode: unknown value "shadow": use enforce, report`},
		{"endpoint pra /par", `"endpoints":{"pra":["/par"]}`, `endpoint: unknown kind "pra"`},
		{"endpoint login /login", `"endpoints":{"login":["/login"]}`, `unknown kind "login"`},
		{"unknown_client maybe", `"unknown_client":"maybe"`, "use pass, reject, report"},
		{"unjudged report", `"unjudged":"report"`, "use pass, reject"},
		{"request_objects use", `"request_objects":"use"`, "unknown value"},
		{"request_objects some", `"request_objects":"some"`, "use ignored, unknown or used"},
		{"preset kecloak /realms/main", `"profile":"rfc6749","preset":{"server":"kecloak","path":"/realms/main"}`, `preset: unknown server "kecloak": use one of space, keycloak, doorkeeper, identityserver, spring`},
		{"preset keycloak realms/main", `"profile":"rfc6749","preset":{"server":"keycloak","path":"realms/main"}`, `preset keycloak: path "realms/main" must begin with a slash`},
		{"backend iis", `"backend":"iis"`, `backend: unknown kind of server "iis": use one of unknown, jetty, tomcat`},
		{"rule authorize.state.repeatd off", `"rules":[{"match":"authorize.state.repeatd","mode":"off"}]`, "did you mean authorize.state.repeated?"},
		{"rule authorize.* maybe", `"rules":[{"match":"authorize.*","mode":"maybe"}]`, "use enforce, report or off"},
		{"exempt app path.ambiguous", `"exempt":[{"client_id":"app","rules":["path.ambiguous"]}]`, "applies to every client"},
		{"exempt app tokn.*", `"exempt":[{"client_id":"app","rules":["tokn.*"]}]`, "no such rule"},
		{"errors {\n delivery mail\n}", `"errors":{"delivery":"mail"}`, "errors delivery"},
		{"errors {\n redirect_uri_code nope\n}", `"errors":{"redirect_uri_code":"nope"}`, "errors redirect_uri_code"},
		{"errors {\n dialect klingon\n}", `"errors":{"dialect":"klingon"}`, "errors dialect"},
		{"errors {\n realm a\"b\n}", `"errors":{"realm":"a\"b"}`, "errors realm"},
		{"errors {\n issuer hub.example\n}", `"errors":{"issuer":"hub.example"}`, "must begin with https://"},
		{"errors {\n cors https://a.example/path\n}", `"errors":{"cors":["https://a.example/path"]}`, "not an origin"},
		{"errors {\n cors off https://a.example\n}", `"errors":{"cors":["off","https://a.example"]}`, "excludes other values"},
		{"errors {\n on_reject explode\n}", `"errors":{"on_reject":"explode"}`, "errors on_reject"},
		{"limits {\n parameters 70000\n}", `"limits":{"parameters":70000}`, "out of range"},
		{"clients hub hub.example", `"clients":[{"source":"hub","base_url":"hub.example"}]`, "not an http or https URL"},
		{"clients hub https://hub.example/api/rest/", `"clients":[{"source":"hub","base_url":"https://hub.example/api/rest/"}]`, "leave that out"},
		{"clients hub https://user:secret@hub.example", `"clients":[{"source":"hub","base_url":"https://user:secret@hub.example"}]`, "holds a user name or password"},
		{"clients static {\n client x {\n exempt nothing.*\n }\n}", `"clients":[{"source":"static","clients":[{"client_id":"x","exempt":["nothing.*"]}]}]`, "no such rule nothing.*"},
	} {
		// The mistake stands where the last indented line is, or in the only one.
		line := 4 + max(0, strings.Count(test.block, "\n ")-strings.Count(test.block, "\n }"))
		_, err := adapt(t, ":8080 {\noauth_guard {\n\n"+test.block+"\nrule path.* report\n}\n}")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasSuffix(err.Error(), fmt.Sprintf(", at Caddyfile:%d", line)) {
			t.Errorf("%q: error %v, want %q at line %d", test.block, err, test.want, line)
		}
		var config caddy.Config
		text := `{"admin":{"disabled":true},"apps":{"http":{"servers":{"s":{"routes":[{"handle":[{"handler":"oauth_guard",` + test.member + `}]}]}}}}}`
		if err := json.Unmarshal([]byte(text), &config); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.member, err, test.want)
		}
	}
}
