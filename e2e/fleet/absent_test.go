package fleet_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// TestHubGone kills the Hub, and later starts all instances anew without it. Who is known stays known, and the age of that knowledge is shown.
func TestHubGone(t *testing.T) {
	t.Parallel()
	const services, refresh = 2000, 2 * time.Second
	hub := startHub(t, services)
	storage := t.TempDir()
	instances := trio(t, hub, config{storage: files(storage), refresh: refresh, source: "on_demand 600"}, services+everyHub)
	l := startLoad(t, services, instances...)
	// What the Hub said about strangers holds until it is heard of again; of others nothing can be said.
	l.expect(unknown, unjudged)
	must(t, hub.Kill())
	for _, i := range instances {
		i.waitsFor(10*refresh, clients.Failing)
	}
	oneGoesOn(t, instances, 6*refresh)
	before := make([]source, len(instances))
	for n, i := range instances {
		before[n] = i.source()
		l.mortal.Store(i, true)
		i.stop()
	}
	for n, i := range instances {
		from := i.lines()
		i.start()
		l.mortal.Delete(i)
		i.asks("a client just after the start", authorize(hubtest.GeneratedID(7), callback(7)), passed)
		i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), unregistered)
		i.asks("a client of which nothing is known", authorize("somebody-else", callback(8)), unjudged)
		i.logs(from, 5*time.Second, "the age of what it knows", func(e entry) bool {
			return e.State != string(clients.NeverLoaded) && e.Clients == services+everyHub && e.Age > 0
		})
		if after := i.source(); !after.lastSuccess.Equal(before[n].lastSuccess) || after.clients != services+everyHub {
			t.Errorf("after the start without the Hub: %+v; before: %+v", after, before[n])
		}
	}
	for _, i := range instances {
		i.waitsFor(10*refresh, clients.Failing)
		if age := time.Since(i.state().LastSuccess); age < 2*refresh {
			t.Errorf("%s says that what it knows is %s old", i.name, age)
		}
	}
	// The Hub comes back at the same address.
	address, err := url.Parse(hub.URL)
	must(t, err)
	hub, err = hubtest.StartProcess(hubProgram, hubtest.Config{Address: address.Host, Tokens: map[string]hubtest.Permission{readToken: hubtest.ReadAll}, Generate: services + 1})
	must(t, err)
	t.Cleanup(func() { _ = hub.Kill() })
	for _, i := range instances {
		i.has(3*refresh, services+1+everyHub)
	}
	within(t, 5*refresh, "one instance fetches", func() (bool, any) {
		now := fetchers(instances)
		return len(now) == 1, len(now)
	})
	l.expect(unknown)
	l.stop()
	searchFolder(t, storage)
}

// oneGoesOn makes sure that for some time, while the Hub is away, one and the same instance fetches, and that all others show what goes wrong there, and at whom.
func oneGoesOn(t *testing.T, instances []*instance, length time.Duration) {
	t.Helper()
	first := fetchers(instances)
	if len(first) != 1 {
		t.Fatalf("%d instances fetch", len(first))
	}
	name := first[0].state().Fetcher
	for begin := time.Now(); time.Since(begin) < length; time.Sleep(10 * pause) {
		if now := fetchers(instances); len(now) != 1 || now[0] != first[0] {
			t.Fatalf("%d instances fetch; at first %s did", len(now), first[0].name)
		}
		for _, i := range instances {
			if s := i.state(); s.State != clients.Failing || !strings.Contains(s.LastError, "connection refused") || s.Fetcher != name {
				t.Fatalf("%s: %+v", i.name, s)
			}
		}
	}
}

// TestTooOld lets what an instance knows become older than the operator allows. Then nobody is called unknown any more, but who is known stays known.
func TestTooOld(t *testing.T) {
	t.Parallel()
	hub := startHub(t, 10)
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: time.Second, source: "max_stale 5s"})
	i.start()
	i.has(10*time.Second, 10+everyHub)
	i.asks("a stranger", authorize("stranger", callback(1)), unknown)
	must(t, hub.Control.Down())
	check := func(stranger verdict) {
		t.Helper()
		i.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), passed)
		i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), unregistered)
		i.asks("a stranger", authorize("stranger", callback(1)), stranger)
	}
	i.waitsFor(10*time.Second, clients.TooOld)
	check(unjudged)
	i.logs(0, time.Second, "that it is too old", func(e entry) bool { return e.Level == "error" && e.State == string(clients.TooOld) && e.Age >= 5 })
	i.stop()
	i.start()
	i.waitsFor(time.Second, clients.TooOld)
	check(unjudged)
	must(t, hub.Control.Up())
	i.has(5*time.Second, 10+everyHub)
	check(unknown)
}

// waitsFor waits until the source is in one of some states.
func (i *instance) waitsFor(limit time.Duration, states ...clients.Condition) {
	i.t.Helper()
	within(i.t, limit, i.name+" is "+string(states[0]), func() (bool, any) {
		s := i.source()
		for _, state := range states {
			if s.state == state {
				return true, nil
			}
		}
		return false, s
	})
}

// TestFirstStart starts with an empty storage while the Hub is down. Nothing can be judged by a registration; the operator decides whether that passes.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	hub := startHub(t, 10)
	for name, test := range map[string]struct {
		guard string
		want  verdict
	}{"pass": {"unjudged pass", unjudged}, "default": {"", unjudged}, "reject": {"unjudged reject", unavailable}} {
		t.Run(name, func(t *testing.T) {
			must(t, hub.Control.Down())
			i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: time.Second, guard: test.guard})
			i.start()
			i.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), test.want)
			i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), test.want)
			i.asks("a request with a flaw that is none of the registration", authorize(hubtest.GeneratedID(7), "https://a.example/#fragment"),
				map[bool]verdict{true: test.want, false: {400, "reject", "authorize.redirect_uri.fragment"}}[test.want == unavailable])
			if s := i.source(); s != (source{state: clients.NeverLoaded}) {
				t.Errorf("%+v", s)
			}
			i.logs(0, 5*time.Second, "that nothing was ever loaded, and why", func(e entry) bool {
				return e.Level == "error" && e.State == string(clients.NeverLoaded) && e.Error != ""
			})
			must(t, hub.Control.Up())
			i.has(10*time.Second, 10+everyHub)
			i.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), passed)
			i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), unregistered)
			i.asks("a stranger", authorize("stranger", callback(8)), unknown)
		})
	}
}
