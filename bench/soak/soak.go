// Package soak loads the guarded Caddy for a long time with mixed traffic, while its configuration is reloaded and its clients are exchanged, and looks for errors and for
// memory and goroutines that do not come back.
package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// Reconnects counts requests that had to be sent again since the connection was closed before any answer, during a reload or right after it. The bare Caddy does so too.
	Reconnects int `json:"reconnects"`
	// Failures counts everything else that went wrong, and Examples are the first of them.
	Failures int      `json:"failures"`
	Examples []string `json:"examples,omitempty"`
	// Reloads and Swaps count the changes, SlowestReload is in seconds.
	Reloads       int     `json:"reloads"`
	Swaps         int     `json:"swaps"`
	SlowestReload float64 `json:"slowest_reload_seconds"`
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
	server, err := program.Build(bench, "upstream", folder)
	if err != nil {
		return nil, err
	}
	upstream, err := program.StartUpstream(ctx, server)
	if err != nil {
		return nil, err
	}
	defer upstream.Stop()
	admin, err := peers.FreeAddress()
	if err != nil {
		return nil, err
	}
	selected, err := peers.Select(peers.Guard)
	if err != nil {
		return nil, err
	}
	registry := registry{stable: options.Clients}
	site := peers.Site{Authorize: []string{conformance.AuthorizePath}, Token: []string{conformance.TokenPath}, Clients: registry.clients(0)}
	process, err := peers.Start(ctx, &selected[0], peers.Setup{Site: site, Folder: folder, Upstream: upstream.Address, Admin: admin, Caddy: caddy})
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	s := &soak{options: options, process: process, admin: admin, registry: &registry, traffic: newTraffic(process.Address, options, &registry)}
	results := &Results{
		Revision: program.Revision(bench), Machine: measure.Describe(), Seconds: options.Duration.Seconds(), Load: options.Load,
		ReloadSeconds: options.Reload.Seconds(), SwapSeconds: options.Swap.Seconds(), Clients: options.Clients,
	}
	if err := s.run(ctx, results); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, process.Output())
	}
	results.Logged = strings.Count(process.Output(), `"level":"error"`)
	if results.Logged > 0 {
		options.Progress("Caddy logged errors:\n%s", process.Output())
	}
	results.Time = time.Now().UTC().Truncate(time.Second)
	return results, nil
}

// soak is one run.
type soak struct {
	options  Options
	process  *peers.Process
	admin    string
	registry *registry
	traffic  *traffic
}

// run measures saturation, and then lets load, swaps, reloads and observations go side by side. All but the load happens in one goroutine, in a fixed order: each
// observation comes when the last reload is the longest ago.
func (s *soak) run(ctx context.Context, results *Results) error {
	s.options.Progress("measuring saturation for %s", s.options.Saturation)
	sent, err := s.traffic.saturate(ctx, s.options.Saturation)
	if err != nil {
		return err
	}
	results.Saturated = float64(sent) / s.options.Saturation.Seconds()
	results.Rate = results.Saturated * s.options.Load
	s.options.Progress("%.0f requests a second are possible; %.0f follow for %s", results.Saturated, results.Rate, s.options.Duration)

	loadContext, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.traffic.flow(loadContext, results.Rate)
	}()
	err = s.disturb(ctx, results)
	stop()
	<-ended
	s.traffic.report(results)
	return err
}

// disturb swaps, observes and reloads until the time is over.
func (s *soak) disturb(ctx context.Context, results *Results) error {
	begin := time.Now()
	swap, reload := begin.Add(s.options.Swap), begin.Add(s.options.Reload)
	for end := begin.Add(s.options.Duration); ; {
		next := swap
		if reload.Before(swap) || reload.Equal(swap) {
			next = reload
		}
		if next.After(end) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(next)):
		}
		if s.process.Ended() {
			return errors.New("the process of Caddy has ended")
		}
		if next.Equal(reload) {
			if err := s.observe(begin, results); err != nil {
				return err
			}
			if err := s.reload(ctx, results); err != nil {
				return err
			}
			reload = reload.Add(s.options.Reload)
		}
		if next.Equal(swap) {
			if err := s.registry.swap(filepath.Join(s.process.Folder, "clients.json")); err != nil {
				return err
			}
			results.Swaps++
			swap = swap.Add(s.options.Swap)
		}
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
	heap, goroutines, enough := r.Growth()
	switch {
	case !enough:
		problems = append(problems, errors.New("the time was too short to see whether memory stays flat: 9 reloads are needed"))
	case heap > 0:
		problems = append(problems, fmt.Errorf("the live heap grew by %d bytes", heap))
	}
	if goroutines > 0 {
		problems = append(problems, fmt.Errorf("%d more goroutines", goroutines))
	}
	return errors.Join(problems...)
}
