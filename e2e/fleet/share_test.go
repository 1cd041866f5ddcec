package fleet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// interval is the refresh interval where the role of the fetcher has to move. It takes one and a half intervals at the most, and what the machine needs.
const interval = 5 * time.Second

// trio starts three instances with one storage, and waits until all know all clients.
func trio(t *testing.T, hub *hubtest.Process, c config, services int) []*instance {
	t.Helper()
	c.hub = hub.URL
	instances := make([]*instance, 3)
	for n := range instances {
		instances[n] = newInstance(t, fmt.Sprintf("caddy %d", n+1), c)
		instances[n].start()
	}
	for _, i := range instances {
		i.has(2*c.refresh+5*time.Second, services)
	}
	return instances
}

// has waits until an instance knows that many clients, and says that all is well.
func (i *instance) has(limit time.Duration, services int) {
	i.t.Helper()
	within(i.t, limit, fmt.Sprintf("%s knows %d clients", i.name, services), func() (bool, any) {
		s := i.source()
		return s.state == clients.Fresh && s.clients == services, s
	})
}

// fetchers are the instances that say that they fetch for all, without those that are down.
func fetchers(instances []*instance) (found []*instance) {
	for _, i := range instances {
		if i.command != nil && i.state().Fetching {
			found = append(found, i)
		}
	}
	return found
}

// TestFleet runs three instances with one storage, and a Hub that many services are registered at, and lets the role of the fetcher move while requests come in.
func TestFleet(t *testing.T) {
	t.Parallel()
	const services = 5000
	hub := startHub(t, services)
	storage := t.TempDir()
	instances := trio(t, hub, config{storage: files(storage), refresh: interval, source: "on_demand 600"}, services+everyHub)
	l := startLoad(t, services, instances...)

	must(t, hub.Control.Forget())
	oneFetcher(t, hub, instances, 3)
	serviceComes(t, hub, storage, instances, services+everyHub)
	fetcherDies(t, hub, instances, l)
	fetcherStandsStill(t, hub, instances, l)
	l.stop()

	counts, err := hub.Control.Counts()
	must(t, err)
	// Had a directory lacked a client for a moment, the Hub would have been asked for it.
	for id := range counts.Services {
		if !strings.HasPrefix(id, "stranger-") && id != hubtest.GeneratedID(services+1) && id != hubtest.GeneratedID(services) {
			t.Errorf("the Hub was asked for the client %s, which all know", id)
		}
	}
	if counts.SecretAsked != 0 {
		t.Errorf("the Hub was asked for secrets: %+v", counts)
	}
	if count := searchFolder(t, storage); count < 2 {
		t.Errorf("only %d files are in the storage", count)
	}
}

// oneFetcher makes sure that of all instances one reads the list, over some intervals.
func oneFetcher(t *testing.T, hub *hubtest.Process, instances []*instance, intervals int) {
	t.Helper()
	before := fetchers(instances)
	if len(before) != 1 {
		t.Fatalf("%d instances say that they fetch", len(before))
	}
	begun := len(lists(t, hub))
	took := within(t, time.Duration(intervals+2)*interval, fmt.Sprintf("the list was read %d times", intervals), func() (bool, any) {
		count := len(lists(t, hub)) - begun
		return count >= intervals, count
	})
	read := lists(t, hub)[begun:]
	if most := int(took/interval) + 1; len(read) > most {
		t.Errorf("the list was read %d times within %s; one fetcher reads it %d times at the most", len(read), took, most)
	}
	for n := range read[1:] {
		if gap := read[n+1].Time.Sub(read[n].Time); gap < interval*9/10 || gap > interval*3/2 {
			t.Errorf("the list was read again after %s", gap)
		}
	}
	if after := fetchers(instances); len(after) != 1 || after[0] != before[0] {
		t.Errorf("the role moved though nothing happened: %d instances fetch", len(after))
	}
}

// serviceComes registers services at the Hub, and removes one, and waits until all instances know.
func serviceComes(t *testing.T, hub *hubtest.Process, storage string, instances []*instance, count int) {
	t.Helper()
	const listed, asked = 5000, 5001
	// It comes just after the list was read and stored, so that it takes as long as it can.
	stored := manifest(t, storage)
	within(t, 2*interval, "the list was stored", func() (bool, any) { return manifest(t, storage) != stored, nil })
	must(t, hub.Control.AddServices(hubtest.Generated(listed)))
	added := time.Now()
	for _, i := range instances {
		i.has(2*interval-time.Since(added), count+1)
		i.asks("a service that was added", authorize(hubtest.GeneratedID(listed), callback(listed)), passed)
		i.asks("a service that was added, with another redirect URI", authorize(hubtest.GeneratedID(listed), callback(0)), unregistered)
	}
	// Who does not find a client in the list asks for this one, so a new one need not wait for the list.
	must(t, hub.Control.AddServices(hubtest.Generated(asked)))
	for _, i := range instances {
		i.asks("a service that was just added", authorize(hubtest.GeneratedID(asked), callback(asked)), passed)
	}
	t.Logf("all instances know a service %s after it was added", time.Since(added).Round(10*time.Millisecond))
	for _, id := range []int{listed, asked} {
		if _, err := hub.Control.RemoveService(hubtest.GeneratedID(id)); err != nil {
			t.Error(err)
		}
	}
	for _, i := range instances {
		i.has(2*interval, count)
		for _, id := range []int{listed, asked} {
			i.asks("a service that was removed", authorize(hubtest.GeneratedID(id), callback(id)), unknown)
		}
	}
}

