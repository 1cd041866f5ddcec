package integration

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// secret makes a marker that stands for a secret at one place.
func secret(place string) string { return "xYzZy" + place }

// basicSecret is a Basic value whose encoded form is a marker as well.
var basicSecret = base64.StdEncoding.EncodeToString([]byte("app:" + secret("basic")))

// secretForm is a token request with a secret in every parameter that holds one, in an unknown one, and in names.
const secretForm = "code=xYzZycode&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Ftoken%3DxYzZyuri%23xYzZyfragment&client_secret=xYzZyclient&refresh_token=xYzZyrefresh&" +
	"username=xYzZyuser&password=xYzZypassword&code_verifier=xYzZyverifier-xYzZyverifier-xYzZyverifier-x&assertion=xYzZyassertion&" +
	"client_assertion=e30.xYzZyjwt.sig&client_assertion_type=x&device_code=xYzZydevice&subject_token=xYzZysubject&unknown=xYzZyunknown&xYzZyname=1"

// secretAsk is the same for an authorization request. Its state may come back to the client, and nowhere else.
const secretAsk = "state=xYzZystate&nonce=xYzZynonce&code_challenge=xYzZychallenge&login_hint=xYzZyhint&id_token_hint=xYzZyidtoken&claims=xYzZyclaims&" +
	"acr_values=xYzZyacr&dpop_jkt=xYzZydpop&unknown=xYzZyunknown&xYzZyname=1"

// secretFields are headers with secrets, in values and names.
var secretFields = []string{"Authorization: Basic " + basicSecret, "Cookie: session=xYzZycookie", "X-xYzZyheader: xYzZyvalue", "DPoP: xYzZyproof", "User-Agent: xYzZyagent",
	"Referer: https://x.example/?xYzZyreferer", "X-Forwarded-For: xYzZyforwarded", "Origin: https://xYzZyorigin.example"}

// damages make a request invalid in all kinds of ways.
var damages = map[string]func(method, target, parameters string, fields []string) string{
	"none":      func(m, t, p string, f []string) string { return place(m, t, p, f) },
	"repeated":  func(m, t, p string, f []string) string { return place(m, t, p+"&client_id=xYzZyother&client_id=x", f) },
	"escape":    func(m, t, p string, f []string) string { return place(m, t, p+"&x=xYzZyescape%zz", f) },
	"semicolon": func(m, t, p string, f []string) string { return place(m, t, p+";xYzZysemicolon=1", f) },
	"NUL":       func(m, t, p string, f []string) string { return place(m, t, p+"&scope=xYzZynul%00", f) },
	"folded":    func(m, t, p string, f []string) string { return place(m, t, p+"&client.id=xYzZyfolded", f) },
	"UTF-8":     func(m, t, p string, f []string) string { return place(m, t, p+"&x=xYzZy%ff", f) },
	"no name":   func(m, t, p string, f []string) string { return place(m, t, p+"&=xYzZynoname", f) },
	"too long": func(m, t, p string, f []string) string {
		return place(m, t, p+"&x="+strings.Repeat("xYzZylong", 8000), f)
	},
	"too many":  func(m, t, p string, f []string) string { return place(m, t, p+strings.Repeat("&xYzZymany=1", 200), f) },
	"method":    func(_, t, p string, f []string) string { return place("xYzZymethod", t, p, f) },
	"ambiguous": func(m, t, p string, f []string) string { return place(m, t+";xYzZyparameter", p, f) },
	"session":   func(m, t, p string, f []string) string { return place(m, t+";jsessionid=xYzZysession", p, f) },
	"subpath":   func(m, t, p string, f []string) string { return place(m, t+"/xYzZypath", p, f) },
	"dots":      func(m, t, p string, f []string) string { return place(m, "/xYzZypath/.."+t, p, f) },
	"in query":  func(m, t, p string, f []string) string { return place(m, t+"?"+p+"&code=xYzZyquery", p, f) },
	"charset": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f, "Content-Type: "+"application/x-www-form-urlencoded; charset=xYzZycharset"))
	},
	"encoding": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f, "Content-Encoding: xYzZyencoding"))
	},
	"override": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f, "X-HTTP-Method-Override: xYzZyoverride"))
	},
	"two": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f, "Authorization: Bearer xYzZysecond"))
	},
	"malformed": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f[1:], "Authorization: Basic xYzZy!malformed"))
	},
	"scheme": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f[1:], "Authorization: xYzZyscheme xYzZycredentials"))
	},
	"no header": func(m, t, p string, f []string) string { return place(m, t, p, f[1:]) },
	"rewrite": func(m, t, p string, f []string) string {
		return place(m, t, p, append(f, "X-Original-URL: "+t+"?xYzZyrewrite"))
	},
	"JSON": func(m, t, p string, f []string) string { return place(m, t, p, append(f, "Accept: application/json")) },
	"host": func(m, t, p string, f []string) string { return place(m, "http://other.example"+t, p, f) },
}

// place puts parameters where the method has them.
func place(method, target, parameters string, fields []string) string {
	fields = slices.Clone(fields)
	if method == "POST" {
		if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, "Content-Type:") }) {
			fields = append(fields, formType)
		}
		return message(method, target, fields, parameters)
	}
	if strings.Contains(target, "?") {
		return message(method, target+"&"+parameters, fields, "")
	}
	return message(method, target+"?"+parameters, fields, "")
}

