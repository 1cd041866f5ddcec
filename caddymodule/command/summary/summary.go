// Package summary counts what a guard would do with the requests of access logs. It takes the same memory however many requests there are, and the same counts
// come out in whatever pieces the logs were read, as long as the pieces are merged in their order.
package summary

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
)

// Summary is what is known about all requests so far. Its texts are fit to be shown.
type Summary struct {
	// Lines are those that were read, and Bytes how many bytes they have, unpacked.
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
	// Skipped counts lines without a request that can be judged, by the reason.
	Skipped map[string]int64 `json:"skipped"`
	// Elsewhere counts requests to paths that are no endpoints.
	Elsewhere int64 `json:"elsewhere"`
	// Shaped counts those of them whose path ends like a usual endpoint, such as /oauth2/token, with an example: perhaps an endpoint is missing in the configuration.
	Shaped        int64  `json:"like_endpoints"`
	ShapedExample string `json:"like_endpoints_example,omitempty"`
	// Endpoints, Rules and Clients count requests to endpoints, by their kind, by rules that fire, and by client_id. Requests without a client_id stand under the empty one.
	Endpoints map[string]*Endpoint `json:"endpoints"`
	Rules     map[string]*Rule     `json:"rules"`
	Clients   map[string]*Client   `json:"clients"`
	// OtherClients are those that were left out, because there are too many.
	OtherClients Client `json:"other_clients"`
	// Timeline counts the judged requests over time.
	Timeline Timeline `json:"timeline"`
	// Unregistered counts redirect URIs that are not registered, and that the server accepted all the same: by the client_id, a line end, and the URI.
	Unregistered map[string]int64 `json:"unregistered_redirect_uris"`
	// OtherUnregistered counts those that were left out.
	OtherUnregistered int64 `json:"other_unregistered_redirect_uris"`
	Period
}

// Period is when something was first and last seen. Zero means that the logs do not say it.
type Period struct {
	First Moment `json:"first_seen"`
	Last  Moment `json:"last_seen"`
}

// Moment is a time in seconds since 1970; zero is no time. In JSON it is a text as of RFC 3339, or null.
type Moment int64

// At is the moment of a time. What no log of this world says, and JSON cannot say, is none.
func At(t time.Time) Moment {
	if t.Unix() <= 0 || t.UTC().Year() > 9999 {
		return 0
	}
	return Moment(t.Unix())
}

// Time is the moment as a time in UTC; zero if there is none.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.Unix(int64(m), 0).UTC()
}

// String writes the moment to the second; empty if there is none.
func (m Moment) String() string {
	if m == 0 {
		return ""
	}
	return m.Time().Format("2006-01-02 15:04:05")
}

// MarshalJSON implements [json.Marshaler].
func (m Moment) MarshalJSON() ([]byte, error) {
	if m == 0 {
		return []byte("null"), nil
	}
	return m.Time().MarshalJSON()
}

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Moment) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*m = 0
		return nil
	}
	var t time.Time
	if err := t.UnmarshalJSON(text); err != nil {
		return err
	}
	*m = At(t)
	return nil
}

// See extends the period.
func (p *Period) See(m Moment) {
	if m == 0 {
		return
	}
	if p.First == 0 || m < p.First {
		p.First = m
	}
	p.Last = max(p.Last, m)
}

func (p *Period) merge(other Period) {
	p.See(other.First)
	p.See(other.Last)
}

// Verdicts count requests by what the guard would do with them in enforce mode.
type Verdicts struct {
	Judged   int64 `json:"judged"`
	Refused  int64 `json:"refused"`
	Reported int64 `json:"reported"`
	// Broken are those that would be refused although the server answered them with a status below 400: what would stop working.
	Broken int64 `json:"refused_but_served"`
}

func (v *Verdicts) merge(other Verdicts) {
	v.Judged += other.Judged
	v.Refused += other.Refused
	v.Reported += other.Reported
	v.Broken += other.Broken
}