// fetcherDies kills the instance that fetches. Another one has to take over, and the dead one, when it comes back, must not fetch as well.
func fetcherDies(t *testing.T, hub *hubtest.Process, instances []*instance, l *load) {
	t.Helper()
	dead := fetchers(instances)[0]
	l.mortal.Store(dead, true)
	moves(t, hub, instances, "was killed", dead.kill)
	dead.start()
	l.mortal.Delete(dead)
	dead.has(2*interval, 5000+everyHub)
	oneFetcher(t, hub, instances, 2)
	if dead.state().Fetching {
		t.Errorf("%s has the role again, though another one had it", dead.name)
	}
}

// fetcherStandsStill stops the process that fetches, as a machine that is paused does, until another one has taken over, and lets it go on then. With Caddy's storage in files it keeps the lock of
// the other one fresh from now on. When that one is killed, the role has to move all the same.
func fetcherStandsStill(t *testing.T, hub *hubtest.Process, instances []*instance, l *load) {
	t.Helper()
	still := fetchers(instances)[0]
	l.mortal.Store(still, true)
	others := slices.DeleteFunc(slices.Clone(instances), func(i *instance) bool { return i == still })
	moves(t, hub, others, "stood still", func() { must(t, still.command.Process.Signal(syscall.SIGSTOP)) })
	must(t, still.command.Process.Signal(syscall.SIGCONT))
	still.has(2*interval, 5000+everyHub)
	within(t, 2*interval, "the one that stood still steps back", func() (bool, any) {
		now := fetchers(instances)
		return len(now) == 1 && now[0] != still, len(now)
	})
	l.mortal.Delete(still)
	oneFetcher(t, hub, instances, 1)
	dead := fetchers(instances)[0]
	l.mortal.Store(dead, true)
	moves(t, hub, instances, "was killed", dead.kill)
	dead.start()
	l.mortal.Delete(dead)
	oneFetcher(t, hub, instances, 1)
}

// moves lets something happen to the instance that fetches, and makes sure that within two intervals another one reads the list, and that one has the role.
func moves(t *testing.T, hub *hubtest.Process, instances []*instance, what string, happen func()) {
	t.Helper()
	happen()
	happened := time.Now()
	// What had begun before may still arrive.
	begun := func() (count int) {
		for _, request := range lists(t, hub) {
			if request.Time.After(happened) {
				count++
			}
		}
		return count
	}
	within(t, 2*interval, "another instance read the list after the fetcher "+what, func() (bool, any) {
		count := begun()
		return count > 0, count
	})
	within(t, 2*interval, "one other instance has the role", func() (bool, any) {
		now := fetchers(instances)
		return len(now) == 1, len(now)
	})
}

// TestFleetOfReaders replaces instances one after the other, as an update of a fleet does. The role may move, but the list stays whole, and fresh.
func TestFleetOfReaders(t *testing.T) {
	t.Parallel()
	const services = 1000
	hub := startHub(t, services)
	instances := trio(t, hub, config{storage: files(t.TempDir()), refresh: 2 * time.Second, source: "on_demand 600"}, services+everyHub)
	l := startLoad(t, services, instances...)
	for _, i := range instances {
		l.mortal.Store(i, true)
		i.stop()
		begun := len(lists(t, hub))
		within(t, 2*2*time.Second, "the others read the list after "+i.name+" was stopped", func() (bool, any) {
			read := lists(t, hub)[begun:]
			return len(read) > 0, len(read)
		})
		i.start()
		// It knows the clients before it is asked the first time.
		i.asks("a client just after the start", authorize(hubtest.GeneratedID(7), callback(7)), passed)
		l.mortal.Delete(i)
	}
	l.stop()
}

// manifest is the file that says what the storage holds.
func manifest(t *testing.T, storage string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(storage, "oauth_guard", "clients", "*", "manifest.json"))
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("the storage has %d manifests", len(found))
	}
	text, err := os.ReadFile(found[0])
	must(t, err)
	return string(text)
}
