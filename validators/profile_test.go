package validators

import (
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

const (
	goodChallenge = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	goodVerifier  = "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	pushedName    = "request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c"
)

// TestProfileFlows walks through flows as each strict profile wants them, which pass, and through one step of each that it announces to refuse.
func TestProfileFlows(t *testing.T) {
	certificate := []byte("a certificate of the client, in DER")
	post := func(path, body string, header ...string) rule.Request {
		request := rule.Request{Method: "POST", Path: path, Body: body, BodyState: rule.BodyRead, Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}}
		for i := 0; i < len(header); i += 2 {
			request.Header[header[i]] = []string{header[i+1]}
		}
		return request
	}
	get := func(target string, header ...string) rule.Request {
		path, query, _ := strings.Cut(target, "?")
		request := rule.Request{Method: "GET", Path: path, Query: query, Header: map[string][]string{}}
		for i := 0; i < len(header); i += 2 {
			request.Header[header[i]] = []string{header[i+1]}
		}
		return request
	}
	certified := func(request rule.Request) rule.Request {
		request.Certificate, request.EndsTLS = certificate, true
		return request
	}
	basic := []string{"Authorization", "Basic YXBwOnNlY3JldA=="}
	two := "client_id=two&redirect_uri=https%3A%2F%2Ftwo.example%2Fa"
	native := "client_id=native&redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fcb"
	for _, test := range []struct {
		name    string
		profile rule.Profile
		request rule.Request
		want    string // the rule that refuses
	}{
		{"a native application on a port of the loopback", rule.OAuth21, get("/oauth2/auth?response_type=code&" + native + goodChallenge), ""},
		{"its code, with redirect_uri", rule.OAuth21, post("/oauth2/token", "grant_type=authorization_code&code=x&"+native+goodVerifier), ""},
		{"its code, without redirect_uri", rule.OAuth21, post("/oauth2/token", "grant_type=authorization_code&code=x&client_id=native"+goodVerifier), ""},
		{"a confidential client", rule.OAuth21, post("/oauth2/token", "grant_type=authorization_code&code=x"+goodVerifier, basic...), ""},
		{"its own token", rule.OAuth21, post("/oauth2/token", "grant_type=client_credentials", basic...), ""},
		{"a refresh", rule.OAuth21, post("/oauth2/token", "grant_type=refresh_token&refresh_token=x&client_id=native"), ""},
		{"a pushed request", rule.OAuth21, post("/oauth2/par", "response_type=code&"+two+goodChallenge), ""},
		{"its name", rule.OAuth21, get("/oauth2/auth?client_id=two&" + pushedName), ""},
		{"a token in the header", rule.OAuth21, get("/api/x", "Authorization", "Bearer abc"), ""},
		{"an ID token alone is no access token", rule.OAuth21, get("/oauth2/auth?response_type=id_token&scope=openid&nonce=0123456789&" + two), ""},
		{"no PKCE", rule.OAuth21, get("/oauth2/auth?response_type=code&" + two), "authorize.code_challenge.missing"},
		{"plain PKCE", rule.OAuth21, get("/oauth2/auth?response_type=code&" + two + strings.Replace(goodChallenge, "S256", "plain", 1)), "authorize.code_challenge_method.plain"},
		{"the implicit grant", rule.OAuth21, get("/oauth2/auth?response_type=token&" + two), "authorize.response_type.implicit"},
		{"the password grant", rule.OAuth21, post("/oauth2/token", "grant_type=password&username=a&password=b", basic...), "token.grant_type.password"},
		{"a token in the query", rule.OAuth21, get("/api/x?access_token=abc"), "bearer.access_token.in_query"},
		{"http to another machine, of a client without known redirect URIs", rule.OAuth21,
			get("/oauth2/auth?response_type=code&client_id=trusted-service&redirect_uri=http%3A%2F%2Fa.example%2Fcb" + goodChallenge), "authorize.redirect_uri.insecure"},
		{"http to another machine, registered", rule.OAuth21,
			get("/oauth2/auth?response_type=code&client_id=intranet&redirect_uri=http%3A%2F%2Fintranet.example%2Fcb" + goodChallenge), "authorize.redirect_uri.insecure_registered"},

		{"a pushed request", rule.FAPI2, certified(post("/oauth2/par", "response_type=code&"+two+goodChallenge)), ""},
		{"a pushed request with long values", rule.FAPI2, certified(post("/oauth2/par", "response_type=code&scope=openid&nonce="+strings.Repeat("n", 384)+"&state="+strings.Repeat("s", 384)+"&"+two+goodChallenge)), ""},
		{"a pushed request with a redirect URI of its own", rule.FAPI2, certified(post("/oauth2/par", "response_type=code&client_id=two&redirect_uri=https%3A%2F%2Ftwo.example%2Ftoday"+goodChallenge)), ""},
		{"its name", rule.FAPI2, get("/oauth2/auth?client_id=two&" + pushedName), ""},
		{"its code", rule.FAPI2, certified(post("/oauth2/token", "grant_type=authorization_code&code=x&"+two+goodVerifier)), ""},
		{"a refresh", rule.FAPI2, certified(post("/oauth2/token", "grant_type=refresh_token&refresh_token=x&client_id=two")), ""},
		{"a token of its own", rule.FAPI2, certified(post("/oauth2/token", "grant_type=client_credentials&client_id=two")), ""},
		{"a resource", rule.FAPI2, certified(get("/api/x", "Authorization", "Bearer abc")), ""},
		{"not pushed", rule.FAPI2, get("/oauth2/auth?response_type=code&" + two + goodChallenge), "authorize.pushed_request.required"},
		{"another type", rule.FAPI2, certified(post("/oauth2/par", "response_type=code+id_token&scope=openid&nonce=0123456789&"+two+goodChallenge)), "authorize.response_type.not_code"},
		{"without redirect_uri", rule.FAPI2, certified(post("/oauth2/par", "response_type=code&client_id=pushing"+goodChallenge)), "par.redirect_uri.missing"},
		{"a secret", rule.FAPI2, certified(post("/oauth2/par", "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"+goodChallenge, basic...)), "token.client_authentication.secret"},
		{"a public client", rule.FAPI2, post("/oauth2/par", "response_type=code&"+native+goodChallenge), "token.client_authentication.unproven"},
	} {
		t.Run(test.profile.String()+"/"+test.name, func(t *testing.T) {
			test.request.Transport = rule.Secure
			verdict := decide(newEngine(t, testConfig(test.profile)), test.request, testDirectory(t, ""))
			_, enforced := findingIDs(verdict)
			switch {
			case test.want == "" && verdict.Decision == Reject:
				t.Errorf("refused by %v", enforced)
			case test.want != "" && (verdict.Decision != Reject || verdict.Rule.ID != test.want):
				t.Errorf("refused by %v, want %s", enforced, test.want)
			}
			// What is refused here and not in rfc6749 is announced.
			if test.want == "" {
				return
			}
			if verdict := decide(newEngine(t, testConfig(rule.RFC6749)), test.request, testDirectory(t, "")); verdict.Decision == Reject {
				t.Errorf("rfc6749 refuses it as well: %s", verdict.Rule.ID)
			}
		})
	}
}

