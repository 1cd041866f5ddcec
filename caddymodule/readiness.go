package caddymodule

import (
	"slices"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// guardState is one guard of the configuration that runs.
type guardState struct {
	Profile string `json:"profile"`
	// Mode is enforce or report.
	Mode string `json:"mode"`
	// Endpoints are the paths by endpoint.
	Endpoints map[string][]string `json:"endpoints"`
	// Sources are the names of the sources of clients.
	Sources []string `json:"sources"`
	// Enforced and Reported are how many rules do what at these endpoints.
	Enforced int `json:"rules_enforced"`
	Reported int `json:"rules_reported"`
}

// guardStates are the guards of the app in the order of the configuration.
func (a *App) guardStates() []guardState {
	states := []guardState{}
	if a == nil {
		return states
	}
	for _, h := range a.guards {
		config, _ := h.engineConfig() // an error would have failed Provision
		state := guardState{Profile: config.Profile.String(), Mode: "enforce", Endpoints: make(map[string][]string), Sources: []string{}}
		if config.ReportOnly {
			state.Mode = "report"
		}
		for endpoint, paths := range config.Endpoints {
			state.Endpoints[endpoint.String()] = paths
		}
		for _, feed := range h.chain.Feeds() {
			for pooled, label := range a.labels {
				if pooled.feed == feed {
					state.Sources = append(state.Sources, label)
				}
			}
		}
		for _, mode := range h.engine.Modes() {
			switch {
			case mode == rule.Enforce && !config.ReportOnly:
				state.Enforced++
			case mode != rule.Off:
				state.Reported++
			}
		}
		states = append(states, state)
	}
	return states
}

// The states of a rule that say whether it can be enforced.
const (
	// stateEnforced is a rule that all guards enforce.
	stateEnforced = "enforced"
	// stateReady never fired in report mode, though requests were judged by it.
	stateReady = "ready"
	// stateCalm fired in report mode, but not lately.
	stateCalm = "calm"
	// stateFiring fired in report mode lately.
	stateFiring = "firing"
	// stateUnseen was never asked, since there were no requests to its endpoints.
	stateUnseen = "unseen"
	// stateInformational is a rule that no profile enforces: it shows what is legal, and worth knowing.
	stateInformational = "informational"
)

// calmAfter is for how long a rule must not have fired to be calm.
const calmAfter = 24 * time.Hour

// readiness says whether a rule that is looked at can be enforced.
type readiness struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	State string `json:"state"`
	// Ready says that enforcing the rule would have refused no request since the tally began.
	Ready bool `json:"ready"`
	// Mode is what the guards do with a finding now: enforce, report, or mixed.
	Mode string `json:"mode"`
	// EnforceBy is the line of the configuration that enforces it: "mode enforce", if only the mode of the guard is in the way, or "rule <id> enforce". Empty if it is enforced.
	EnforceBy string `json:"enforce_by,omitempty"`
	// Judged is how many requests there were to endpoints at which the rule looks.
	Judged uint64 `json:"judged"`
	// Refused and Reported are how often it fired in which mode, Clients in requests of how many registered clients, Unregistered in how many requests of nobody registered.
	Refused      uint64 `json:"refused"`
	Reported     uint64 `json:"reported"`
	Clients      int    `json:"clients"`
	Unregistered uint64 `json:"unregistered"`
	// Last is when it last fired; zero is never.
	Last time.Time `json:"last,omitzero"`
}

