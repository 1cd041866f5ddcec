package report

import (
	"fmt"
	"maps"
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
		for _, name := range slices.Sorted(maps.Keys(results.Conformance[p.Name])) {
			line.Total.Add(results.Conformance[p.Name][name])
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
	// Guard compares the guarded with the bare Caddy, Control two bare ones, Equal the guarded with the bare one with equal memory.
	Guard, Control, Equal statistics.Comparison
	// GuardCollections and BareCollections are how many requests there were for each run of the garbage collector.
	GuardCollections, BareCollections float64
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
		line := pair{
			Request: request, Baseline: "`reverse_proxy`", Budget: 1.02, Bound: 1.03,
			Guard:            compare(results.PairSamples, request.Name, peers.Guard),
			Control:          compare(results.PairSamples, request.Name, comparison.Control),
			Equal:            compare(results.EqualPairSamples, request.Name, peers.Guard),
			GuardCollections: perCollection(results.PairSamples, request.Name, peers.Guard),
			BareCollections:  perCollection(results.PairSamples, request.Name, peers.Caddy),
		}
		if request.Refused {
			line.Baseline, line.Budget, line.Bound = "`respond`", 1.03, 0
		}
		lines = append(lines, line)
	}
	return lines
}

// compare compares the processor time per request of one side with that of the bare Caddy.
func compare(samples []load.Sample, request, name string) statistics.Comparison {
	sides := make(map[string]map[int]float64)
	for _, sample := range samples {
		if sample.Request == request {
			if sides[sample.Peer] == nil {
				sides[sample.Peer] = make(map[int]float64)
			}
			sides[sample.Peer][sample.Round] = sample.Microseconds
		}
	}
	var numerator, denominator []float64
	for _, round := range slices.Sorted(maps.Keys(sides[name])) {
		if bare, found := sides[peers.Caddy][round]; found {
			numerator, denominator = append(numerator, sides[name][round]), append(denominator, bare)
		}
	}
	return statistics.Compare(numerator, denominator)
}

// perCollection is how many requests a peer answered for each run of its garbage collector: the median of the samples.
func perCollection(samples []load.Sample, request, name string) float64 {
	var rates []float64
	for _, sample := range samples {
		if sample.Request == request && sample.Peer == name && sample.Collections > 0 {
			rates = append(rates, float64(sample.Requests)/float64(sample.Collections))
		}
	}
	return statistics.Of(rates).Median
}

// foreign is how much of the machine others took during the samples.
func foreign(results *comparison.Results) statistics.Spread {
	var shares []float64
	for _, sample := range slices.Concat(results.Samples, results.PairSamples, results.EqualPairSamples) {
		shares = append(shares, 100*sample.Foreign)
	}
	return statistics.Of(shares)
}

// areas counts the rules of names by their first word.
func areas(names []string) string {
	return counted(names, func(id string) string {
		area, _, _ := strings.Cut(id, ".")
		return area
	})
}

// commonRules counts those names whose rule every peer was configured to check, by rule.
func commonRules(names []string) string {
	return counted(names, func(id string) string {
		if !conformance.IsCommon(id) {
			return ""
		}
		return id
	})
}

// counted counts names by a word of their rule; "" is left out.
func counted(names []string, word func(id string) string) string {
	counts := make(map[string]int)
	for _, name := range names {
		id, _, _ := strings.Cut(name, ": ")
		if key := word(id); key != "" {
			counts[key]++
		}
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("`%s` %d", key, counts[key]))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
