package ringui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// TestRefusedByHub lets the Hub refuse the access token in the middle of a session, in each of the shapes that were seen. What the application makes of it is the same with
// the guard, which never touches an answer.
func TestRefusedByHub(t *testing.T) {
	const recovered, unauthorized, network = public, `{"status":401}`, `{"error":"TypeError: Failed to fetch"}`
	tests := map[string]struct {
		refusal refusal
		// same and other are what an application on the Hub's origin and on another sees.
		same, other string
	}{
		"JSON 401 invalid_token":   {hubRefusal, recovered, recovered},
		"JSON 400 invalid_request": {refusal{status: http.StatusBadRequest, error: "invalid_request"}, recovered, recovered},
		"JSON 400 invalid_grant":   {refusal{status: http.StatusBadRequest, error: "invalid_grant"}, recovered, recovered},
		"challenge only":           {refusal{status: http.StatusUnauthorized, challenge: true}, unauthorized, unauthorized},
		"JSON without CORS":        {refusal{status: http.StatusUnauthorized, error: "invalid_token", hideCORS: true}, recovered, network},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(s *session) {
				s.signedIn("wiki")
				s.hub.forget(test.refusal)
				s.call("settings/public", `{}`)
			}, func(t *testing.T, bare, guarded outcome, _ map[string]int) {
				want := test.same
				if strings.HasSuffix(t.Name(), "other_origin") {
					want = test.other
				}
				if difference := cmp.Diff([]string{hello, want}, guarded.Notes); difference != "" {
					t.Errorf("(-want, +got):\n%s", difference)
				}
				if difference := cmp.Diff(bare, guarded); difference != "" {
					t.Errorf("(-without the guard, +with it):\n%s", difference)
				}
			})
		})
	}
}

// damages are changes of a stored token, as scripts, and the rules by which the guard refuses it then.
var damages = map[string]struct{ change, rule string }{
	"tab":     {`token.accessToken = token.accessToken.replace(' ', '\t')`, "bearer.header.malformed"},
	"Latin-1": {`token.accessToken = token.accessToken.replace(' ', '\u00e9')`, "bearer.header.malformed"},
	"blank":   {`token.accessToken = ' '`, "bearer.header.malformed"},
	"comma":   {`token.accessToken += ', Bearer x'`, "bearer.header.repeated"},
}

// TestRefusedByGuard damages the token that the application has stored, so that the guard refuses its requests itself. In the middle of a session the application gets
// another token by itself, just as with a Hub that refuses such a token.
func TestRefusedByGuard(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(s *session) {
				s.signedIn("wiki")
				s.changeToken(damage.change)
				s.call("users/me", `{query: {fields: 'name'}}`)
				s.note("a good token: %t", accessToken.MatchString(s.token()))
			}, func(t *testing.T, bare, guarded outcome, decisions map[string]int) {
				want := []string{hello, `{"data":{"guest":false,"id":"` + annID + `","login":"ann","name":"Ann"}}`, "a good token: true"}
				if difference := cmp.Diff(want, guarded.Notes); difference != "" {
					t.Errorf("(-want, +got):\n%s", difference)
				}
				if difference := cmp.Diff(bare.Notes, guarded.Notes); difference != "" {
					t.Errorf("(-without the guard, +with it):\n%s", difference)
				}
				if decisions["resource reject "+damage.rule] == 0 {
					t.Errorf("the guard refused nothing: %v", decisions)
				}
			})
		})
	}
}

// TestRefusedWhenOpened opens the application with a damaged token. The guard answers as RFC 6750 says, with 400 invalid_request. When it is opened, ring-ui 7.0.107 does not
// look at the error of an answer, and signs in again after 401 only: the user is told of the failure, until the token is removed. docs/hub.md says so.
func TestRefusedWhenOpened(t *testing.T) {
	everywhere(t, func(s *session) {
		s.signedIn("wiki")
		s.changeToken(damages["Latin-1"].change)
		s.Go(s.application("wiki"))
		s.note("%s", s.greeting())
		browser.Evaluate[bool](s.Tab, `(localStorage.removeItem(app.tokenKey), true)`)
		s.Go(s.application("wiki"))
		s.note("%s", s.greeting())
	}, func(t *testing.T, _, guarded outcome, _ map[string]int) {
		// HTTP/2 has no words behind the status.
		if notes := guarded.Notes; len(notes) != 3 || notes[0] != hello || !strings.HasPrefix(notes[1], "Sign-in failed: Error: 400") || notes[2] != hello {
			t.Errorf("%q", notes)
		}
	})
}

// TestRefusedAgain makes a request that the guard refuses with every token. The application tries once more with another token, and then sees the error: it does not loop.
func TestRefusedAgain(t *testing.T) {
	everywhere(t, func(s *session) {
		s.signedIn("wiki")
		s.call("users/me", `{query: {access_token: 'another'}}`)
	}, func(t *testing.T, _, guarded outcome, decisions map[string]int) {
		if difference := cmp.Diff([]string{hello, `{"status":400,"error":"invalid_request"}`}, guarded.Notes); difference != "" {
			t.Errorf("(-want, +got):\n%s", difference)
		}
		// Three authorization requests belong to the login.
		if refused, authorized := decisions["resource reject bearer.token.several_ways"], decisions["authorize pass"]; refused != 2 || authorized != 4 {
			t.Errorf("%d refused requests, %d authorization requests: %v", refused, authorized, decisions)
		}
	})
}
