// Package tally counts what the guards of a process decided, and keeps the latest findings. It holds nothing of a request but what the catalogue and the directory of clients
// say, and the address of a refused redirect URI. Whatever is sent, it takes a bounded amount of memory.
package tally

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Tally counts. It is safe for concurrent use. Counting a request on which no rule fired is one atomic addition.
type Tally struct {
	since     time.Time
	endpoints [rule.EndpointCount]endpointCounts
	rules     []ruleCounts // by index in the catalogue
	recent    recent
	samples   samples

	clients atomic.Pointer[table]
	// changes is taken by who adds clients, or removes them.
	changes sync.Mutex
	// unregistered is everybody who is not registered, or is not named by the request; others are registered clients beyond the bound.
	unregistered, others client
	// entries counts the rules of all clients, which are bounded together.
	entries atomic.Int64
}

// endpointCounts are the counts of one endpoint by decision, in a cache line of their own.
type endpointCounts struct {
	decisions [3]atomic.Uint64
	_         [40]byte
}

// ruleCounts are the counts of one rule.
type ruleCounts struct {
	// refused are findings of the rule in enforce mode, reported those in report mode; would are the latter if only mode report of the guard kept them from being enforced.
	refused, reported, would atomic.Uint64
	// unregistered are findings of no registered client.
	unregistered atomic.Uint64
	// lastRefused and lastReported are in nanoseconds since 1970; zero is never.
	lastRefused, lastReported atomic.Int64
}

// New returns a tally that begins now.
func New(now time.Time) *Tally {
	return &Tally{since: now, rules: make([]ruleCounts, len(validators.Catalogue()))}
}

// Since is when the tally began.
func (t *Tally) Since() time.Time { return t.since }

// Count counts one verdict, without its client.
func (t *Tally) Count(v *validators.Verdict) {
	t.endpoints[v.Endpoint].decisions[v.Decision].Add(1)
	for i := range v.Findings {
		f := &v.Findings[i]
		if counts := &t.rules[f.Index]; f.Mode == rule.Enforce {
			counts.refused.Add(1)
		} else {
			counts.reported.Add(1)
		}
	}
}

// Decided is how often a decision was made at an endpoint.
func (t *Tally) Decided(endpoint rule.Endpoint, decision validators.Decision) uint64 {
	return t.endpoints[endpoint].decisions[decision].Load()
}

// Fired is how often a rule of the catalogue fired in a mode.
func (t *Tally) Fired(index int, mode rule.Mode) uint64 {
	if mode == rule.Enforce {
		return t.rules[index].refused.Load()
	}
	return t.rules[index].reported.Load()
}

// Note remembers a verdict with findings, which was counted already: for the rules, for the client, and as the latest one. The redirect URI must be fit to be shown.
func (t *Tally) Note(v *validators.Verdict, now time.Time, redirectURI, requestID string) {
	for i := range v.Findings {
		f := &v.Findings[i]
		counts := &t.rules[f.Index]
		if v.Client == nil {
			counts.unregistered.Add(1)
		}
		if f.Mode == rule.Enforce {
			counts.lastRefused.Store(now.UnixNano())
			continue
		}
		counts.lastReported.Store(now.UnixNano())
		if f.Would == rule.Enforce {
			counts.would.Add(1)
		}
	}
	id, name := "", ""
	if v.Client == nil {
		t.unregistered.note(t, v, now)
	} else if record := t.client(v.Client.ID); record != nil {
		id, name = record.note(t, v, now)
	} else {
		t.others.note(t, v, now)
		id, name = strings.Clone(v.Client.ID), strings.Clone(v.Client.Name) // pieces of a directory
	}
	t.recent.add(v, now, id, name, redirectURI, requestID)
}
