package ringui_test

import (
	"regexp"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// hello is what an application says to Ann.
const hello = "Hello, Ann"

// public is what the application gets for a request for the public settings.
const public = `{"data":{"id":"public"}}`

// accessToken is the form of Hub's tokens. Three scopes mean two blanks.
var accessToken = regexp.MustCompile(`^\d{13}\.` + wiki + `\.` + annID + `\.` + wiki + " " + tracker + " " + hubService + `;1\.MCwCF[A-Za-z0-9+/]+=*$`)

// TestLogin signs in: a silent request in a hidden frame, which fails, then the login form, then the application again.
func TestLogin(t *testing.T) {
	compare(t, func(s *session) {
		s.signedIn("wiki")
		s.note("at %s", s.Address())
		s.note("token of Hub's form: %t", accessToken.MatchString(s.token()))
		s.Go(s.application("wiki"))
		s.note("again: %s", s.greeting())
		s.Quiet()
	}, hello, "at <application>/app/wiki/", "token of Hub's form: true", "again: "+hello)
}

// TestSession signs in to an application in a browser that has a session at the Hub already.
func TestSession(t *testing.T) {
	compare(t, func(s *session) {
		s.signedIn("wiki")
		browser.Evaluate[bool](s.Tab, `localStorage.clear() ?? true`)
		s.Go(s.application("wiki"))
		s.note("without the form: %s at %s", s.greeting(), s.Address())
	}, hello, "without the form: "+hello+" at <application>/app/wiki/")
}

// TestSilentRefresh lets the token run out: the application gets another in a hidden frame.
func TestSilentRefresh(t *testing.T) {
	compare(t, func(s *session) {
		s.signedIn("wiki")
		before := s.token()
		s.changeToken(`token.expires = 1`)
		s.call("settings/public", `{}`)
		s.note("another token: %t", accessToken.MatchString(s.token()) && s.token() != before)
		s.note("frames left: %d", browser.Evaluate[int](s.Tab, `frames.length`))
	}, hello, public, "another token: true", "frames left: 0")
}

// TestCall makes requests with the token, among them one that needs a preflight and one with a body.
func TestCall(t *testing.T) {
	compare(t, func(s *session) {
		s.signedIn("wiki")
		s.call("users/me", `{query: {fields: 'id,name', $top: 1}}`)
		s.call("services", `{method: 'POST', body: {name: 'Ünïcödé', access_token: 'no token', client_id: ['a', 'a']}}`)
		s.call("missing", `{}`)
	}, hello, `{"data":{"guest":false,"id":"`+annID+`","login":"ann","name":"Ann"}}`,
		`{"data":{"access_token":"no token","client_id":["a","a"],"name":"Ünïcödé"}}`, `{"status":404,"error":"not_found"}`)
}

// TestLogout ends in the login form though there is a session.
func TestLogout(t *testing.T) {
	compare(t, func(s *session) {
		s.signedIn("wiki")
		browser.Evaluate[bool](s.Tab, `app.auth.logout({message: 'access denied'}), true`)
		s.logIn("wiki")
	}, hello, hello)
}
