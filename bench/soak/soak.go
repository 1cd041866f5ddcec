// Package soak loads the guarded Caddy for a long time with mixed traffic, while its configuration is reloaded and its clients are exchanged, and looks for errors and for
// memory and goroutines that do not come back.
package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
)

// Options say how long and how hard.
type Options struct {
	// Duration is how long the load lasts, Saturation how long the most that is possible is measured before.
	Duration, Saturation time.Duration
	// Load is the share of saturation.
	Load float64
	// Reload is the time from one reload of the configuration to the next, Swap from one change of the clients to the next; a multiple of it should be Reload.
	Reload, Swap time.Duration
	// Clients are registered all the time; a tenth as many come and go.
	Clients int
	// Connections are open at once.
	Connections int
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
	// Save is called with what was found so far, at every observation.
	Save func(*Results) error
}

// check keeps a mistake on the command line from taking the machine down.
func (o Options) check() error {
	for _, limit := range []struct {
		name            string
		value, low, top float64
	}{
		{"duration in seconds", o.Duration.Seconds(), 10, 4 * 3600},
		{"seconds of saturation", o.Saturation.Seconds(), 1, 60},
		{"seconds from reload to reload", o.Reload.Seconds(), 1, 3600},
		{"seconds from swap to swap", o.Swap.Seconds(), 1, 3600},
		{"load", o.Load, 0.01, 1},
		{"clients", float64(o.Clients), 10, 200_000},
		{"connections", float64(o.Connections), 1, 1000},
	} {
		if limit.value < limit.low || limit.value > limit.top {
			return fmt.Errorf("%s: %g is not between %g and %g", limit.name, limit.value, limit.low, limit.top)
		}
	}
	return nil
}

// Point is what the process said about itself in a pause of the load, long after the last reload.
type Point struct {
	// Seconds since the start.
	Seconds float64 `json:"seconds"`
	// Heap is the live heap in bytes, after forced collections.
	Heap int `json:"heap"`
	// Goroutines are all but those of idle connections to the server, of which there are as many as were needed at once; those are Connections.
	Goroutines  int `json:"goroutines"`
	Connections int `json:"connections"`
	// Resident is the memory that the process holds, in bytes.
	Resident int `json:"resident"`
}

// Results is what came out.
type Results struct {
	Time     time.Time           `json:"time"`
	Revision string              `json:"revision,omitempty"`
	Machine  measure.Description `json:"machine"`
	// Seconds is how long the load lasted, Saturated how many requests a second were possible before, Rate how many were sent.
	Seconds   float64 `json:"seconds"`
	Saturated float64 `json:"saturated"`
	Rate      float64 `json:"rate"`
	// Load, ReloadSeconds, SwapSeconds and Clients are those of the options.
	Load          float64 `json:"load"`
	ReloadSeconds float64 `json:"reload_seconds"`
	SwapSeconds   float64 `json:"swap_seconds"`
	Clients       int     `json:"clients"`
	// Requests counts the answers that were right, by kind.
	Requests map[string]int `json:"requests"`
	// Closed and Lost count requests that were sent again, since the connection ended before any answer, during a reload or right after it: Closed had carried requests before,
	// Lost were new. ControlReloads, ControlClosed and ControlLost say the same of the bare Caddy under the same load.
	Closed         int `json:"closed"`
	Lost           int `json:"lost"`
	ControlReloads int `json:"control_reloads"`
	ControlClosed  int `json:"control_closed"`
	ControlLost    int `json:"control_lost"`
	// Connections are those of the options.
	Connections int `json:"connections"`
	// Failures counts everything else that went wrong, and Examples are the first of them.
	Failures int      `json:"failures"`
	Examples []string `json:"examples,omitempty"`
	// Reloads and Swaps count the changes, SlowestReload is in seconds.
	Reloads       int     `json:"reloads"`
	Swaps         int     `json:"swaps"`
	SlowestReload float64 `json:"slowest_reload_seconds"`
	// SlowestSwap is how many seconds a change of the clients took to be in force, at most.
	SlowestSwap float64 `json:"slowest_swap_seconds"`
	// MedianMilliseconds, P99Milliseconds and LongestMilliseconds are times from sending to the whole answer.
	MedianMilliseconds  float64 `json:"median_ms"`
	P99Milliseconds     float64 `json:"p99_ms"`
	LongestMilliseconds float64 `json:"longest_ms"`
	// Logged is how many errors Caddy logged.
	Logged int `json:"logged"`
	// Points are the observations.
	Points []Point `json:"points"`
}

