package tally

import (
	"cmp"
	"slices"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Counts is everything that was counted since the tally began.
type Counts struct {
	// Since is when the tally began, which is when the process started.
	Since time.Time `json:"since"`
	// Endpoints are the endpoints to which there were requests.
	Endpoints []EndpointCounts `json:"endpoints"`
	// Rules are those that fired, in the order of the catalogue.
	Rules []RuleCounts `json:"rules"`
	// Clients are the registered clients in whose requests a rule fired, those with the most requests first.
	Clients []ClientCounts `json:"clients"`
	// TotalClients is how many they are.
	TotalClients int `json:"total_clients"`
	// Unregistered is everybody else: who is not registered, and requests that name nobody.
	Unregistered ClientCounts `json:"unregistered"`
	// OtherClients are registered clients beyond the bound.
	OtherClients ClientCounts `json:"other_clients"`
}

// EndpointCounts are the requests to one kind of endpoint.
type EndpointCounts struct {
	Endpoint string `json:"endpoint"`
	Decisions
}

// RuleCounts is how often a rule fired.
type RuleCounts struct {
	Rule string `json:"rule"`
	// Refused counts it in enforce mode, Reported in report mode. WouldRefuse is how many of the latter are not enforced only because the guard is in report mode.
	Refused     uint64 `json:"refused"`
	Reported    uint64 `json:"reported"`
	WouldRefuse uint64 `json:"would_refuse"`
	// Clients is in the requests of how many registered clients, and Unregistered in how many requests of nobody registered.
	Clients      int    `json:"clients"`
	Unregistered uint64 `json:"unregistered"`
	// LastRefused and LastReported are when it last did; zero is never.
	LastRefused  time.Time `json:"last_refused,omitzero"`
	LastReported time.Time `json:"last_reported,omitzero"`
}

// Fired is how often the rule fired in any mode.
func (r *RuleCounts) Fired() uint64 { return r.Refused + r.Reported }

// Last is when the rule last fired in any mode; zero is never.
func (r *RuleCounts) Last() time.Time {
	if r.LastRefused.After(r.LastReported) {
		return r.LastRefused
	}
	return r.LastReported
}

// ClientCounts are the requests of a client in which a rule fired.
type ClientCounts struct {
	ClientID   string `json:"client_id,omitempty"`
	ClientName string `json:"client_name,omitempty"`
	// Refused and Reported count requests. WouldRefuse is how many of the latter pass only because the guard is in report mode.
	Refused     uint64 `json:"refused"`
	Reported    uint64 `json:"reported"`
	WouldRefuse uint64 `json:"would_refuse"`
	// First and Last are when such requests were seen; zero is never.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Rules are those that fired, in the order of the catalogue.
	Rules []ClientRule `json:"rules"`
	// OtherFindings counts findings of rules that are not listed, because there would be too many.
	OtherFindings uint64 `json:"other_findings,omitempty"`
	// OAuth21 are the rules of the profile oauth21 that would refuse requests which pass today.
	OAuth21 []ClientRule `json:"oauth21"`
}

// Requests is how many there were.
func (c *ClientCounts) Requests() uint64 { return c.Refused + c.Reported }

// ClientRule is one rule and the requests of one client.
type ClientRule struct {
	Rule string `json:"rule"`
	// Refused, Reported and WouldRefuse are as of [RuleCounts]. They are zero of rules of another profile, which are not counted.
	Refused     uint64    `json:"refused,omitempty"`
	Reported    uint64    `json:"reported,omitempty"`
	WouldRefuse uint64    `json:"would_refuse,omitempty"`
	Last        time.Time `json:"last"`
}

// Counts are the counts of this moment. Each is exact; while requests are counted, one may be ahead of another.
func (t *Tally) Counts() Counts {
	counts := Counts{Since: t.since.UTC(), Endpoints: []EndpointCounts{}, Rules: []RuleCounts{}, Clients: t.clientCounts()}
	counts.TotalClients = len(counts.Clients)
	counts.Unregistered, counts.OtherClients = t.unregistered.counts(), t.others.counts()
	for endpoint := range t.endpoints {
		if d := t.decisions(rule.Endpoint(endpoint)); d.Sum() > 0 {
			counts.Endpoints = append(counts.Endpoints, EndpointCounts{rule.Endpoint(endpoint).String(), d})
		}
	}
	clients := make(map[string]int)
	for i := range counts.Clients {
		for _, r := range counts.Clients[i].Rules {
			clients[r.Rule]++
		}
	}
	for i := range t.rules {
		r := &t.rules[i]
		rule := RuleCounts{
			Rule: validators.Catalogue()[i].ID, Refused: r.refused.Load(), Reported: r.reported.Load(), WouldRefuse: r.would.Load(), Unregistered: r.unregistered.Load(),
			LastRefused: timeOf(r.lastRefused.Load()), LastReported: timeOf(r.lastReported.Load()),
		}
		if rule.Fired() > 0 {
			rule.Clients = clients[rule.Rule]
			counts.Rules = append(counts.Rules, rule)
		}
	}
	return counts
}

// clientCounts are the clients about which there is something to say.
func (t *Tally) clientCounts() []ClientCounts {
	list := []ClientCounts{}
	b := t.clients.Load()
	if b == nil {
		return list
	}
	for i := range b.slots {
		if c := b.slots[i].Load(); c != nil {
			if counts := c.counts(); counts.Requests() > 0 || len(counts.OAuth21) > 0 {
				list = append(list, counts)
			}
		}
	}
	slices.SortFunc(list, func(a, b ClientCounts) int {
		return cmp.Or(cmp.Compare(b.Requests(), a.Requests()), cmp.Compare(a.ClientID, b.ClientID))
	})
	return list
}

func (c *client) counts() ClientCounts {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return ClientCounts{
		ClientID: c.id, ClientName: c.name, Refused: c.refused, Reported: c.reported, WouldRefuse: c.would, First: c.first.UTC(), Last: c.last.UTC(),
		Rules: named(c.rules), OtherFindings: c.otherFindings, OAuth21: named(c.stricter),
	}
}

func named(rules []clientRule) []ClientRule {
	list := make([]ClientRule, len(rules))
	for i, r := range rules {
		list[i] = ClientRule{validators.Catalogue()[r.index].ID, r.refused, r.reported, r.would, r.last.UTC()}
	}
	return list
}

// timeOf is a time of so many nanoseconds since 1970; zero is none.
func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}
