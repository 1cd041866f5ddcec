//go:build fleet

package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// The flood: requests with client IDs that somebody made up, each another one.
const (
	flood = 100_000
	// onDemand is how often the Hub may be asked for single services in a minute.
	onDemand = 60
	// mostHeap is how much the live heap may grow, in bytes.
	mostHeap = 5 << 20
	// floodServices are as many as a large Hub has.
	floodServices = 5000
)

// flooded starts an instance that is to be flooded.
func flooded(t testing.TB) (*hubtest.Process, *instance) {
	t.Helper()
	hub := startHub(t, floodServices)
	i := newInstance(t, "caddy", config{
		hub: hub.URL, storage: files(t.TempDir()), refresh: time.Hour, source: fmt.Sprintf("on_demand %d", onDemand), quiet: true,
	})
	i.start()
	i.has(20*time.Second, floodServices+everyHub)
	return hub, i
}

// invented is a client ID that nobody has registered, in one of the forms that Hub's IDs have.
func invented() string { return fmt.Sprintf("%016x-%016x", rand.Uint64(), rand.Uint64()) }

// request is an authorization request of a client, or one in ten a token request.
func request(i *instance, clientID, redirectURI string) (*http.Request, error) {
	if rand.IntN(10) > 0 {
		return http.NewRequest(http.MethodGet, "http://"+i.address+authorize(clientID, redirectURI), nil)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {planted + "code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}}
	r, err := http.NewRequest(http.MethodPost, "http://"+i.address+"/api/rest/oauth2/token", strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// TestFlood sends requests with invented client IDs as fast as it can. Neither may the Hub be flooded by it, nor the memory grow, nor may a client that is known suffer.
func TestFlood(t *testing.T) {
	hub, i := flooded(t)
	client := direct()
	// The same number of requests at once, of known clients, makes the connections and the memory that any load needs.
	run := func(count int, id func() string, want ...verdict) time.Duration {
		var left atomic.Int64
		left.Store(int64(count))
		var group sync.WaitGroup
		begin := time.Now()
		for range 32 {
			group.Go(func() {
				for left.Add(-1) >= 0 {
					r, err := request(i, id(), "https://app-1.example.com/callback")
					var found verdict
					if err == nil {
						found, err = answer(client, r)
					}
					found.rule = strings.Replace(found.rule, "token.", "authorize.", 1)
					if err != nil || !slices.Contains(want, found) {
						t.Errorf("%+v, %v; want one of %+v", found, err, want)
						return
					}
				}
			})
		}
		group.Wait()
		client.CloseIdleConnections()
		return time.Since(begin)
	}
	run(flood/10, func() string { return hubtest.GeneratedID(1) }, passed)
	before, calm := i.heap(), i.goroutines()
	must(t, hub.Control.Forget())

	l := startLoad(t, floodServices, i)
	l.expect(unknown, unjudged)
	// The Hub says that the first ones do not exist; of the others nothing can be said, since it is not asked.
	took := run(flood, invented, unknown, unjudged)
	l.stop()

	requests, err := hub.Control.Requests()
	must(t, err)
	most := mostPerMinute(requests)
	within(t, 10*time.Second, "the goroutines are as many as before", func() (bool, any) {
		now := i.goroutines()
		return now.guard <= calm.guard && now.keepers <= calm.keepers && now.connections <= idle, now.places
	})
	after := i.heap()
	lookups := i.state().Lookups
	t.Logf("%d requests in %s, %.0f per second; the Hub was asked %d times, at most %d times in a minute; %+v", flood, took.Round(time.Millisecond),
		flood/took.Seconds(), len(requests), most, lookups)
	t.Logf("live heap: %d KiB before, %d KiB after", before>>10, after>>10)
	if most == 0 || most > onDemand {
		t.Errorf("the Hub was asked %d times in a minute, and may be asked %d times", most, onDemand)
	}
	if after > before+mostHeap {
		t.Errorf("the live heap grew from %d to %d bytes", before, after)
	}
	if answered := lookups.Found + lookups.Absent + lookups.Failed; answered != uint64(len(requests)) {
		t.Errorf("the state counts %d questions, the Hub %d", answered, len(requests))
	}
}

// TestOnDemandRate sends invented client IDs for longer than a minute. The Hub gets as many questions in each minute as it may be asked, and not one more.
func TestOnDemandRate(t *testing.T) {
	t.Parallel()
	const long, rhythm = 75 * time.Second, 50 * time.Millisecond
	hub := startHub(t, 10)
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: 5 * time.Second, source: fmt.Sprintf("on_demand %d", onDemand), quiet: true})
	i.start()
	i.has(10*time.Second, 10+everyHub)
	client := direct()
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(rhythm)
	defer ticker.Stop()
	for begin := time.Now(); time.Since(begin) < long; <-ticker.C {
		if found, err := ask(client, i, authorize(invented(), callback(1))); err != nil || found != unknown && found != unjudged {
			t.Fatalf("%+v, %v", found, err)
		}
	}
	requests, err := hub.Control.Requests()
	must(t, err)
	questions := slices.DeleteFunc(requests, func(r hubtest.Request) bool { return r.Kind != hubtest.Single })
	most, last := mostPerMinute(questions), questions[len(questions)-1].Time
	t.Logf("%d questions, at most %d in a minute", len(questions), most)
	if most > onDemand || most < onDemand*9/10 {
		t.Errorf("the Hub was asked %d times in a minute, and may be asked %d times", most, onDemand)
	}
	if time.Since(last) > 5*time.Second {
		t.Errorf("the last question was at %s", last)
	}
}

// mostPerMinute is the largest number of requests in any minute.
func mostPerMinute(requests []hubtest.Request) (most int) {
	for n := range requests {
		minute := requests[n].Time.Add(time.Minute)
		end, _ := slices.BinarySearchFunc(requests, minute, func(r hubtest.Request, at time.Time) int { return r.Time.Compare(at) })
		most = max(most, end-n)
	}
	return most
}

// BenchmarkFlood compares how long requests of known clients take during a flood of invented client IDs with how long they take under the same load without invented ones: the same
// number of other requests, from as many connections, with the IDs of known clients. Against no load at all the comparison would show what it costs to serve the flood, which
// Caddy without a guard has to do as well, and on a machine where clients and Caddy share the processors, what it costs to send it. Nothing is proxied, so the part of
// the guard is as large as it can be. Nothing is logged. Rounds of both kinds alternate, so that whatever else the machine does befalls both.
//
// In "paced" the others send at a fixed rate, below what a small machine can do. In "full" they send as fast as they get answers, so that requests wait for a
// processor most of the time.
func BenchmarkFlood(b *testing.B) {
	b.Run("paced", func(b *testing.B) { benchmarkFlood(b, 2000) })
	b.Run("full", func(b *testing.B) { benchmarkFlood(b, 0) })
}

func benchmarkFlood(b *testing.B, rate int) {
	_, i := flooded(b)
	known := func() string {
		service := rand.IntN(floodServices)
		return authorize(hubtest.GeneratedID(service), callback(service))
	}
	made := func() string { return authorize(invented(), callback(rand.IntN(floodServices))) }
	const pairs, length = 20, time.Second
	round(i, rate, length, known) // warms up
	round(i, rate, length, made)
	var quantiles [2][2][]float64 // by kind of load, and for the median and the 99th percentile
	var others [2]int
	for b.Loop() {
		for pair := range pairs {
			for turn := range 2 {
				kind := (turn + pair) % 2
				took, sent := round(i, rate, length, []func() string{known, made}[kind])
				others[kind] += sent
				quantiles[kind][0] = append(quantiles[kind][0], quantile(took, 0.5))
				quantiles[kind][1] = append(quantiles[kind][1], quantile(took, 0.99))
			}
		}
	}
	// Of all rounds the median counts, since a machine that does something else spoils single rounds.
	b.ReportMetric(quantile(quantiles[1][1], 0.5)/quantile(quantiles[0][1], 0.5), "p99-ratio")
	b.ReportMetric(quantile(quantiles[1][0], 0.5)/quantile(quantiles[0][0], 0.5), "p50-ratio")
	b.ReportMetric(quantile(quantiles[0][1], 0.5)*1000, "p99-known-ms")
	b.ReportMetric(quantile(quantiles[1][1], 0.5)*1000, "p99-flood-ms")
	b.ReportMetric(float64(others[1])/float64(others[0]), "others-ratio")
	b.Logf("%d other requests with known IDs, %d with invented ones; p99 of the rounds in ms: %.2f, %.2f", others[0], others[1],
		inMilliseconds(quantiles[0][1]), inMilliseconds(quantiles[1][1]))
}

func inMilliseconds(seconds []float64) []float64 {
	sorted := slices.Sorted(slices.Values(seconds))
	for n := range sorted {
		sorted[n] *= 1000
	}
	return sorted
}

// round measures requests of known clients, some hundred per second, while other requests have the targets that a function returns. It also returns how many others there were.
// Times are in seconds.
func round(i *instance, rate int, length time.Duration, target func() string) (took []float64, others int) {
	const probes, probeRhythm, floods = 10, 12 * time.Millisecond, 16
	client := direct()
	defer client.CloseIdleConnections()
	end := time.Now().Add(length)
	var group sync.WaitGroup
	var sent atomic.Int64
	for n := range floods {
		group.Go(func() {
			next := time.Now()
			if rate > 0 {
				next = next.Add(time.Duration(n) * time.Second / time.Duration(rate))
			}
			for time.Now().Before(end) {
				if rate > 0 {
					time.Sleep(time.Until(next))
					next = next.Add(floods * time.Second / time.Duration(rate))
				}
				// Both kinds pass, so that Caddy has the same work with both.
				if found, err := ask(client, i, target()); err != nil || found.status != http.StatusOK {
					// The Hub may still be asked now and then, and then the verdict is another one.
					if err != nil || found != unknown {
						i.t.Errorf("%+v, %v", found, err)
						return
					}
				}
				sent.Add(1)
			}
		})
	}
	var mutex sync.Mutex
	for range probes {
		group.Go(func() {
			ticker := time.NewTicker(probeRhythm)
			defer ticker.Stop()
			for range ticker.C {
				service := rand.IntN(floodServices)
				target := authorize(hubtest.GeneratedID(service), callback(service))
				begin := time.Now()
				if begin.After(end) {
					return
				}
				if found, err := ask(client, i, target); err != nil || found != passed {
					i.t.Errorf("%+v, %v", found, err)
					return
				}
				duration := time.Since(begin).Seconds()
				mutex.Lock()
				took = append(took, duration)
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	runtime.GC() // what this round left behind is not the next one's
	return took, int(sent.Load())
}

// quantile is the value that a part of all values does not exceed.
func quantile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}