// secretRequests are all requests of the test.
func secretRequests() []string {
	registered := "&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"
	sources := []struct{ method, target, parameters string }{
		{"POST", "/oauth2/token", "grant_type=authorization_code&client_id=app&" + secretForm},
		{"POST", "/oauth2/token", "grant_type=xYzZygrant&client_id=xYzZyclientid&" + secretForm},
		{"POST", "/oauth2/token", "grant_type=refresh_token&client_id=app&refresh_token=xYzZy%C3%A9&scope=xYzZy%22scope"},
		{"POST", "/oauth2/token", "grant_type=password&client_id=native&" + secretForm},
		{"GET", "/oauth2/auth", "response_type=code&client_id=app" + registered + "&" + secretAsk},
		{"POST", "/oauth2/auth", "response_type=code&client_id=app" + registered + "&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=xYzZytype&client_id=app" + registered + "&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=code&response_mode=form_post&code_challenge_method=xYzZymethod&client_id=app" + registered + "&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=token&client_id=app&scope=xYzZy%22scope" + registered + "&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fevil.example%2Fcb%3Ftoken%3DxYzZyuri%23xYzZyfragment&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fu%3AxYzZyuser%40evil.example%2Fcb&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=code&client_id=app&redirect_uri=com.app%3A%2Fcb%3FxYzZyopaque&" + secretAsk},
		{"GET", "/oauth2/auth", "response_type=code&client_id=xYzZyclientid&redirect_uri=https%3A%2F%2Fevil.example%2FxYzZypath&" + secretAsk},
		{"GET", "/oauth2/userinfo", "access_token=xYzZyaccess"},
		{"GET", "/api/users", "access_token=xYzZyaccess&x=xYzZyunknown"},
		{"POST", "/api/users", "access_token=xYzZyaccess&access_token=xYzZyagain&password=xYzZypassword"},
	}
	var requests []string
	for _, s := range sources {
		for _, name := range slices.Sorted(maps.Keys(damages)) {
			requests = append(requests, damages[name](s.method, s.target, s.parameters, slices.Clone(secretFields)))
		}
	}
	for _, authorization := range []string{"Bearer xYzZytoken", "Bearer xYzZy\ttoken", "Bearer xYzZytoken, Bearer xYzZyother", "Bearer xYzZy!token", "Bearer xYzZy\xe9", "Digest xYzZydigest",
		"Bearer " + strings.Repeat("xYzZy", 2000), "DPoP xYzZytoken", "xYzZytoken"} {
		requests = append(requests, get("/api/users?x=xYzZyquery", "Authorization: "+authorization), get("/oauth2/userinfo", "Authorization: "+authorization))
	}
	return requests
}

// TestNoSecretInOutput sends secrets in every place, with all kinds of mistakes beside them, and looks for them in everything that the guard writes: the log at the
// level DEBUG, answers, challenges, pages, redirections and metrics.
func TestNoSecretInOutput(t *testing.T) {
	log := filepath.Join(t.TempDir(), "caddy.log")
	recording, metrics := newUpstream(t), freeAddress(t)
	sites := site(metrics, "metrics\n")
	addresses := make(map[string]string)
	for _, profile := range profiles {
		for name, lines := range map[string]string{
			"enforce":  "errors {\ndocs https://docs.example/rules\n}",
			"strict":   "rule * enforce\nerrors {\ndelivery page\ndialect hub\n}",
			"redirect": "rule * enforce\nrule *.redirect_uri.* report\nerrors {\ndelivery redirect\n}",
			"report":   "mode report\nrule * enforce",
			"error":    "rule * enforce\nerrors {\non_reject error\n}",
		} {
			address := freeAddress(t)
			addresses[profile+"/"+name] = address
			sites += site(address, guard("profile "+profile+"\n"+endpointLines+clientLines+lines)+recording.proxy()+
				"header X-Guard \"{http.oauth_guard.endpoint} {http.oauth_guard.decision} {http.oauth_guard.rule} {http.oauth_guard.error} {http.oauth_guard.client_id}\"\n"+
				"handle_errors {\nrespond \"{err.status_code} {err.message} {http.oauth_guard.rule} {http.oauth_guard.client_id}\"\n}\n")
		}
	}
	load(t, logTo(log, "DEBUG"), sites)
	refused, echoed := 0, 0
	for name, address := range addresses {
		t.Run(name, func(t *testing.T) {
			for _, raw := range secretRequests() {
				got := send(t, address, raw)
				if got.status >= 300 {
					refused++
				}
				output := got.body
				for field, values := range got.header {
					output += fmt.Sprintln(field, values)
				}
				if got.status == 303 || strings.Contains(got.body, `name="state"`) {
					// To a proven redirect URI the state goes back as it was sent.
					if strings.Contains(output, secret("state")) {
						echoed++
					}
					output = strings.ReplaceAll(output, secret("state"), "")
				}
				if leak := findSecret(output); leak != "" {
					t.Errorf("%.80q is answered with %d, which shows %q", raw, got.status, leak)
				}
			}
		})
	}
	if refused < 2000 || echoed < 10 {
		t.Errorf("only %d requests were refused, and %d states sent back", refused, echoed)
	}
	text := readLog(t, log)
	if lines := strings.Count(text, "request refused") + strings.Count(text, "request reported"); lines < 2000 {
		t.Errorf("only %d decisions are in the log", lines)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if leak := findSecret(line); leak != "" {
			t.Errorf("the log shows %q: %s", leak, line)
			break
		}
	}
	if leak := findSecret(send(t, metrics, get("/metrics")).body); leak != "" {
		t.Errorf("the metrics show %q", leak)
	}
}

// findSecret returns a marker in a text, with what is around it; case and percent encoding do not hide it.
func findSecret(text string) string {
	folded := strings.ToLower(text)
	for _, marker := range []string{strings.ToLower(secret("")), strings.ToLower(basicSecret[6:]), "%78yzzy"} {
		if at := strings.Index(folded, marker); at >= 0 {
			return text[max(0, at-30):min(len(text), at+30)]
		}
	}
	return ""
}
