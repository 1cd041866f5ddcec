// Package comparison measures the peers: first what each of them refuses, then what it costs, and the guard against the bare Caddy in pairs.
package comparison

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
)

// Options say what is measured and how long.
type Options struct {
	// Rounds is how often every peer is measured with every request, Pairs how often the guard is measured beside the bare Caddy, and EqualPairs how often with equal memory.
	Rounds, Pairs, EqualPairs int
	// Duration is that of one sample, WarmUp what comes before the first one of a process. Whole seconds.
	Duration, WarmUp time.Duration
	// Connections are open at once.
	Connections int
	// Foreign is the share of the machine that others may take; a sample with more is repeated, at most Repeats times, and the cleanest one counts.
	Foreign float64
	Repeats int
	// Peers are measured.
	Peers []peers.Peer
	// Bare and Guarded are the programs of the bare and of the guarded Caddy; "" is the one that is built here. With two programs, builds are compared.
	Bare, Guarded string
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
	// Save is called with all that was measured so far, after each pair and each round.
	Save func(*Results) error
	// Previous is what a run measured before it was interrupted; nil begins anew. Only what is missing is measured.
	Previous *Results
}

// Results is all that was measured.
type Results struct {
	// Time is when the measurement ended, Revision the commit of the checkout.
	Time     time.Time           `json:"time"`
	Revision string              `json:"revision,omitempty"`
	Machine  measure.Description `json:"machine"`
	// Wrk is the version of the load generator, Versions those of the peers by name.
	Wrk      string            `json:"wrk"`
	Versions map[string]string `json:"versions"`
	// Seconds and Connections are those of the options. Rounds, Pairs and EqualPairs count what was measured.
	Seconds     float64 `json:"seconds"`
	Connections int     `json:"connections"`
	Rounds      int     `json:"rounds"`
	Pairs       int     `json:"pairs"`
	EqualPairs  int     `json:"equal_pairs"`
	// TwoPrograms says that the bare and the guarded Caddy were not one program.
	TwoPrograms bool `json:"two_programs,omitempty"`
	// Conformance is what the peers made of requests whose right answer is known, by peer and list.
	Conformance map[string]map[string]conformance.Result `json:"conformance"`
	// Samples are those of the rounds, PairSamples those of the pairs, EqualPairSamples those of the pairs with equal memory.
	Samples          []load.Sample `json:"samples"`
	PairSamples      []load.Sample `json:"pair_samples"`
	EqualPairSamples []load.Sample `json:"equal_pair_samples"`
}

// Control is the name of a second bare Caddy among the pairs. What it differs from the first is noise.
const Control = "caddy-control"

