package comparison

import (
	"context"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// entrant is one side of a measurement.
type entrant struct {
	// name stands in the samples.
	name        string
	peer        *peers.Peer
	environment []string
}

// equalMemory lets Go's garbage collector run only when the process holds this much, whatever of it is alive. By default it runs when the live heap has doubled, so that a program
// with more of it collects less often, and looks cheaper.
var equalMemory = []string{"GOGC=off", "GOMEMLIMIT=128MiB"}

// rounds measures every peer with every request, again and again. In each round every peer is a fresh process, since where a process happens to lie in memory makes a
// difference for its whole life; and another one begins.
func (r *run) rounds(ctx context.Context) error {
	for round := r.results.Rounds; round < r.options.Rounds; round++ {
		entrants := make([]entrant, len(r.options.Peers))
		for i := range entrants {
			peer := &r.options.Peers[(i+round)%len(entrants)]
			entrants[i] = entrant{name: peer.Name, peer: peer}
		}
		samples, err := r.measure(ctx, entrants, round)
		if err != nil {
			return err
		}
		r.results.Samples = append(r.results.Samples, samples...)
		r.results.Rounds++
		if err := r.save(); err != nil {
			return err
		}
		r.options.Progress("round %d of %d is done", round+1, r.options.Rounds)
	}
	return nil
}

// sides are the guarded and the bare Caddy; false if one is not among the peers.
func (r *run) sides(environment ...string) (guard, bare entrant, found bool) {
	for i := range r.options.Peers {
		switch peer := &r.options.Peers[i]; peer.Name {
		case peers.Guard:
			guard = entrant{peer.Name, peer, environment}
		case peers.Caddy:
			bare = entrant{peer.Name, peer, environment}
		}
	}
	return guard, bare, guard.peer != nil && bare.peer != nil
}

// pairs measures the guarded and the bare Caddy side by side, and a second bare one as control. All orders come equally often.
func (r *run) pairs(ctx context.Context) error {
	guard, bare, found := r.sides(peers.TraceCollections)
	if !found || r.results.Pairs >= r.options.Pairs {
		return nil
	}
	if err := r.equalAnswers(ctx, guard, bare); err != nil {
		return err
	}
	control := bare
	control.name = Control
	orders := [][]entrant{
		{guard, bare, control}, {bare, guard, control}, {control, bare, guard}, {guard, control, bare}, {bare, control, guard}, {control, guard, bare},
	}
	for r.results.Pairs < r.options.Pairs {
		samples, err := r.measure(ctx, orders[r.results.Pairs%len(orders)], r.results.Pairs)
		if err != nil {
			return err
		}
		r.results.PairSamples = append(r.results.PairSamples, samples...)
		r.results.Pairs++
		if err := r.save(); err != nil {
			return err
		}
		r.options.Progress("pair %d of %d is done", r.results.Pairs, r.options.Pairs)
	}
	return nil
}

// equalPairs measures the guarded and the bare Caddy side by side, with equal memory.
func (r *run) equalPairs(ctx context.Context) error {
	guard, bare, found := r.sides(append([]string{peers.TraceCollections}, equalMemory...)...)
	orders := [][]entrant{{guard, bare}, {bare, guard}}
	for found && r.results.EqualPairs < r.options.EqualPairs {
		samples, err := r.measure(ctx, orders[r.results.EqualPairs%len(orders)], r.results.EqualPairs)
		if err != nil {
			return err
		}
		r.results.EqualPairSamples = append(r.results.EqualPairSamples, samples...)
		r.results.EqualPairs++
		if err := r.save(); err != nil {
			return err
		}
		r.options.Progress("pair %d of %d with equal memory is done", r.results.EqualPairs, r.options.EqualPairs)
	}
	return nil
}

// measure starts all entrants, measures one after the other with each request, and stops them.
func (r *run) measure(ctx context.Context, entrants []entrant, round int) ([]load.Sample, error) {
	requests := load.Requests()
	processes := make([]*peers.Process, len(entrants))
	for i, entrant := range entrants {
		process, err := r.start(ctx, entrant.peer, r.site, entrant.environment...)
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
			sample.Peer, sample.Round = entrants[i].name, round
			samples = append(samples, sample)
			r.options.Progress("  %-20s %-18s %7.1f us, foreign %2.0f %%, %s", sample.Peer, request.Name, sample.Microseconds, 100*sample.Foreign,
				time.Since(begin).Round(100*time.Millisecond))
		}
	}
	return samples, nil
}
