package osin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// attack is a request that the server must never see.
type attack struct {
	name    string
	request func(v *visit) *http.Request
	// alone is what the server does without the guard: the status and a part of the body.
	alone     int
	aloneText string
	// rule is the rule that refuses it.
	rule string
	// status is the guard's; if it is 303 the error goes to the redirect URI.
	status int
	// errorCode is the OAuth error.
	errorCode string
	// hubErrorCode is that of the profile hub, if it has another one.
	hubErrorCode string
}

// What osin alone makes of most attacks.
const (
	asksForLogin = "Login for " + clientID
	grantsToken  = `"access_token":`
)

// withRedirectURI replaces the redirect URI of an authorization request by others.
func withRedirectURI(uris ...func(registered string) string) func(v *visit) *http.Request {
	return func(v *visit) *http.Request {
		registered := v.config.RedirectURL
		v.config.RedirectURL = ""
		address := v.authorizeURL()
		for _, uri := range uris {
			address += "&redirect_uri=" + url.QueryEscape(uri(registered))
		}
		return v.request(http.MethodGet, address, "")
	}
}

// registered is the registered redirect URI with something behind it.
func registered(suffix string) func(string) string {
	return func(uri string) string { return uri + suffix }
}

// elsewhere is not registered.
func elsewhere(string) string { return "https://attacker.example/cb" }

// tokenPath redeems a code at another spelling of the path.
func tokenPath(spell func(path string) string) func(v *visit) *http.Request {
	return func(v *visit) *http.Request {
		address := "http://" + v.front.address + spell(v.front.server.layout.token)
		return v.authenticated(address, v.redemption(v.login()))
	}
}

// lastSegment changes what is behind the last slash of a path.
func lastSegment(change func(string) string) func(string) string {
	return func(path string) string {
		end := strings.LastIndexByte(path, '/') + 1
		return path[:end] + change(path[end:])
	}
}

