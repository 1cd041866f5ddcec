// Package registry measures what it costs to know a million clients: what their directory takes by itself, and what requests cost at a real Caddy that has it, also while it is
// exchanged all the time.
package registry

import (
	"context"
	"os"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
)

// Options say what is measured and how long.
type Options struct {
	// Few and Many are the numbers of clients that are compared.
	Few, Many int
	// Pairs is how often processor time is compared, by two samples of Duration; Rounds how often latencies are, by samples of Latency.
	Pairs, Rounds     int
	Duration, Latency time.Duration
	// Rate is that of the requests whose latencies are measured, in requests per second; Connections are open at once.
	Rate        float64
	Connections int
	// Swap is the time from one exchange of the clients to the next.
	Swap time.Duration
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
}

// Results is all that was measured. The figures of processes are in the order in which they were measured.
type Results struct {
	Directories []Directory
	// FewCost and ManyCost are processor times per request in microseconds, each pair by two processes that were started for it.
	FewCost, ManyCost []float64
	// FewLatency, ManyLatency and SwapLatency are 99th percentiles of latencies in milliseconds; FewMedian and so on are medians.
	FewLatency, ManyLatency, SwapLatency []float64
	FewMedian, ManyMedian, SwapMedian    []float64
	// Swaps is how many exchanges there were.
	Swaps int
	// Resident is the memory of the process with many clients in bytes per client, when they have been exchanged several times.
	Resident float64
}

// measurement is one run of the measurement.
type measurement struct {
	options  Options
	folder   string
	caddy    string
	guard    *peers.Peer
	upstream *program.Upstream
	results  *Results
}

// Run measures everything. The bench is the folder of this module.
func Run(ctx context.Context, bench string, options Options) (*Results, error) {
	folder, err := os.MkdirTemp("", "oauth-guard-registry-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	r := &measurement{options: options, folder: folder, results: new(Results)}
	for _, count := range []int{options.Few, options.Many} {
		options.Progress("a directory of %d clients", count)
		directory, err := measureDirectory(ctx, folder, count)
		if err != nil {
			return nil, err
		}
		r.results.Directories = append(r.results.Directories, directory)
	}
	options.Progress("building")
	if r.caddy, err = program.Build(bench, "caddy", folder); err != nil {
		return nil, err
	}
	if r.upstream, err = program.StartUpstream(ctx, bench, folder); err != nil {
		return nil, err
	}
	defer r.upstream.Stop()
	r.guard = peers.Named(peers.Guard)
	for _, count := range []int{options.Few, options.Many} {
		for version := range 2 {
			if err := writeClients(r.file(count, version), count+version); err != nil {
				return nil, err
			}
		}
	}
	for pair := range options.Pairs {
		if err := r.pair(ctx, pair); err != nil {
			return nil, err
		}
	}
	for round := range options.Rounds {
		if err := r.round(ctx, round); err != nil {
			return nil, err
		}
	}
	return r.results, nil
}

// order is which of two sides comes first.
func order(number int, few, many int) []int {
	if number%2 == 1 {
		few, many = many, few
	}
	return []int{few, many}
}

// pair measures what requests cost with few and with many clients.
func (r *measurement) pair(ctx context.Context, pair int) error {
	costs := make(map[int]float64)
	for _, count := range order(pair, r.options.Few, r.options.Many) {
		s, err := r.start(ctx, count)
		if err != nil {
			return err
		}
		_, err = run(ctx, s.Address, s.messages, r.options.Connections, 0, r.options.Duration/2)
		if err == nil {
			costs[count], err = r.cost(ctx, s)
		}
		s.Stop()
		if err != nil {
			return err
		}
	}
	few, many := costs[r.options.Few], costs[r.options.Many]
	r.results.FewCost, r.results.ManyCost = append(r.results.FewCost, few), append(r.results.ManyCost, many)
	r.options.Progress("pair %d of %d: %.1f and %.1f us per request", pair+1, r.options.Pairs, few, many)
	return nil
}

// round measures latencies with few clients, with many, and with many that are exchanged.
func (r *measurement) round(ctx context.Context, round int) error {
	for _, count := range order(round, r.options.Few, r.options.Many) {
		s, err := r.start(ctx, count)
		if err != nil {
			return err
		}
		err = r.latencies(ctx, s)
		s.Stop()
		if err != nil {
			return err
		}
	}
	last := len(r.results.SwapLatency) - 1
	r.options.Progress("round %d of %d: p99 %.2f ms, %.2f ms, while swapping %.2f ms", round+1, r.options.Rounds, r.results.FewLatency[last], r.results.ManyLatency[last],
		r.results.SwapLatency[last])
	return nil
}

func (r *measurement) latencies(ctx context.Context, s *server) error {
	if _, err := run(ctx, s.Address, s.messages, r.options.Connections, r.options.Rate, time.Second); err != nil {
		return err
	}
	got, err := r.latency(ctx, s)
	if err != nil {
		return err
	}
	p99, median := milliseconds(got.quantile(0.99)), milliseconds(got.quantile(0.5))
	if s.count == r.options.Few {
		r.results.FewLatency, r.results.FewMedian = append(r.results.FewLatency, p99), append(r.results.FewMedian, median)
		return nil
	}
	r.results.ManyLatency, r.results.ManyMedian = append(r.results.ManyLatency, p99), append(r.results.ManyMedian, median)
	got, swaps, err := r.swapping(ctx, s)
	if err != nil {
		return err
	}
	r.results.Swaps += swaps
	r.results.SwapLatency = append(r.results.SwapLatency, milliseconds(got.quantile(0.99)))
	r.results.SwapMedian = append(r.results.SwapMedian, milliseconds(got.quantile(0.5)))
	resident, err := measure.Resident(s.ID)
	r.results.Resident = float64(resident) / float64(s.count)
	return err
}
