package comparison

import (
	"context"
	"slices"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// rounds measures every peer with every request, again and again. In each round every peer is a fresh process, since where a process happens to lie in memory makes a
// difference for its whole life; and another one begins.
func (r *run) rounds(ctx context.Context) error {
	for round := range r.options.Rounds {
		started := make([]*peers.Peer, len(r.options.Peers))
		for i := range started {
			started[i] = &r.options.Peers[(i+round)%len(started)]
		}
		names := make([]string, len(started))
		for i, peer := range started {
			names[i] = peer.Name
		}
		samples, err := r.measure(ctx, started, names, round)
		if err != nil {
			return err
		}
		r.results.Samples = append(r.results.Samples, samples...)
		r.options.Progress("round %d of %d is done", round+1, r.options.Rounds)
	}
	return nil
}

// pairs measures the guarded and the bare Caddy side by side, and a second bare one as control. All orders come equally often.
func (r *run) pairs(ctx context.Context) error {
	guard := slices.IndexFunc(r.options.Peers, func(p peers.Peer) bool { return p.Name == peers.Guard })
	bare := slices.IndexFunc(r.options.Peers, func(p peers.Peer) bool { return p.Name == peers.Caddy })
	if guard < 0 || bare < 0 {
		return nil
	}
	orders := [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}}
	sides := []*peers.Peer{&r.options.Peers[guard], &r.options.Peers[bare], &r.options.Peers[bare]}
	names := []string{peers.Guard, peers.Caddy, Control}
	for pair := range r.options.Pairs {
		var started []*peers.Peer
		var named []string
		for _, i := range orders[pair%len(orders)] {
			started, named = append(started, sides[i]), append(named, names[i])
		}
		samples, err := r.measure(ctx, started, named, pair)
		if err != nil {
			return err
		}
		r.results.PairSamples = append(r.results.PairSamples, samples...)
		r.options.Progress("pair %d of %d is done", pair+1, r.options.Pairs)
	}
	return nil
}

// measure starts peers, measures one after the other with each request, and stops them. The names stand in the samples.
func (r *run) measure(ctx context.Context, started []*peers.Peer, names []string, round int) ([]load.Sample, error) {
	requests := load.Requests()
	processes := make([]*peers.Process, len(started))
	for i, peer := range started {
		process, err := r.start(ctx, peer, r.site)
		if err != nil {
			return nil, err
		}
		defer process.Stop()
		if err := r.warm(ctx, process, requests); err != nil {
			return nil, err
		}
		processes[i] = process
	}
	var samples []load.Sample
	for _, request := range requests {
		for i, process := range processes {
			begin := time.Now()
			sample, err := r.sample(ctx, process, request)
			if err != nil {
				return nil, err
			}
			sample.Peer, sample.Round = names[i], round
			samples = append(samples, sample)
			r.options.Progress("  %-20s %-18s %7.1f us, foreign %2.0f %%, %s", names[i], request.Name, sample.Microseconds, 100*sample.Foreign,
				time.Since(begin).Round(100*time.Millisecond))
		}
	}
	return samples, nil
}