// Endpoint counts the requests to one kind of endpoint.
type Endpoint struct {
	Requests int64 `json:"requests"`
	Verdicts
	// NotJudged counts what the logs do not show enough of, by the reason. Of such requests the path and the method are judged, and counted if a rule fires.
	NotJudged map[string]int64 `json:"not_judged"`
	Period
}

// Rule counts the requests for which one rule fires.
type Rule struct {
	// Mode is the mode of the rule if the guard enforces.
	Mode string `json:"mode"`
	// Fired counts all, Decided those whose refusal it would be, Broken those of the latter that the server answered well.
	Fired   int64 `json:"fired"`
	Decided int64 `json:"decided"`
	Broken  int64 `json:"refused_but_served"`
	// Clients counts by client_id.
	Clients      map[string]int64 `json:"clients"`
	OtherClients int64            `json:"other_clients"`
	// Example is the first request, without secrets.
	Example string `json:"example"`
	Period
}

// Client counts the requests of one client.
type Client struct {
	// Registered says that the client is registered, and Name what it is called.
	Registered bool   `json:"registered"`
	Name       string `json:"client_name,omitempty"`
	Verdicts
	// Rules counts the findings by rule, and BrokenRules the refusals of requests that the server answered well.
	Rules       map[string]int64 `json:"rules"`
	BrokenRules map[string]int64 `json:"refused_but_served_by_rule"`
	Period
}

// The bounds. Rules and endpoints are few.
const (
	maxClients      = 5000
	maxRuleClients  = 500
	maxUnregistered = 2000
)

// New is a summary of nothing.
func New() *Summary {
	return &Summary{
		Skipped: make(map[string]int64), Endpoints: make(map[string]*Endpoint), Rules: make(map[string]*Rule), Clients: make(map[string]*Client),
		OtherClients: newClient(), Unregistered: make(map[string]int64),
	}
}

func newClient() Client {
	return Client{Rules: make(map[string]int64), BrokenRules: make(map[string]int64)}
}

// Sound reports whether a summary that was read from a file can be one: all that is counted in is there, and texts are fit to be shown.
func (s *Summary) Sound() bool {
	sound := s.Skipped != nil && s.Endpoints != nil && s.Rules != nil && s.Clients != nil && s.Unregistered != nil && s.OtherClients.sound("") && s.Timeline.sound() &&
		shown(s.ShapedExample)
	for name, e := range s.Endpoints {
		sound = sound && shown(name) && e != nil && e.NotJudged != nil && shownAll(e.NotJudged)
	}
	for id, r := range s.Rules {
		sound = sound && shown(id) && r != nil && shown(r.Mode) && shown(r.Example) && r.Clients != nil && shownAll(r.Clients)
	}
	for id, c := range s.Clients {
		sound = sound && c != nil && c.sound(id)
	}
	for key := range s.Unregistered {
		client, uri, _ := strings.Cut(key, "\n")
		sound = sound && shown(client) && shown(uri)
	}
	return sound && shownAll(s.Skipped)
}

func (c *Client) sound(id string) bool {
	return shown(id) && shown(c.Name) && c.Rules != nil && c.BrokenRules != nil && shownAll(c.Rules) && shownAll(c.BrokenRules)
}

// shown reports whether a text is fit to be shown.
func shown(text string) bool { return redact.Text(text, len(text)) == text }

func shownAll(counts map[string]int64) bool {
	for text := range counts {
		if !shown(text) {
			return false
		}
	}
	return true
}

// endpoint is the count of a kind of endpoint.
func (s *Summary) endpoint(name string) *Endpoint {
	e := s.Endpoints[name]
	if e == nil {
		e = &Endpoint{NotJudged: make(map[string]int64)}
		s.Endpoints[name] = e
	}
	return e
}