// Run does all of it. The bench is the folder of this module. An error says that the test could not be made; what it found is in the results.
func Run(ctx context.Context, bench string, options Options) (*Results, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "oauth-guard-soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	options.Progress("building")
	caddy, err := program.Build(bench, "caddy", folder)
	if err != nil {
		return nil, err
	}
	upstream, err := program.StartUpstream(ctx, bench, folder)
	if err != nil {
		return nil, err
	}
	defer upstream.Stop()
	s := &soak{options: options, registry: &registry{stable: options.Clients}}
	s.setup = peers.Setup{Folder: folder, Upstream: upstream.Address, Caddy: caddy, Site: peers.Site{
		Authorize: []string{conformance.AuthorizePath}, Token: []string{conformance.TokenPath}, Clients: s.registry.clients(0),
	}}
	s.results = &Results{
		Revision: program.Revision(bench), Machine: measure.Describe(), Load: options.Load, Connections: options.Connections,
		ReloadSeconds: options.Reload.Seconds(), SwapSeconds: options.Swap.Seconds(), Clients: options.Clients,
	}
	if err := s.guarded(ctx); err != nil {
		return nil, err
	}
	if err := s.control(ctx); err != nil {
		return nil, err
	}
	return s.results, s.save()
}

// soak is one run.
type soak struct {
	options  Options
	registry *registry
	setup    peers.Setup
	results  *Results
	begin    time.Time
}

// save hands over what was found so far.
func (s *soak) save() error {
	s.results.Time = time.Now().UTC().Truncate(time.Second)
	return s.options.Save(s.results)
}

// guarded is the test itself.
func (s *soak) guarded(ctx context.Context) error {
	guard, err := start(ctx, peers.Guard, s.setup, s.options, s.registry, kinds)
	if err != nil {
		return err
	}
	defer guard.process.Stop()
	if err := s.load(ctx, guard); err != nil {
		return fmt.Errorf("%w\n%s", err, guard.process.Output())
	}
	guard.traffic.report(s.results)
	s.results.Seconds = time.Since(s.begin).Round(time.Second).Seconds()
	s.results.Logged = strings.Count(guard.process.Output(), `"level":"error"`)
	if s.results.Logged > 0 {
		s.options.Progress("Caddy logged errors:\n%s", guard.process.Output())
	}
	return nil
}

// load measures saturation, and then lets load, swaps, reloads and observations go side by side. All but the load happens in one goroutine, in a fixed order: each
// observation comes when the last reload is the longest ago.
func (s *soak) load(ctx context.Context, guard *site) error {
	s.options.Progress("measuring saturation for %s", s.options.Saturation)
	sent, err := guard.traffic.saturate(ctx, s.options.Saturation)
	if err != nil {
		return err
	}
	s.results.Saturated = float64(sent) / s.options.Saturation.Seconds()
	s.results.Rate = s.results.Saturated * s.options.Load
	s.options.Progress("%.0f requests a second are possible; %.0f follow for %s", s.results.Saturated, s.results.Rate, s.options.Duration)
	defer guard.flow(ctx, s.results.Rate, s.limit())()
	return s.disturb(ctx, guard)
}

// enough is how many observations say whether memory stays flat.
const enough = 9

// limit is how long the load may last, since a machine that is busy with other things may need longer for enough observations.
func (s *soak) limit() time.Duration { return 2*s.options.Duration + time.Minute }

// disturb swaps, observes and reloads until the time is over.
func (s *soak) disturb(ctx context.Context, guard *site) error {
	s.begin = time.Now()
	swap, reload := s.begin.Add(s.options.Swap), s.begin.Add(s.options.Reload)
	for end := s.begin.Add(s.options.Duration); ; {
		next := swap
		if !reload.After(swap) {
			next = reload
		}
		if time.Since(s.begin) > s.limit() || next.After(end) && len(s.results.Points) >= enough {
			return nil
		}
		if err := wait(ctx, time.Until(next)); err != nil {
			return err
		}
		if guard.process.Ended() {
			return errors.New("the process of Caddy has ended")
		}
		if next.Equal(reload) {
			if err := s.observe(guard); err != nil {
				return err
			}
			took, err := guard.reload(ctx)
			if err != nil {
				return err
			}
			s.results.Reloads, s.results.SlowestReload = guard.reloads, max(s.results.SlowestReload, took.Seconds())
			reload = reload.Add(s.options.Reload)
		}
		if next.Equal(swap) {
			if err := s.swap(ctx, guard); err != nil {
				return err
			}
			swap = swap.Add(s.options.Swap)
		}
	}
}

