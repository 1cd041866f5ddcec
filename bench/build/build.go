// Package build compares ways to build and to run the whole binary: the stock Caddy, with the guard, and both with a profile that guides the compiler; and settings that an operator
// has besides.
package build

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/transport"
)

// Options say what is measured and how long.
type Options struct {
	// Pairs is how often all programs are measured side by side, Rounds how often all settings are.
	Pairs, Rounds int
	// Duration is that of one sample, WarmUp what comes before the first one of a process. Whole seconds.
	Duration, WarmUp time.Duration
	// Connections are open at once.
	Connections int
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
}

// Setting is something that an operator can set for the guarded Caddy.
type Setting struct {
	// Name is its word in the data, Title its name in the document.
	Name, Title string
	// Environment is what is set for the process, and Transport the lines in the block of reverse_proxy's transport.
	Environment []string
	Transport   string
	// Connections are open at once, if not as many as usual.
	Connections int
}

// many is a number of connections that is larger than what reverse_proxy keeps of idle ones.
const many = 256

// Settings are those that are compared, each with the one of the same number of connections that sets nothing.
func Settings() []Setting {
	return []Setting{
		{Name: "defaults", Title: "nothing"},
		{Name: "gogc-200", Title: "`GOGC=200`", Environment: []string{"GOGC=200"}},
		{Name: "gogc-400", Title: "`GOGC=400`", Environment: []string{"GOGC=400"}},
		{Name: "memory-limit", Title: "`GOGC=off GOMEMLIMIT=256MiB`", Environment: []string{"GOGC=off", "GOMEMLIMIT=256MiB"}},
		{Name: "no-compression", Title: "`compression off` in `transport http`", Transport: "compression off"},
		{Name: "buffers", Title: "`read_buffer 16KiB`, `write_buffer 16KiB` in `transport http`", Transport: "read_buffer 16KiB\n\t\t\twrite_buffer 16KiB"},
		{Name: "many-defaults", Title: "nothing", Connections: many},
		{Name: "many-keepalive", Title: "`keepalive_idle_conns_per_host 512` in `transport http`", Transport: "keepalive_idle_conns_per_host 512", Connections: many},
	}
}

// Sample is one measurement.
type Sample struct {
	// Name is that of the program or setting, Request that of the request.
	Name, Request string
	Round         int
	// Microseconds is processor time per request, Foreign the share of the machine that others took.
	Microseconds, Foreign float64
	// P99 is in milliseconds, Resident what the process held afterwards in MiB.
	P99, Resident float64
}

// Results is all that was measured.
type Results struct {
	// Seconds is how long each program took to build, and Size how many bytes it has, by name.
	Seconds map[string]float64
	Size    map[string]int64
	// Programs and Settings are the samples.
	Programs, Settings []Sample
	// Standard and Lean are processor times of requests through the standard transport alone, and through that of the package transport, in microseconds.
	Standard, Lean []float64
}

// comparison is one run.
type comparison struct {
	options  Options
	folder   string
	files    map[string]string
	upstream *program.Upstream
	site     peers.Site
	results  *Results
}