// readinessOf says of all rules at which the guards look whether they can be enforced, in the order of the catalogue.
func (a *App) readinessOf(counts *tally.Counts, now time.Time) []readiness {
	list := []readiness{}
	if a == nil {
		return list
	}
	fired := make(map[string]*tally.RuleCounts)
	for i := range counts.Rules {
		fired[counts.Rules[i].Rule] = &counts.Rules[i]
	}
	judged := make(map[string]uint64)
	for _, e := range counts.Endpoints {
		judged[e.Endpoint] = e.Sum()
	}
	modes := make([][]rule.Mode, len(a.guards))
	for i, h := range a.guards {
		modes[i] = h.engine.Modes()
	}
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		enforced, reported, held := 0, 0, false
		for g, h := range a.guards {
			switch mode := modes[g][i]; {
			case mode == rule.Off:
			case mode == rule.Enforce && h.Mode != "report":
				enforced++
			default:
				reported++
				held = held || mode == rule.Enforce
			}
		}
		if enforced+reported == 0 {
			continue
		}
		state := readiness{Rule: r.ID, Title: r.Title, Mode: "mixed"}
		for _, endpoint := range rule.AllEndpoints() {
			if r.Endpoints.Has(endpoint) {
				state.Judged += judged[endpoint.String()]
			}
		}
		if f := fired[r.ID]; f != nil {
			state.Refused, state.Reported, state.Clients, state.Unregistered, state.Last = f.Refused, f.Reported, f.Clients, f.Unregistered, f.Last()
			state.judge(r, enforced, reported, held, f.LastReported, now)
		} else {
			state.judge(r, enforced, reported, held, time.Time{}, now)
		}
		list = append(list, state)
	}
	return list
}

// judge fills in the state: enforced and reported are how many guards do what, held says that one would enforce the rule if it were not in report mode itself.
func (s *readiness) judge(r *rule.Rule, enforced, reported int, held bool, lastReported, now time.Time) {
	switch {
	case reported == 0:
		s.Mode = "enforce"
	case enforced == 0:
		s.Mode = "report"
	}
	if reported > 0 {
		s.EnforceBy = "rule " + r.ID + " enforce"
		if held {
			s.EnforceBy = "mode enforce"
		}
	}
	switch {
	case reported == 0:
		s.State, s.Ready = stateEnforced, true
	case !held && !enforcedSomewhere(r):
		s.State = stateInformational
	case s.Judged == 0:
		s.State = stateUnseen
	case lastReported.IsZero():
		s.State, s.Ready = stateReady, true
	case now.Sub(lastReported) > calmAfter:
		s.State = stateCalm
	default:
		s.State = stateFiring
	}
}

// enforcedSomewhere reports whether some profile enforces the rule.
func enforcedSomewhere(r *rule.Rule) bool {
	return slices.ContainsFunc(rule.Profiles(), func(p rule.Profile) bool { return r.Modes.In(p) == rule.Enforce })
}

// breaking is a client some of whose requests pass today, and would not if the guard were stricter.
type breaking struct {
	ClientID   string `json:"client_id,omitempty"`
	ClientName string `json:"client_name,omitempty"`
	// IfEnforced are the rules that fire in report mode, unless no profile enforces them.
	IfEnforced []breakingRule `json:"if_enforced"`
	// UnderOAuth21 are the rules that the profile oauth21 would enforce.
	UnderOAuth21 []breakingRule `json:"under_oauth21"`
}

// breakingRule is one rule that would refuse requests of a client.
type breakingRule struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	// EnforceBy is the line of the configuration that would refuse them.
	EnforceBy string `json:"enforce_by"`
	// Requests is how many there were; zero means that they are not counted.
	Requests uint64 `json:"requests,omitempty"`
	// Last is when there was one last. Of rules of another profile it is told to the hour.
	Last time.Time `json:"last"`
}

// breakingOf says what would break of a client, and whether anything would.
func breakingOf(c *tally.ClientCounts) (b breaking, any bool) {
	b = breaking{ClientID: c.ClientID, ClientName: c.ClientName, IfEnforced: []breakingRule{}, UnderOAuth21: []breakingRule{}}
	for _, counted := range c.Rules {
		r, known := validators.Lookup(counted.Rule)
		if !known {
			continue
		}
		if counted.WouldRefuse > 0 {
			b.IfEnforced = append(b.IfEnforced, breakingRule{r.ID, r.Title, "mode enforce", counted.WouldRefuse, counted.Last})
		}
		if reported := counted.Reported - counted.WouldRefuse; reported > 0 && enforcedSomewhere(r) {
			b.IfEnforced = append(b.IfEnforced, breakingRule{r.ID, r.Title, "rule " + r.ID + " enforce", reported, counted.Last})
		}
	}
	for _, counted := range c.OAuth21 {
		if r, known := validators.Lookup(counted.Rule); known {
			b.UnderOAuth21 = append(b.UnderOAuth21, breakingRule{r.ID, r.Title, "profile oauth21", 0, counted.Last})
		}
	}
	return b, len(b.IfEnforced)+len(b.UnderOAuth21) > 0
}