// swap exchanges the clients, and waits until the new ones are in force. The file is looked at every second.
func (s *soak) swap(ctx context.Context, guard *site) error {
	if err := s.registry.swap(filepath.Join(guard.process.Folder, "clients.json")); err != nil {
		return err
	}
	begin := time.Now()
	generation, _ := s.registry.passing()
	random := rand.New(rand.NewPCG(0, uint64(generation)))
	c := client{traffic: guard.traffic}
	defer c.close()
	known := reaches(http.StatusFound, "")
	for {
		answer, err := c.try(guard.traffic.get(authorize(passingID(generation, 0), random)))
		if err == nil && known(answer) == "" {
			break
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("the clients of generation %d are not in force after %s: status %d, %v", generation, patience, answer.status, err)
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	s.registry.settle()
	s.results.Swaps++
	s.results.SlowestSwap = max(s.results.SlowestSwap, time.Since(begin).Seconds())
	return nil
}

// The control: how often the bare Caddy is reloaded, and at most how long after the last time.
const (
	controlReloads  = 5
	controlInterval = 2 * time.Second
)

// control lets the bare Caddy carry the same load while it is reloaded, to see how many connections a reload costs without the guard.
func (s *soak) control(ctx context.Context) error {
	s.options.Progress("reloading the bare Caddy %d times under the same load", controlReloads)
	passing := slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return !k.passes })
	bare, err := start(ctx, peers.Caddy, s.setup, s.options, s.registry, passing)
	if err != nil {
		return err
	}
	defer bare.process.Stop()
	interval := min(controlInterval, s.options.Reload)
	stop := bare.flow(ctx, s.results.Rate, time.Minute)
	defer stop()
	for range controlReloads {
		if err := wait(ctx, interval); err != nil {
			return err
		}
		if _, err := bare.reload(ctx); err != nil {
			return fmt.Errorf("%w\n%s", err, bare.process.Output())
		}
	}
	if err := wait(ctx, interval); err != nil {
		return err
	}
	stop()
	var found Results
	bare.traffic.report(&found)
	if found.Failures > 0 {
		return fmt.Errorf("the bare Caddy failed %d times, so the test says nothing: %s", found.Failures, strings.Join(found.Examples, "; "))
	}
	s.results.ControlReloads, s.results.ControlClosed, s.results.ControlLost = bare.reloads, found.Closed, found.Lost
	s.options.Progress("each reload closed %.1f connections and lost %.1f new ones with the guard, %.1f and %.1f without",
		float64(s.results.Closed)/float64(s.results.Reloads), float64(s.results.Lost)/float64(s.results.Reloads),
		float64(found.Closed)/float64(bare.reloads), float64(found.Lost)/float64(bare.reloads))
	return nil
}

// wait lets time pass.
func wait(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}

// Limits of what counts as flat, between the first and the last third of the observations after the warm-up.
const (
	heapGrowth      = 0.05    // share
	heapNoise       = 1 << 20 // bytes
	goroutineGrowth = 3
)

// Err says what is not as it should be.
func (r *Results) Err() error {
	var problems []error
	if r.Failures > 0 {
		problems = append(problems, fmt.Errorf("%d failures: %s", r.Failures, strings.Join(r.Examples, "; ")))
	}
	if r.Logged > 0 {
		problems = append(problems, fmt.Errorf("%d errors in the log of Caddy", r.Logged))
	}
	if r.ControlReloads == 0 {
		problems = append(problems, errors.New("the test did not come to its end"))
	}
	// At most each connection is closed once by a reload, and lost once when it is made anew.
	if most := r.Reloads * r.Connections; r.Closed > most || r.Lost > most {
		problems = append(problems, fmt.Errorf("%d connections closed and %d lost are more than %d reloads explain", r.Closed, r.Lost, r.Reloads))
	}
	heap, goroutines, sufficient := r.Growth()
	switch {
	case !sufficient:
		problems = append(problems, fmt.Errorf("the time was too short to see whether memory stays flat: %d reloads are needed", enough))
	case heap > 0:
		problems = append(problems, fmt.Errorf("the live heap grew by %d bytes", heap))
	}
	if goroutines > 0 {
		problems = append(problems, fmt.Errorf("%d more goroutines", goroutines))
	}
	return errors.Join(problems...)
}
