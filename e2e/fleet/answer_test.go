package fleet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// TestAnswers lets the Hub, or something in front of it, answer with everything but a list of services. The last good list stays in force, nobody is called unknown by such an answer, and
// the log says what to do.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const services, refresh = 200, time.Second
	hub := startHub(t, services)
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: refresh, source: "on_demand 600\ntimeout 3s"})
	i.start()
	i.has(10*time.Second, services+everyHub)
	l := startLoad(t, services, i)
	l.expect(unknown, unjudged)
	for n, test := range []struct {
		fault hubtest.Fault
		// says are parts of the error in the log.
		says []string
		// stranger is what becomes of somebody who is not in the list.
		stranger verdict
	}{
		{hubtest.Fault{Kind: hubtest.Status, Status: 401}, []string{"401", "create a permanent one with the scope Hub"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Status, Status: 403}, []string{"403", "give the global permission Low-level Admin Read"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Status, Status: 404}, []string{"404", "has a base URL that ends with /hub"}, unknown},
		{hubtest.Fault{Kind: hubtest.Status, Status: 500}, []string{"500"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Status, Status: 429, RetryAfter: "1"}, []string{"429", "left alone for 1s"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Redirect}, []string{"302", "is not followed; correct the base URL"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Redirect, Location: "https://sso.example.com/login?next=" + planted + "query"}, []string{"https://sso.example.com/login", "correct the base URL"}, unjudged},
		{hubtest.Fault{Kind: hubtest.HTML}, []string{"HTML page", "is that a login page in front of it, or is the base URL wrong?"}, unjudged},
		{hubtest.Fault{Kind: hubtest.ProxyNotFound}, []string{"404"}, unjudged},
		{hubtest.Fault{Kind: hubtest.BrokenJSON}, []string{"not a page of services"}, unjudged},
		{hubtest.Fault{Kind: hubtest.ErrorAsSuccess}, []string{`no member "services"`}, unjudged},
		{hubtest.Fault{Kind: hubtest.Truncated}, []string{"cut off"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Empty}, []string{"is empty"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Huge, Size: 20 << 20}, []string{"too large"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Hang}, []string{"no complete answer in time"}, unjudged},
		{hubtest.Fault{Kind: hubtest.Drop}, []string{"EOF"}, unjudged},
	} {
		from, begin := i.lines(), time.Now()
		must(t, hub.Control.SetFaults(test.fault))
		i.logs(from, 10*refresh, fmt.Sprint("what to do about ", test.fault.Kind, " ", test.fault.Status), func(e entry) bool {
			for _, part := range test.says {
				if !strings.Contains(e.Error, part) {
					return false
				}
			}
			return e.Level == "error" && e.State == string(clients.Failing) && e.Clients == services+everyHub
		})
		if s := i.state(); s.State != clients.Failing || s.Clients != services+everyHub || s.LastError == "" || s.LastSuccess.After(begin.Add(refresh)) {
			t.Errorf("%s: %+v", test.fault.Kind, s)
		}
		i.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), passed)
		i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), unregistered)
		i.asks("somebody who is not in the list", authorize(fmt.Sprintf("newcomer-%d", n), callback(8)), test.stranger)
		must(t, hub.Control.SetFaults())
		i.has(10*refresh, services+everyHub)
	}
	l.stop()
	counts, err := hub.Control.Counts()
	must(t, err)
	if counts.Redirected != 0 {
		t.Errorf("%d redirects were followed", counts.Redirected)
	}
}

// TestToken replaces the token in its file while the old one is revoked. The new one is used from the next request on, without a reload.
func TestToken(t *testing.T) {
	t.Parallel()
	const refresh = time.Second
	const second, third = readToken + "-two", readToken + "-three"
	hub := startHub(t, 10)
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: refresh, source: "on_demand 600"})
	i.start()
	i.has(10*time.Second, 10+everyHub)
	// A careful administrator lets both be good for a moment.
	from := i.lines()
	must(t, hub.Control.SetToken(second, hubtest.ReadAll))
	i.setToken(second)
	must(t, hub.Control.SetToken(readToken, ""))
	must(t, hub.Control.AddServices(hubtest.Generated(10)))
	i.asks("a client that the list lacks", authorize(hubtest.GeneratedID(10), callback(10)), passed)
	i.has(2*refresh, 11+everyHub)
	for _, e := range i.entries(from) {
		if e.Level == "error" {
			t.Errorf("%+v", e)
		}
	}
	// Another one revokes first.
	from = i.lines()
	must(t, hub.Control.SetToken(second, ""))
	must(t, hub.Control.SetToken(third, hubtest.ReadAll))
	must(t, hub.Control.AddServices(hubtest.Generated(11)))
	i.logs(from, 3*refresh, "that the token is refused", func(e entry) bool { return strings.Contains(e.Error, "the token is wrong, expired or revoked") })
	i.asks("a client that only the Hub knows", authorize(hubtest.GeneratedID(11), callback(11)), unjudged)
	i.setToken(third)
	i.asks("the same with the new token", authorize(hubtest.GeneratedID(11), callback(11)), passed)
	i.has(2*refresh, 12+everyHub)
	// An empty file is no reason to ask without a token.
	from = i.lines()
	i.setToken("")
	i.logs(from, 3*refresh, "that the token is missing", func(e entry) bool { return strings.Contains(e.Error, "is empty") })
	i.setToken(third)
	i.has(3*refresh, 12+everyHub)
	requests, err := hub.Control.Requests()
	must(t, err)
	for _, r := range requests {
		if !r.Token && r.Kind != hubtest.Metadata { // which is for everybody
			t.Errorf("a request without a token: %+v", r)
		}
	}
	if strings.Count(i.log(), "admin endpoint started") != 1 {
		t.Error("the configuration was loaded again")
	}
}

// TestTokenOfOne gives the fetcher a token that the Hub refuses, while those of the others are good. One of these takes the role, and then all is well at all of them, and stays so.
func TestTokenOfOne(t *testing.T) {
	t.Parallel()
	const refresh = time.Second
	hub := startHub(t, 10)
	instances := trio(t, hub, config{storage: files(t.TempDir()), refresh: refresh, source: "on_demand 600"}, 10+everyHub)
	denied := fetchers(instances)[0]
	denied.setToken(readToken + "-revoked")
	denied.logs(0, 5*refresh, "that the token is refused", func(e entry) bool { return strings.Contains(e.Error, "the token is wrong, expired or revoked") })
	within(t, 20*refresh, "another instance fetches", func() (bool, any) {
		now := fetchers(instances)
		return len(now) == 1 && now[0] != denied, len(now)
	})
	must(t, hub.Control.AddServices(hubtest.Generated(10)))
	for _, i := range instances {
		i.has(5*refresh, 11+everyHub)
	}
	from := denied.lines()
	for begin := time.Now(); time.Since(begin) < 10*refresh; time.Sleep(10 * pause) {
		for _, i := range instances {
			if s := i.state(); s.State != clients.Fresh || s.LastError != "" {
				t.Fatalf("%s: %+v", i.name, s)
			}
		}
	}
	for _, e := range denied.entries(from) {
		if e.Logger == "oauth_guard" {
			t.Errorf("%+v", e)
		}
	}
}
