//go:build fleet

package fleet_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// reload loads the configuration anew, also if it is the same as before, and returns how long that took.
func (i *instance) reload() time.Duration {
	i.t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://"+i.admin+"/load", strings.NewReader(i.caddyfile(i.config)))
	must(i.t, err)
	request.Header.Set("Content-Type", "text/caddyfile")
	request.Header.Set("Cache-Control", "must-revalidate")
	begin := time.Now()
	response, err := http.DefaultClient.Do(request)
	must(i.t, err)
	must(i.t, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		i.t.Errorf("the reload of %s: %s\n%s", i.name, response.Status, i.tail(5))
	}
	return time.Since(begin)
}

// TestReload loads the configuration of the fetcher anew, again and again, while the Hub does not answer. Nobody forgets a client, nothing is left behind, and when the Hub answers
// again, it is read soon.
func TestReload(t *testing.T) {
	t.Parallel()
	const services, refresh, reloads = 500, 2 * time.Second, 6
	for _, test := range []struct {
		name string
		// storage is that of all instances; changed says that each configuration has another source than the one before.
		storage func(t *testing.T) string
		changed bool
		// keepers is how many goroutines of Caddy's storage may be left behind, since the role is given back and taken again within an interval that is shorter than five seconds.
		keepers int
	}{
		{"files", func(t *testing.T) string { return files(t.TempDir()) }, false, 0},
		{"another source", func(t *testing.T) string { return files(t.TempDir()) }, true, reloads},
		// Of a storage that the guard does not know, each configuration has one of its own.
		{"another storage", func(t *testing.T) string {
			return fmt.Sprintf("faulty %s %s", t.TempDir(), filepath.Join(t.TempDir(), "faults"))
		}, false, reloads},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			hub := startHub(t, services)
			storage := test.storage(t)
			var instances []*instance
			for n := range 2 {
				i := newInstance(t, fmt.Sprintf("caddy %d", n+1), config{hub: hub.URL, storage: storage, refresh: refresh, source: "on_demand 600"})
				i.start()
				i.has(10*time.Second, services+everyHub)
				instances = append(instances, i)
			}
			l := startLoad(t, services, instances...)
			l.expect(unknown, unjudged)
			fetcher := fetchers(instances)[0]
			before := fetcher.goroutines()
			must(t, hub.Control.SetFaults(hubtest.Fault{Kind: hubtest.Hang}))
			// When a reload closes the listening socket of the configuration before, the system resets connections that wait in its queue. That is Caddy's own, guard or not.
			l.mortal.Store(fetcher, true)
			// The fetcher asks during some of the intervals that this takes, and is left without an answer.
			ticker := time.NewTicker(refresh / 2)
			defer ticker.Stop()
			for n := range reloads {
				<-ticker.C
				if test.changed {
					fetcher.config.source = fmt.Sprintf("on_demand %d", 600-n-1)
				}
				took := fetcher.reload()
				if took > refresh {
					t.Errorf("the reload took %s", took)
				}
				if s := fetcher.state(); s.Clients != services+everyHub || s.LastSuccess.IsZero() {
					t.Errorf("after the reload: %+v", s)
				}
				fetcher.asks("a client just after the reload", authorize(hubtest.GeneratedID(7), callback(7)), passed)
				fetcher.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(7), callback(8)), unregistered)
			}
			l.mortal.Delete(fetcher)
			must(t, hub.Control.SetFaults())
			must(t, hub.Control.AddServices(hubtest.Generated(services)))
			for _, i := range instances {
				within(t, 2*refresh+2*time.Second, i.name+" knows a service that was added when the Hub answers again", func() (bool, any) {
					s := i.state()
					return s.State == clients.Fresh && s.Clients == services+everyHub+1, s
				})
			}
			l.expect(unknown)
			var now goroutines
			within(t, 10*time.Second, "the goroutines are as many as before", func() (bool, any) {
				now = fetcher.goroutines()
				return now.guard <= before.guard+fetcherMore && now.keepers <= before.keepers+test.keepers && now.connections <= idle, now.places
			})
			t.Logf("after %d reloads: guard %d, before %d; keepers of the lock %d, before %d", reloads, now.guard, before.guard, now.keepers, before.keepers)
			within(t, 5*refresh, "one instance fetches", func() (bool, any) {
				now := fetchers(instances)
				return len(now) == 1, len(now)
			})
			l.stop()
		})
	}
}
