package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// peer is a line of the tables.
type peer struct {
	peers.Peer
	Version string
	// Cost is the processor time per request, Added what comes on top of the same program without checks, both by request.
	Cost, Added map[string]statistics.Spread
	// Wrong says that some answers to a request were wrong.
	Wrong map[string]bool
	// Total is what it made of all lists of requests.
	Total conformance.Result
}

// measuredPeers are the peers that were asked or measured, in the order of the document.
func measuredPeers(results *comparison.Results) []peer {
	by := make(map[string]map[string]map[int]load.Sample) // peer, request, round
	for _, sample := range results.Samples {
		if by[sample.Peer] == nil {
			by[sample.Peer] = make(map[string]map[int]load.Sample)
		}
		if by[sample.Peer][sample.Request] == nil {
			by[sample.Peer][sample.Request] = make(map[int]load.Sample)
		}
		by[sample.Peer][sample.Request][sample.Round] = sample
	}
	var lines []peer
	for _, p := range peers.All() {
		if by[p.Name] == nil && results.Conformance[p.Name] == nil {
			continue
		}
		line := peer{Peer: p, Version: results.Versions[p.Name], Cost: make(map[string]statistics.Spread), Added: make(map[string]statistics.Spread),
			Wrong: make(map[string]bool)}
		for request, rounds := range by[p.Name] {
			var costs, added []float64
			for round, sample := range rounds {
				costs = append(costs, sample.Microseconds)
				if bare, found := by[p.Bare][request][round]; found {
					added = append(added, sample.Microseconds-bare.Microseconds)
				}
				line.Wrong[request] = line.Wrong[request] || sample.Wrong+sample.Failed > 0
			}
			line.Cost[request], line.Added[request] = statistics.Of(costs), statistics.Of(added)
		}
		for _, result := range results.Conformance[p.Name] {
			line.Total.Add(result)
		}
		lines = append(lines, line)
	}
	return lines
}

// checking are the peers that check anything.
func checking(lines []peer) []peer {
	return slices.DeleteFunc(slices.Clone(lines), func(p peer) bool { return p.IsBare() })
}

// pair is what the pairs say about one request.
type pair struct {
	Request load.Request
	// Guard compares the guarded with the bare Caddy, Control two bare ones.
	Guard, Control statistics.Comparison
	// Baseline names the other side.
	Baseline string
	// Budget is the most that the ratio should be, Bound the most that the upper end of its interval should be; no bound is 0.
	Budget, Bound float64
}

// Met says whether the budget is kept.
func (p pair) Met() bool {
	return p.Guard.Ratio <= p.Budget && (p.Bound == 0 || p.Guard.High <= p.Bound)
}

// pairs compares the pairs, request by request.
func pairs(results *comparison.Results) []pair {
	if len(results.PairSamples) == 0 {
		return nil
	}
	var lines []pair
	for _, request := range load.Requests() {
		of := func(name string) []float64 {
			figures := make([]float64, results.Pairs)
			for _, sample := range results.PairSamples {
				if sample.Peer == name && sample.Request == request.Name {
					figures[sample.Round] = sample.Microseconds
				}
			}
			return figures
		}
		bare := of(peers.Caddy)
		line := pair{Request: request, Guard: statistics.Compare(of(peers.Guard), bare), Control: statistics.Compare(of(comparison.Control), bare),
			Baseline: "`reverse_proxy`", Budget: 1.02, Bound: 1.03}
		if request.Refused {
			line.Baseline, line.Budget, line.Bound = "`respond`", 1.03, 0
		}
		lines = append(lines, line)
	}
	return lines
}

// foreign is how much of the machine others took during the samples.
func foreign(results *comparison.Results) statistics.Spread {
	var shares []float64
	for _, sample := range slices.Concat(results.Samples, results.PairSamples) {
		shares = append(shares, 100*sample.Foreign)
	}
	return statistics.Of(shares)
}

// group is the rule of a request's name without its last word.
func group(name string) string {
	rule, _, _ := strings.Cut(name, ": ")
	if at := strings.LastIndex(rule, "."); at > 0 {
		return rule[:at]
	}
	return rule
}

// groups counts names by group.
func groups(names []string) string {
	counts := make(map[string]int)
	for _, name := range names {
		counts[group(name)]++
	}
	var parts []string
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range counts {
			if !yield(name) {
				return
			}
		}
	}) {
		parts = append(parts, fmt.Sprintf("`%s` %d", name, counts[name]))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