// Run measures everything. The bench is the folder of this module.
func Run(ctx context.Context, bench string, options Options) (*Results, error) {
	folder, err := os.MkdirTemp("", "oauth-guard-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	r := &run{options: options, folder: folder}
	options.Progress("building")
	if r.caddy, err = program.Build(bench, "caddy", folder); err != nil {
		return nil, err
	}
	if r.upstream, err = program.StartUpstream(ctx, bench, folder); err != nil {
		return nil, err
	}
	defer r.upstream.Stop()
	root := filepath.Dir(bench)
	if r.site, err = conformance.VectorSite(root); err != nil {
		return nil, err
	}
	r.results = &Results{
		Revision: program.Revision(bench), Machine: measure.Describe(), Wrk: load.Version(), Versions: make(map[string]string),
		Seconds: options.Duration.Seconds(), Connections: options.Connections,
		TwoPrograms: options.Bare != options.Guarded, Conformance: make(map[string]map[string]conformance.Result),
	}
	for i := range options.Peers {
		peer := &options.Peers[i]
		r.results.Versions[peer.Name] = peer.Version(r.program(peer.Name))
	}
	if err := r.resume(options.Previous); err != nil {
		return nil, err
	}
	options.Progress("about %s will pass", r.estimate())
	if err := r.conformance(ctx, root); err != nil {
		return nil, err
	}
	if err := r.pairs(ctx); err != nil {
		return nil, err
	}
	if err := r.equalPairs(ctx); err != nil {
		return nil, err
	}
	if err := r.rounds(ctx); err != nil {
		return nil, err
	}
	return r.results, r.save()
}

// resume takes over what was measured before, if it was measured in the same way.
func (r *run) resume(previous *Results) error {
	if previous == nil {
		return nil
	}
	now := *r.results
	if previous.Revision != now.Revision || previous.Machine != now.Machine || previous.Seconds != now.Seconds || previous.Connections != now.Connections ||
		previous.TwoPrograms != now.TwoPrograms || !maps.Equal(previous.Versions, now.Versions) {
		return errors.New("what was measured before differs in the commit, the machine, the versions of the peers, the duration or the connections: begin anew")
	}
	r.results = previous
	r.options.Progress("going on after %d pairs, %d pairs with equal memory and %d rounds", previous.Pairs, previous.EqualPairs, previous.Rounds)
	return nil
}

// save hands over what was measured so far.
func (r *run) save() error {
	r.results.Time = time.Now().UTC().Truncate(time.Second)
	return r.options.Save(r.results)
}

// estimate is how long the load lasts, without repeated samples.
func (r *run) estimate() time.Duration {
	o, requests := r.options, time.Duration(len(load.Requests()))
	processes := time.Duration(max(0, o.Rounds-r.results.Rounds)*len(o.Peers) + 3*max(0, o.Pairs-r.results.Pairs) + 2*max(0, o.EqualPairs-r.results.EqualPairs))
	return (processes * requests * (o.Duration + o.WarmUp)).Round(time.Minute)
}

// run is one run of the comparison.
type run struct {
	options  Options
	folder   string
	caddy    string
	site     peers.Site
	upstream *program.Upstream
	results  *Results
}

// program is the Caddy of a peer.
func (r *run) program(name string) string {
	switch {
	case name == peers.Guard && r.options.Guarded != "":
		return r.options.Guarded
	case name == peers.Caddy && r.options.Bare != "":
		return r.options.Bare
	}
	return r.caddy
}

func (r *run) start(ctx context.Context, peer *peers.Peer, site peers.Site, environment ...string) (*peers.Process, error) {
	return peers.Start(ctx, peer, peers.Setup{Site: site, Folder: r.folder, Upstream: r.upstream.Address, Caddy: r.program(peer.Name), Environment: environment})
}

// conformance asks every peer that checks anything.
func (r *run) conformance(ctx context.Context, root string) error {
	lists, err := conformance.Lists(root)
	if err != nil {
		return err
	}
	for i := range r.options.Peers {
		peer := &r.options.Peers[i]
		if r.results.Conformance[peer.Name] != nil {
			continue
		}
		results := make(map[string]conformance.Result)
		for _, list := range lists {
			process, err := r.start(ctx, peer, list.Site)
			if err != nil {
				return err
			}
			result, err := conformance.Ask(process.Address, list.Requests)
			process.Stop()
			if err != nil {
				return fmt.Errorf("%s: %w", peer.Name, err)
			}
			if peer.IsBare() {
				result.Let = nil // it checks nothing, so the names say nothing
			}
			results[list.Title] = result
			r.options.Progress("%s, %s: %d of %d invalid requests refused, %d of %d valid ones refused", peer.Title, list.Title,
				result.Refused, result.Invalid, result.Broken, result.Valid)
		}
		r.results.Conformance[peer.Name] = results
	}
	return r.save()
}

// target is the address that a request goes to: bare peers answer what must be refused at another one.
func target(process *peers.Process, request load.Request) string {
	if request.Refused && process.Peer.IsBare() {
		return process.AnswerAddress
	}
	return process.Address
}

// sample measures one peer, and again if others took too much of the machine.
func (r *run) sample(ctx context.Context, process *peers.Process, request load.Request) (load.Sample, error) {
	var best load.Sample
	for attempt := 0; ; attempt++ {
		collections := process.Collections()
		sample, err := load.Measure(ctx, target(process, request), process.ID, request, r.load(r.options.Duration))
		if err != nil {
			return best, fmt.Errorf("%s: %w\n%s", process.Peer.Name, err, process.Output())
		}
		sample.Collections = process.Collections() - collections
		if attempt == 0 || sample.Foreign < best.Foreign {
			best = sample
		}
		if best.Foreign <= r.options.Foreign || attempt >= r.options.Repeats {
			return best, nil
		}
	}
}

func (r *run) load(duration time.Duration) load.Options {
	return load.Options{Duration: duration, Connections: r.options.Connections, Folder: r.folder}
}

// warm loads a fresh process with all requests.
func (r *run) warm(ctx context.Context, process *peers.Process, requests []load.Request) error {
	if r.options.WarmUp <= 0 {
		return nil
	}
	for _, request := range requests {
		if _, err := load.Run(ctx, target(process, request), request, r.load(r.options.WarmUp)); err != nil {
			return fmt.Errorf("%s: %w\n%s", process.Peer.Name, err, process.Output())
		}
	}
	return nil
}