func (s *Summary) rule(id string) *Rule {
	r := s.Rules[id]
	if r == nil {
		r = &Rule{Clients: make(map[string]int64)}
		s.Rules[id] = r
	}
	return r
}

func (s *Summary) client(id string) *Client {
	c := s.Clients[id]
	if c == nil {
		fresh := newClient()
		c = &fresh
		s.Clients[strings.Clone(id)] = c
	}
	return c
}

// Merge adds what another summary counted of the logs behind those of this one.
func (s *Summary) Merge(other *Summary) {
	s.Lines += other.Lines
	s.Bytes += other.Bytes
	s.Elsewhere += other.Elsewhere
	s.Shaped += other.Shaped
	if s.ShapedExample == "" {
		s.ShapedExample = other.ShapedExample
	}
	s.merge(other.Period)
	add(s.Skipped, other.Skipped)
	for name, from := range other.Endpoints {
		to := s.endpoint(name)
		to.Requests += from.Requests
		to.Verdicts.merge(from.Verdicts)
		add(to.NotJudged, from.NotJudged)
		to.Period.merge(from.Period)
	}
	for id, from := range other.Rules {
		s.rule(id).merge(from)
	}
	for id, from := range other.Clients {
		s.client(id).merge(from)
	}
	s.OtherClients.merge(&other.OtherClients)
	add(s.Unregistered, other.Unregistered)
	s.OtherUnregistered += other.OtherUnregistered
	s.Timeline.merge(&other.Timeline)
	s.bound()
}

// Misplaced counts a request to a path, fit to be shown, that looks like an endpoint and is none.
func (s *Summary) Misplaced(path string) {
	s.Shaped++
	if s.ShapedExample == "" {
		s.ShapedExample = path
	}
}

func (r *Rule) merge(from *Rule) {
	if r.Example == "" {
		r.Example = from.Example
	}
	r.Mode = from.Mode
	r.Fired += from.Fired
	r.Decided += from.Decided
	r.Broken += from.Broken
	add(r.Clients, from.Clients)
	r.OtherClients += from.OtherClients
	r.OtherClients += trim(r.Clients, maxRuleClients)
	r.Period.merge(from.Period)
}

func (c *Client) merge(from *Client) {
	c.Registered = c.Registered || from.Registered
	if c.Name == "" {
		c.Name = from.Name
	}
	c.Verdicts.merge(from.Verdicts)
	add(c.Rules, from.Rules)
	add(c.BrokenRules, from.BrokenRules)
	c.Period.merge(from.Period)
}

// bound leaves out what is counted least, until no more is counted than the bounds allow. Registered clients, of which nobody can make more, go last.
func (s *Summary) bound() {
	s.OtherUnregistered += trim(s.Unregistered, maxUnregistered)
	if len(s.Clients) <= maxClients {
		return
	}
	ids := slices.SortedFunc(maps.Keys(s.Clients), func(a, b string) int {
		one, two := s.Clients[a], s.Clients[b]
		switch {
		case one.Registered != two.Registered && one.Registered:
			return -1
		case one.Registered != two.Registered:
			return 1
		case one.Judged != two.Judged:
			return int(max(-1, min(1, two.Judged-one.Judged)))
		}
		return strings.Compare(a, b)
	})
	for _, id := range ids[maxClients/2:] {
		s.OtherClients.merge(s.Clients[id])
		delete(s.Clients, id)
	}
	s.OtherClients.Registered, s.OtherClients.Name = false, ""
}

// add adds counts to counts.
func add(to, from map[string]int64) {
	for key, count := range from {
		to[key] += count
	}
}

// trim leaves out the least counts of a map that is too large, and returns their sum.
func trim(counts map[string]int64, max int) (left int64) {
	if len(counts) <= max {
		return 0
	}
	for _, key := range Most(counts)[max/2:] {
		left += counts[key]
		delete(counts, key)
	}
	return left
}

// Most lists the keys of counts, the highest first, equal ones by name.
func Most(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			if counts[a] > counts[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}
