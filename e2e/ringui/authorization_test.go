package ringui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// silentRefresh makes a silent request in a hidden frame, and tells the error that the application learns.
const silentRefresh = `app.auth._backgroundFlow.authorize().then(() => 'a token', error => String(error.code?.code ?? error))`

// hanging is less than the 20 seconds for which ring-ui waits for a frame that does not answer.
const hanging = 10 * time.Second

// refusedTitle is the title of the guard's page.
const refusedTitle = "This sign-in request was refused"

// visit opens an application that cannot sign in, and notes where the person ends and what stands there.
func (s *session) visit(name string) {
	s.t.Helper()
	begin := time.Now()
	s.Go(s.application(name))
	s.Wait(said + ` || location.pathname === '/hub/api/rest/oauth2/auth' && document.readyState === 'complete'`)
	if took := time.Since(begin); took > hanging {
		s.t.Errorf("the application hung for %s", took)
	}
	s.note("at %s: %s", browser.Evaluate[string](s.Tab, `location.origin + location.pathname`),
		browser.Evaluate[string](s.Tab, `(document.querySelector('output') ?? document.querySelector('h1')).textContent`))
}

// requests are the different authorization requests among the exchanges, as "silent: 303".
func (o outcome) requests() []string {
	var short []string
	for _, exchange := range o.Exchanges {
		if _, after, found := strings.Cut(exchange, "request_credentials="); found && strings.HasPrefix(exchange, "GET /hub/api/rest/oauth2/auth ") {
			credentials, _, _ := strings.Cut(after, " ")
			short = append(short, credentials+exchange[strings.LastIndex(exchange, ":"):])
		}
	}
	return short
}

// refusedEverywhere runs a flow in which the guard refuses authorization requests, and expects these notes and requests.
func refusedEverywhere(t *testing.T, run flow, bareNotes, guardedNotes, bareRequests, guardedRequests []string) {
	t.Helper()
	everywhere(t, run, func(t *testing.T, bare, guarded outcome, _ map[string]int) {
		t.Helper()
		for _, pair := range [][2][]string{
			{bareNotes, bare.Notes}, {guardedNotes, guarded.Notes}, {bareRequests, bare.requests()}, {guardedRequests, guarded.requests()},
		} {
			if difference := cmp.Diff(pair[0], pair[1]); difference != "" {
				t.Errorf("(-want, +got):\n%s", difference)
			}
		}
	})
}

// TestRefusedWithRedirection asks for a flow that the service may not use. The operator wrote the service down, so every error goes to the application: at once in the hidden
// frame, and then by way of the page.
func TestRefusedWithRedirection(t *testing.T) {
	refusedEverywhere(t, func(s *session) {
		s.visit("desk")
		begin := time.Now()
		s.note("in the frame: %s", browser.Evaluate[string](s.Tab, silentRefresh))
		if took := time.Since(begin); took > hanging {
			s.t.Errorf("the frame hung for %s", took)
		}
	},
		[]string{"at <application>/app/desk/: Sign-in failed: response_type_not_allowed", "in the frame: response_type_not_allowed"},
		[]string{"at <application>/app/desk/: Sign-in failed: unsupported_response_type", "in the frame: unsupported_response_type"},
		[]string{"default: 302", "silent: 302"}, []string{"default: 303", "silent: 303"})
}

// TestRefusedWithPage asks the same for a service that anybody may have registered. Errors still go to the application in the hidden frame, or ring-ui would wait for it;
// the person gets the guard's page and not a redirection.
func TestRefusedWithPage(t *testing.T) {
	refusedEverywhere(t, func(s *session) { s.visit("stranger") },
		[]string{"at <application>/app/stranger/: Sign-in failed: response_type_not_allowed"},
		[]string{"at <hub>/api/rest/oauth2/auth: " + refusedTitle},
		[]string{"default: 302", "silent: 302"}, []string{"default: 400", "silent: 303"})
}

// TestUnregisteredRedirectURI opens an application that moved to an address which is not registered. Nothing may go there, so the frame has no answer, from the Hub as from
// the guard; then the person sees who has to do what.
func TestUnregisteredRedirectURI(t *testing.T) {
	refusedEverywhere(t, func(s *session) {
		s.visit("moved")
		if strings.Contains(s.Text(), refusedTitle) {
			for _, want := range []string{"redirect_uri is not registered", "Team Wiki", wiki, "authorize.redirect_uri.unregistered", "unauthorized_client"} {
				if !strings.Contains(s.Text(), want) {
					s.t.Errorf("%q is not on the page:\n%s", want, s.Text())
				}
			}
			for _, screen := range []browser.Screen{browser.DesktopLight, browser.PhoneDark} {
				s.Use(screen)
				s.Screenshot("unregistered-" + screen.Name)
			}
		}
		s.note("sent to the application: %t", strings.Contains(strings.Join(s.pages(), " "), "#"))
	},
		[]string{"at <hub>/api/rest/oauth2/auth: OAuth 2.0 Error - unauthorized client", "sent to the application: false"},
		[]string{"at <hub>/api/rest/oauth2/auth: " + refusedTitle, "sent to the application: false"},
		[]string{"default: 400", "silent: 400"}, []string{"default: 400", "silent: 400"})
}

// pages are the addresses that the tab and its frames requested, with their fragments.
func (s *session) pages() []string {
	var addresses []string
	for _, request := range s.Requests() {
		addresses = append(addresses, request.URL)
	}
	return addresses
}