// TestProfilesDifferInModesOnly takes from a strict profile all that it enforces beyond rfc6749: then it refuses what rfc6749 refuses, for every vector. So nothing is refused that its
// documentation, which is made from these modes, does not announce.
func TestProfilesDifferInModesOnly(t *testing.T) {
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range []rule.Profile{rule.OAuth21, rule.FAPI2} {
		for _, objects := range []rule.RequestObjects{rule.RequestObjectsIgnored, rule.RequestObjectsUnknown, rule.RequestObjectsUsed} {
			standard, strict := testConfig(rule.RFC6749), testConfig(profile)
			standard.RequestObjects, strict.RequestObjects = objects, objects
			for _, r := range Stricter(profile) {
				strict.Overrides = append(strict.Overrides, Override{Pattern: r.ID, Mode: r.Modes.RFC6749})
			}
			a, b := newEngine(t, standard), newEngine(t, strict)
			for id, file := range files {
				for _, vector := range file.Vectors {
					request, err := vector.Parse()
					if err != nil {
						t.Fatal(err)
					}
					directory := testDirectory(t, vector.Directory)
					_, want := findingIDs(decide(a, request, directory))
					if _, got := findingIDs(decide(b, request, directory)); !slices.Equal(got, want) {
						t.Errorf("%s: %s: %s refuses by %v, rfc6749 by %v", id, vector.Name, profile, got, want)
					}
				}
			}
		}
	}
}