// attacks are refused in both profiles.
var attacks = []attack{
	{
		name: "redirect_uri twice, the registered one first", request: withRedirectURI(registered(""), elsewhere),
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "redirect_uri twice, the registered one last", request: withRedirectURI(elsewhere, registered("")),
		alone: http.StatusOK, aloneText: `"error":"invalid_request"`,
		rule: "authorize.redirect_uri.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "redirect_uri twice, the same", request: withRedirectURI(registered(""), registered("")),
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		// osin reads form values, in which the body beats the query.
		name: "another redirect_uri in the body",
		request: func(v *visit) *http.Request {
			return v.request(http.MethodPost, v.authorizeURL(), "redirect_uri="+url.QueryEscape(v.config.RedirectURL+"/sub"))
		},
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "redirect_uri of somebody else", request: withRedirectURI(elsewhere),
		alone: http.StatusOK, aloneText: `"error":"invalid_request"`,
		rule: "authorize.redirect_uri.unregistered", status: http.StatusBadRequest, errorCode: "invalid_request", hubErrorCode: "unauthorized_client",
	},
	{
		name: "redirect_uri below the registered one", request: withRedirectURI(registered("/sub")),
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.unregistered", status: http.StatusBadRequest, errorCode: "invalid_request", hubErrorCode: "unauthorized_client",
	},
	{
		name: "redirect_uri with a query", request: withRedirectURI(registered("?next=https://attacker.example/")),
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.unregistered", status: http.StatusBadRequest, errorCode: "invalid_request", hubErrorCode: "unauthorized_client",
	},
	{
		// osin decodes the redirect URI twice.
		name: "redirect_uri encoded twice", request: withRedirectURI(registered("%2Fsub")),
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.redirect_uri.unregistered", status: http.StatusBadRequest, errorCode: "invalid_request", hubErrorCode: "unauthorized_client",
	},
	{
		name: "response_type that the client is not registered for",
		request: func(v *visit) *http.Request {
			return v.request(http.MethodGet, strings.Replace(v.authorizeURL(), "response_type=code", "response_type=token", 1), "")
		},
		alone: http.StatusOK, aloneText: asksForLogin,
		rule: "authorize.response_type.not_allowed", status: http.StatusSeeOther, errorCode: "unauthorized_client",
	},
	{
		name: "code twice",
		request: func(v *visit) *http.Request {
			return v.authenticated(v.config.Endpoint.TokenURL, v.redemption(v.login())+"&code=dW5rbm93biBjb2RlIQ")
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "token.parameter.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "Basic with the client_id of another client",
		request: func(v *visit) *http.Request {
			return v.authenticated(v.config.Endpoint.TokenURL, v.redemption(v.login())+"&client_id="+publicID)
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "token.client_id.mismatch", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "two Authorization headers",
		request: func(v *visit) *http.Request {
			request := v.authenticated(v.config.Endpoint.TokenURL, v.redemption(v.login()))
			request.Header.Add("Authorization", "Basic eDp5")
			return request
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "wire.authorization.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "code in the query",
		request: func(v *visit) *http.Request {
			code := v.login()
			body := strings.Replace(v.redemption(code), "code="+code+"&", "", 1)
			return v.authenticated(v.config.Endpoint.TokenURL+"?code="+code, body)
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "token.parameter.in_query", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "token by GET",
		request: func(v *visit) *http.Request {
			request := v.request(http.MethodGet, v.config.Endpoint.TokenURL+"?"+v.redemption(v.login()), "")
			request.SetBasicAuth(clientID, clientSecret)
			return request
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "token.method.unsupported", status: http.StatusMethodNotAllowed, errorCode: "invalid_request",
	},
	{
		name: "two bearer tokens",
		request: func(v *visit) *http.Request {
			request := v.request(http.MethodGet, v.infoURL(), "")
			request.Header["Authorization"] = []string{"Bearer " + v.granted().AccessToken, "Bearer dW5rbm93biB0b2tlbg"}
			return request
		},
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "bearer.header.repeated", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "path with a parameter", request: tokenPath(func(path string) string { return path + ";x" }),
		alone: http.StatusNotFound,
		rule:  "path.ambiguous", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "path in capitals", request: tokenPath(lastSegment(strings.ToUpper)),
		alone: http.StatusNotFound,
		rule:  "path.ambiguous", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "path with an escaped letter", request: tokenPath(lastSegment(func(name string) string { return "%74" + name[1:] })),
		alone: http.StatusOK, aloneText: grantsToken,
		rule: "path.ambiguous", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "path with two slashes", request: tokenPath(lastSegment(func(name string) string { return "/" + name })),
		alone: http.StatusTemporaryRedirect,
		rule:  "path.ambiguous", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
	{
		name: "authorize path in capitals",
		request: func(v *visit) *http.Request {
			path := v.front.server.layout.authorize
			return v.request(http.MethodGet, strings.Replace(v.authorizeURL(), path, lastSegment(strings.ToUpper)(path), 1), "")
		},
		alone: http.StatusNotFound,
		rule:  "path.ambiguous", status: http.StatusBadRequest, errorCode: "invalid_request",
	},
}

// TestHostile sends what a guard is for. Each request reaches the server if there is no guard, and does not if there is one.
func TestHostile(t *testing.T) {
	for _, d := range start(t) {
		for _, a := range attacks {
			t.Run(d.profile+"/"+a.name, func(t *testing.T) {
				v := newVisit(t, d, d.bare, oauth2.AuthStyleInHeader)
				got, arrivals := v.attack(a)
				if arrivals != 1 {
					t.Errorf("without the guard %d requests reached the server, want 1", arrivals)
				}
				if got.status != a.alone || !strings.Contains(got.body, a.aloneText) {
					t.Errorf("the server alone answers %d %s, want %d %s", got.status, got.body, a.alone, a.aloneText)
				}
				v = newVisit(t, d, d.guarded, oauth2.AuthStyleInHeader)
				got, arrivals = v.attack(a)
				if arrivals != 0 {
					t.Errorf("%d requests slipped past the guard", arrivals)
				}
				v.refused(d, a, got)
			})
		}
	}
}

// attack sends a hostile request, and counts what reaches the server from then on.
func (v *visit) attack(a attack) (got answer, arrivals int) {
	v.t.Helper()
	request := a.request(v)
	before := len(v.front.server.arrived())
	got = v.send(request)
	return got, len(v.front.server.arrived()) - before
}

// refused checks how the guard answers.
func (v *visit) refused(d *deployment, a attack, got answer) {
	v.t.Helper()
	decision := v.watch.decisions[len(v.watch.decisions)-1]
	if !strings.HasSuffix(decision, " reject "+a.rule) {
		v.t.Errorf("the guard decided %q, want a refusal by %s", decision, a.rule)
	}
	if got.status != a.status {
		v.t.Errorf("the guard answers %d, want %d: %s", got.status, a.status, got.body)
	}
	want := a.errorCode
	if d.profile == "hub" && a.hubErrorCode != "" {
		want = a.hubErrorCode
	}
	location := got.header.Get("Location")
	if a.status != http.StatusSeeOther {
		var message struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(got.body), &message); err != nil || message.Error != want {
			v.t.Errorf("the guard answers %s, want the error %s", got.body, want)
		}
		if location != "" {
			v.t.Errorf("the guard redirects to %s", location)
		}
		return
	}
	address, parameters, _ := strings.Cut(location, "#")
	received, err := url.ParseQuery(parameters)
	if err != nil || address != d.redirectURI || received.Get("error") != want || received.Get("state") != state {
		v.t.Errorf("the guard redirects to %s, want the error %s with the state at %s", location, want, d.redirectURI)
	}
}

// TestRefusedCode expects that a refused request does not use up its code: the client can still redeem it.
func TestRefusedCode(t *testing.T) {
	for _, d := range start(t) {
		t.Run(d.profile, func(t *testing.T) {
			v := newVisit(t, d, d.guarded, oauth2.AuthStyleAutoDetect)
			code := v.login()
			refused := v.send(v.authenticated(v.config.Endpoint.TokenURL, v.redemption(code)+"&code="+code))
			if refused.status != http.StatusBadRequest {
				t.Errorf("a repeated code is answered with %d: %s", refused.status, refused.body)
			}
			got := v.outcome(v.config.Exchange(v.context, code, oauth2.VerifierOption(verifier)))
			want := outcome{TokenType: "Bearer", Scope: d.layout.scope, ExpiresIn: 3600, Refreshable: true, Owner: clientID}
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("the code is not worth a token any more (-want, +got):\n%s", difference)
			}
		})
	}
}
