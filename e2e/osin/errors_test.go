package osin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// ownError is a request in which only the server can find something wrong.
type ownError struct {
	name    string
	request func(v *visit) *http.Request
	// status and text must be in the answer. Errors of osin at the token endpoint have the status 200.
	status int
	text   string
}

// ownErrors are answered by the server, whatever stands in front of it.
var ownErrors = []ownError{
	{
		name: "unknown code",
		request: func(v *visit) *http.Request {
			return v.authenticated(v.config.Endpoint.TokenURL, v.redemption("dW5rbm93biBjb2RlIQ"))
		},
		status: http.StatusOK, text: `"error":"invalid_grant"`,
	},
	{
		name: "code that was redeemed before",
		request: func(v *visit) *http.Request {
			code := v.login()
			if _, err := v.config.Exchange(v.context, code, oauth2.VerifierOption(verifier)); err != nil {
				v.t.Fatal(err)
			}
			return v.authenticated(v.config.Endpoint.TokenURL, v.redemption(code))
		},
		status: http.StatusOK, text: `"error":"invalid_grant"`,
	},
	{
		name: "other code_verifier",
		request: func(v *visit) *http.Request {
			body := strings.Replace(v.redemption(v.login()), verifier, strings.Repeat("v", len(verifier)), 1)
			return v.authenticated(v.config.Endpoint.TokenURL, body)
		},
		status: http.StatusOK, text: `"error":"invalid_grant"`,
	},
	{
		name: "no code_verifier",
		request: func(v *visit) *http.Request {
			body := strings.Replace(v.redemption(v.login()), "code_verifier="+verifier, "", 1)
			return v.authenticated(v.config.Endpoint.TokenURL, strings.Replace(body, "&&", "&", 1))
		},
		status: http.StatusOK, text: `"error":"invalid_request"`,
	},
	{
		name: "wrong secret",
		request: func(v *visit) *http.Request {
			request := v.authenticated(v.config.Endpoint.TokenURL, v.redemption(v.login()))
			request.SetBasicAuth(clientID, "ddccbbaa")
			return request
		},
		status: http.StatusOK, text: `"error":"unauthorized_client"`,
	},
	{
		name: "unknown refresh token",
		request: func(v *visit) *http.Request {
			return v.authenticated(v.config.Endpoint.TokenURL, "grant_type=refresh_token&refresh_token=dW5rbm93biB0b2tlbg")
		},
		status: http.StatusOK, text: `"error":"invalid_grant"`,
	},
	{
		name: "wider scope at refresh",
		request: func(v *visit) *http.Request {
			return v.authenticated(v.config.Endpoint.TokenURL, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {v.granted().RefreshToken}, "scope": {v.config.Scopes[0] + " more"},
			}.Encode())
		},
		status: http.StatusOK, text: `"error":"access_denied"`,
	},
	{
		name: "unknown access token",
		request: func(v *visit) *http.Request {
			request := v.request(http.MethodGet, v.infoURL(), "")
			request.Header.Set("Authorization", "Bearer dW5rbm93biB0b2tlbg")
			return request
		},
		status: http.StatusOK, text: `"error":"invalid_request"`,
	},
	{
		name: "wrong password",
		request: func(v *visit) *http.Request {
			return v.request(http.MethodPost, v.authorizeURL(), "login=test&password=wrong")
		},
		status: http.StatusOK, text: "Login for " + clientID,
	},
	{
		name: "the user declines",
		request: func(v *visit) *http.Request {
			action, fields := v.form()
			fields.Set("deny", "yes")
			request := v.request(http.MethodPost, action, fields.Encode())
			for _, cookie := range v.browser.Jar.Cookies(request.URL) {
				request.AddCookie(cookie)
			}
			return request
		},
		status: http.StatusFound, text: "?error=access_denied",
	},
}

// TestOwnErrors expects that what the server itself refuses reaches the client as the server wrote it.
func TestOwnErrors(t *testing.T) {
	for _, d := range start(t) {
		for _, c := range ownErrors {
			t.Run(d.profile+"/"+c.name, func(t *testing.T) {
				run := func(at *side) string {
					v := newVisit(t, d, at, oauth2.AuthStyleInHeader)
					got := v.send(c.request(v))
					text := v.dump(got)
					if got.status != c.status || !strings.Contains(text, c.text) {
						t.Errorf("the server does not answer %d with %s: %s", c.status, c.text, text)
					}
					return text
				}
				bare, guarded := run(d.bare), run(d.guarded)
				if difference := cmp.Diff(bare, guarded); difference != "" {
					t.Errorf("the answer behind the guard differs (-without, +with):\n%s", difference)
				}
				if difference := cmp.Diff(d.bare.traffic(), d.guarded.traffic()); difference != "" {
					t.Errorf("the server behind the guard saw something else (-without, +with):\n%s", difference)
				}
			})
		}
	}
}
