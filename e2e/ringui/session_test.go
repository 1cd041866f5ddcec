package ringui_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// session is one person in one tab at one place.
type session struct {
	*browser.Tab
	t *testing.T
	place
	// notes are what the person and the application saw.
	notes []string
}

// flow is something that a person does with an application.
type flow func(s *session)

// outcome is what a flow came to. Nothing in it differs from one run to the next.
type outcome struct {
	// Notes are what the person and the application saw. Exchanges are the different requests to the Hub with the status of their answers, sorted: ring-ui makes some at
	// the same time, and asks for the user once more if the browser is late to tell it of a token that an earlier page stored.
	Notes, Exchanges []string
}

// everywhere runs a flow without and with the guard at all places. The decisions of the guard are counted by endpoint, decision and rule.
func everywhere(t *testing.T, run flow, check func(t *testing.T, bare, guarded outcome, decisions map[string]int)) {
	t.Helper()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Helper()
			bare, _ := play(t, pair.bare, run)
			guarded, decisions := play(t, pair.guarded, run)
			check(t, bare, guarded, decisions)
			// Every flow signs in, or tries to; nothing that ring-ui does is odd.
			words := strings.Join(slices.Collect(maps.Keys(decisions)), "\n")
			if !strings.Contains(words, "authorize ") || strings.Contains(words, " report ") {
				t.Errorf("the guard said %v", decisions)
			}
		})
	}
}

// compare expects these notes of a flow everywhere, and the same requests with the same answers without and with the guard.
func compare(t *testing.T, run flow, want ...string) {
	t.Helper()
	everywhere(t, run, func(t *testing.T, bare, guarded outcome, _ map[string]int) {
		t.Helper()
		if difference := cmp.Diff(bare, guarded); difference != "" {
			t.Errorf("(-without the guard, +with it):\n%s", difference)
		}
		if difference := cmp.Diff(want, guarded.Notes); difference != "" {
			t.Errorf("(-want, +got):\n%s", difference)
		}
	})
}

// play runs a flow at one place, and counts what the guard said about the requests.
func play(t *testing.T, at place, run flow) (outcome, map[string]int) {
	t.Helper()
	at.hub.forget(hubRefusal)
	s := &session{Tab: chromium.Open(t), t: t, place: at}
	at.site.Take()
	run(s)
	exchanges, decisions := []string(nil), map[string]int{}
	for _, exchange := range at.site.Take() {
		target, err := url.ParseRequestURI(exchange.Target)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(target.Path, "/hub/") {
			exchanges = append(exchanges, describe(exchange, target))
			decisions[strings.Join(strings.Fields(exchange.Endpoint+" "+exchange.Decision+" "+exchange.Rule), " ")]++
		}
	}
	slices.Sort(exchanges)
	return outcome{s.notes, slices.Compact(exchanges)}, decisions
}

// describe writes down an exchange: request line, parameters that are the same in every run, status.
func describe(exchange *front.Exchange, target *url.URL) string {
	var parameters []string
	for name, values := range target.Query() {
		switch name {
		case "request_credentials", "response_type", "scope", "fields":
			name += "=" + strings.Join(values, "+")
		}
		parameters = append(parameters, name)
	}
	slices.Sort(parameters)
	return fmt.Sprintf("%s %s %s: %d", exchange.Method, target.Path, strings.Join(parameters, " "), exchange.Status)
}

// note writes something down; the origins get names.
func (s *session) note(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	text = strings.ReplaceAll(text, s.site.URL()+"/hub", "<hub>")
	s.notes = append(s.notes, strings.ReplaceAll(text, s.origin, "<application>"))
}

// application is the address of an application.
func (s *session) application(name string) string {
	return s.origin + "/app/" + name + "/"
}

// said is a script that is true when the application has said something.
const said = `Boolean(document.querySelector('output')?.textContent)`

// greeting waits until the application says something.
func (s *session) greeting() string {
	s.t.Helper()
	s.Wait(said)
	return browser.Evaluate[string](s.Tab, `document.querySelector('output').textContent`)
}

// logIn waits for the login form and fills it in, until the application says something.
func (s *session) logIn(name string) {
	s.t.Helper()
	s.Wait(`location.pathname === '/hub/auth/login' && document.readyState === 'complete'`)
	if _, err := s.Login(s.application(name), ann); err != nil {
		s.t.Fatal(err)
	}
	s.note("%s", s.greeting())
}

// signedIn opens an application and logs in.
func (s *session) signedIn(name string) {
	s.t.Helper()
	s.Go(s.application(name))
	s.logIn(name)
}

// token is the access token that the application has.
func (s *session) token() string {
	s.t.Helper()
	return browser.Evaluate[string](s.Tab, `JSON.parse(localStorage.getItem(app.tokenKey)).accessToken`)
}

// changeToken runs a script that changes the stored token, the variable "token".
func (s *session) changeToken(change string) {
	s.t.Helper()
	browser.Evaluate[bool](s.Tab, `(token => { `+change+`; localStorage.setItem(app.tokenKey, JSON.stringify(token)); return true })
		(JSON.parse(localStorage.getItem(app.tokenKey)))`)
}

// call lets the application make a request, and notes what it sees.
func (s *session) call(path, parameters string) {
	s.t.Helper()
	s.note("%s", browser.Evaluate[string](s.Tab, `app.call('`+path+`', `+parameters+`).then(JSON.stringify)`))
}