// Run builds everything and measures it. The bench is the folder of this module.
func Run(ctx context.Context, bench string, options Options) (*Results, error) {
	folder, err := os.MkdirTemp("", "oauth-guard-build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	c := &comparison{options: options, folder: folder, files: make(map[string]string), results: &Results{Seconds: make(map[string]float64), Size: make(map[string]int64)}}
	root := filepath.Dir(bench)
	for _, p := range Programs() {
		options.Progress("building: %s", p.Title)
		file, took, err := p.Build(ctx, root, folder)
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		c.files[p.Name], c.results.Seconds[p.Name], c.results.Size[p.Name] = file, took.Seconds(), info.Size()
	}
	if c.upstream, err = program.StartUpstream(ctx, bench, folder); err != nil {
		return nil, err
	}
	defer c.upstream.Stop()
	if c.site, err = conformance.VectorSite(root); err != nil {
		return nil, err
	}
	for pair := range options.Pairs {
		samples, err := c.pair(ctx, pair)
		if err != nil {
			return nil, err
		}
		c.results.Programs = append(c.results.Programs, samples...)
		options.Progress("pair %d of %d is done", pair+1, options.Pairs)
	}
	for round := range options.Rounds {
		for i := range Settings() {
			setting := Settings()[(i+round)%len(Settings())]
			samples, err := c.setting(ctx, setting, round)
			if err != nil {
				return nil, err
			}
			c.results.Settings = append(c.results.Settings, samples...)
		}
		options.Progress("round %d of %d of the settings is done", round+1, options.Rounds)
	}
	for range options.Pairs {
		if err := c.transports(ctx); err != nil {
			return nil, err
		}
	}
	return c.results, nil
}

// requests are those that are proxied.
func requests() []load.Request { return load.Requests()[:2] }

// pair measures all programs, one after the other with each request. Each is a fresh process, since where a process happens to lie in memory makes a difference for its whole life; another
// one begins each time, and every second time the order is reversed.
func (c *comparison) pair(ctx context.Context, pair int) ([]Sample, error) {
	programs := Programs()
	var processes []*peers.Process
	var names []string
	for i := range programs {
		n := (i + pair/2) % len(programs)
		if pair%2 == 1 {
			n = len(programs) - 1 - n
		}
		p := programs[n]
		process, err := c.start(ctx, p.Name, p.Guarded, Setting{})
		if err != nil {
			return nil, err
		}
		defer process.Stop()
		processes, names = append(processes, process), append(names, p.Name)
	}
	var samples []Sample
	for _, request := range requests() {
		for i, process := range processes {
			sample, err := c.sample(ctx, process, request, c.options.Connections)
			if err != nil {
				return nil, err
			}
			sample.Name, sample.Round = names[i], pair
			samples = append(samples, sample)
			c.options.Progress("  %-16s %-16s %6.1f us, foreign %2.0f %%", names[i], request.Name, sample.Microseconds, 100*sample.Foreign)
		}
	}
	return samples, nil
}

// setting measures one setting of the guarded Caddy.
func (c *comparison) setting(ctx context.Context, setting Setting, round int) ([]Sample, error) {
	process, err := c.start(ctx, "guarded-profile", true, setting)
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	connections := c.options.Connections
	if setting.Connections > 0 {
		connections = setting.Connections
	}
	var samples []Sample
	for _, request := range requests() {
		sample, err := c.sample(ctx, process, request, connections)
		if err != nil {
			return nil, err
		}
		sample.Name, sample.Round = setting.Name, round
		samples = append(samples, sample)
		c.options.Progress("  %-16s %-16s %6.1f us, foreign %2.0f %%", setting.Name, request.Name, sample.Microseconds, 100*sample.Foreign)
	}
	return samples, nil
}

// transports measures the experiment with another transport.
func (c *comparison) transports(ctx context.Context) error {
	url := "http://" + c.upstream.Address + conformance.AuthorizePath + "?response_type=code&client_id=app"
	for _, side := range []struct {
		transport http.RoundTripper
		costs     *[]float64
	}{{http.DefaultTransport, &c.results.Standard}, {transport.New(c.upstream.Address, nil), &c.results.Lean}} {
		cost, err := transport.Cost(ctx, side.transport, url, c.options.Connections, c.options.Duration/2)
		if err != nil {
			return err
		}
		*side.costs = append(*side.costs, cost)
	}
	return nil
}

// start runs a program, and warms it up.
func (c *comparison) start(ctx context.Context, name string, guarded bool, setting Setting) (*peers.Process, error) {
	kind := peers.Caddy
	if guarded {
		kind = peers.Guard
	}
	process, err := peers.Start(ctx, peers.Named(kind), peers.Setup{Site: c.site, Folder: c.folder, Upstream: c.upstream.Address, Caddy: c.files[name], Environment: setting.Environment,
		Transport: setting.Transport})
	if err != nil || c.options.WarmUp <= 0 {
		return process, err
	}
	for _, request := range requests() {
		if _, err := load.Run(ctx, process.Address, request, load.Options{Duration: c.options.WarmUp, Connections: c.options.Connections, Folder: c.folder}); err != nil {
			process.Stop()
			return nil, err
		}
	}
	return process, nil
}

func (c *comparison) sample(ctx context.Context, process *peers.Process, request load.Request, connections int) (Sample, error) {
	measured, err := load.Measure(ctx, process.Address, process.ID, request, load.Options{Duration: c.options.Duration, Connections: connections, Folder: c.folder})
	if err != nil {
		return Sample{}, fmt.Errorf("%w\n%s", err, process.Output())
	}
	if measured.Wrong > 0 || measured.Failed > 0 {
		return Sample{}, fmt.Errorf("%s: %d wrong and %d failed of %d answers\n%s", request.Name, measured.Wrong, measured.Failed, measured.Requests, process.Output())
	}
	resident, err := measure.Resident(process.ID)
	return Sample{Request: request.Name, Microseconds: measured.Microseconds, Foreign: measured.Foreign, P99: measured.P99Milliseconds, Resident: float64(resident) / (1 << 20)}, err
}
