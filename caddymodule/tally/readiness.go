package tally

import (
	"slices"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// State says whether a rule can be enforced.
type State string

// The states.
const (
	// Enforced is a rule that all guards enforce.
	Enforced State = "enforced"
	// Ready never fired in report mode, though requests were judged by it.
	Ready State = "ready"
	// Calm fired in report mode, but not lately.
	Calm State = "calm"
	// Firing fired in report mode lately.
	Firing State = "firing"
	// Unseen was never asked, since there were no requests to its endpoints.
	Unseen State = "unseen"
	// Informational is a rule that no profile enforces: it shows what is legal, and worth knowing.
	Informational State = "informational"
)

// calmAfter is for how long a rule must not have fired to be calm.
const calmAfter = 24 * time.Hour

// Readiness says whether a rule that is looked at can be enforced.
type Readiness struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	State State  `json:"state"`
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

// Looks is what one guard does with findings.
type Looks struct {
	// ReportOnly says that the guard is in report mode.
	ReportOnly bool
	// Modes are the modes of the rules by their place in the catalogue, as they are otherwise.
	Modes []rule.Mode
}

// ReadinessOf says of all rules at which guards look whether they can be enforced, in the order of the catalogue.
func ReadinessOf(counts *Counts, guards []Looks, now time.Time) []Readiness {
	list := []Readiness{}
	fired := make(map[string]*RuleCounts)
	for i := range counts.Rules {
		fired[counts.Rules[i].Rule] = &counts.Rules[i]
	}
	judged := make(map[string]uint64)
	for _, e := range counts.Endpoints {
		judged[e.Endpoint] = e.Sum()
	}
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		enforced, reported, held := 0, 0, false
		for _, guard := range guards {
			switch mode := guard.Modes[i]; {
			case mode == rule.Off:
			case mode == rule.Enforce && !guard.ReportOnly:
				enforced++
			default:
				reported++
				held = held || mode == rule.Enforce
			}
		}
		if enforced+reported == 0 {
			continue
		}
		state := Readiness{Rule: r.ID, Title: r.Title, Mode: "mixed"}
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
func (s *Readiness) judge(r *rule.Rule, enforced, reported int, held bool, lastReported, now time.Time) {
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
		s.State, s.Ready = Enforced, true
	case !held && !enforcedSomewhere(r):
		s.State = Informational
	case s.Judged == 0:
		s.State = Unseen
	case lastReported.IsZero():
		s.State, s.Ready = Ready, true
	case now.Sub(lastReported) > calmAfter:
		s.State = Calm
	default:
		s.State = Firing
	}
}

// enforcedSomewhere reports whether some profile enforces the rule.
func enforcedSomewhere(r *rule.Rule) bool {
	return slices.ContainsFunc(rule.Profiles(), func(p rule.Profile) bool { return r.Modes.In(p) == rule.Enforce })
}

// Breaking is a client some of whose requests pass today, and would not if the guard were stricter.
type Breaking struct {
	ClientID   string `json:"client_id,omitempty"`
	ClientName string `json:"client_name,omitempty"`
	// IfEnforced are the rules that fire in report mode, unless no profile enforces them.
	IfEnforced []BreakingRule `json:"if_enforced"`
	// UnderOAuth21 are the rules that the profile oauth21 would enforce.
	UnderOAuth21 []BreakingRule `json:"under_oauth21"`
}

// BreakingRule is one rule that would refuse requests of a client.
type BreakingRule struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	// EnforceBy is the line of the configuration that would refuse them.
	EnforceBy string `json:"enforce_by"`
	// Requests is how many there were; zero means that they are not counted.
	Requests uint64 `json:"requests,omitempty"`
	// Last is when there was one last. Of rules of another profile it is told to the hour.
	Last time.Time `json:"last"`
}

// Breaking says what would break of the client, and whether anything would.
func (c *ClientCounts) Breaking() (b Breaking, any bool) {
	b = Breaking{ClientID: c.ClientID, ClientName: c.ClientName, IfEnforced: []BreakingRule{}, UnderOAuth21: []BreakingRule{}}
	for _, counted := range c.Rules {
		r, known := validators.Lookup(counted.Rule)
		if !known {
			continue
		}
		if counted.WouldRefuse > 0 {
			b.IfEnforced = append(b.IfEnforced, BreakingRule{r.ID, r.Title, "mode enforce", counted.WouldRefuse, counted.Last})
		}
		if reported := counted.Reported - counted.WouldRefuse; reported > 0 && enforcedSomewhere(r) {
			b.IfEnforced = append(b.IfEnforced, BreakingRule{r.ID, r.Title, "rule " + r.ID + " enforce", reported, counted.Last})
		}
	}
	for _, counted := range c.OAuth21 {
		if r, known := validators.Lookup(counted.Rule); known {
			b.UnderOAuth21 = append(b.UnderOAuth21, BreakingRule{r.ID, r.Title, "profile oauth21", 0, counted.Last})
		}
	}
	return b, len(b.IfEnforced)+len(b.UnderOAuth21) > 0
}
