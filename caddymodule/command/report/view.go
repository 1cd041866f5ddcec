// Package report shows what a replay of logs found: as text, as JSON and as a page.
package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// View is a summary as people and programs read it: in order, with the words of the catalogue, and with suggestions.
type View struct {
	// Guard says which guard judged, Logs which logs were read.
	Guard string   `json:"guard"`
	Logs  []string `json:"logs"`
	Lines int64    `json:"lines"`
	Bytes int64    `json:"bytes"`
	summary.Period
	// Total sums up all endpoints, NotJudged what the logs do not show, by the reason.
	Total       summary.Verdicts `json:"total"`
	NotJudged   []Count          `json:"not_judged"`
	Elsewhere   int64            `json:"requests_elsewhere"`
	Like        Count            `json:"paths_like_endpoints"`
	Skipped     []Count          `json:"skipped_lines"`
	Endpoints   []Endpoint       `json:"endpoints"`
	Rules       []Rule           `json:"rules"`
	Clients     []Client         `json:"clients"`
	Others      *Client          `json:"other_clients,omitempty"`
	Suggestions []Suggestion     `json:"suggestions"`
	Timeline    []Piece          `json:"timeline"`
	Width       int64            `json:"timeline_width_seconds"`
}

// Count is a number of requests or lines, and of what.
type Count struct {
	Of    string `json:"of"`
	Count int64  `json:"count"`
}

// Endpoint is a row about one kind of endpoint.
type Endpoint struct {
	Endpoint string `json:"endpoint"`
	Requests int64  `json:"requests"`
	summary.Verdicts
	NotJudged int64 `json:"not_judged"`
	summary.Period
}

// Rule is a row about a rule that fired.
type Rule struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Mode    string `json:"mode"`
	Fired   int64  `json:"fired"`
	Decided int64  `json:"refused"`
	Broken  int64  `json:"refused_but_served"`
	// Clients are those with most requests; ClientCount says how many there are, at least if More is true.
	Clients     []Count `json:"clients"`
	ClientCount int     `json:"client_count"`
	More        bool    `json:"more_clients,omitempty"`
	Example     string  `json:"example"`
	summary.Period
}

// Client is a row about a client.
type Client struct {
	ID         string `json:"client_id"`
	Name       string `json:"client_name,omitempty"`
	Registered bool   `json:"registered"`
	summary.Verdicts
	Rules []Count `json:"rules"`
	summary.Period
}

// Piece is what happened in a piece of time.
type Piece struct {
	Start summary.Moment `json:"start"`
	summary.Verdicts
}

// How many clients are named with a rule, and how many rules with a client.
const (
	shownClients = 5
	shownRules   = 3
)

// New makes the view of a summary.
func New(s *summary.Summary, guard string, logs []string) *View {
	v := &View{
		Guard: guard, Logs: logs, Lines: s.Lines, Bytes: s.Bytes, Period: s.Period, Elsewhere: s.Elsewhere, Like: Count{s.ShapedExample, s.Shaped},
		Skipped: counts(s.Skipped), Width: s.Timeline.Width, Endpoints: []Endpoint{}, Rules: []Rule{}, Clients: []Client{}, Timeline: []Piece{},
	}
	hidden := make(map[string]int64)
	for _, endpoint := range rule.AllEndpoints() {
		e := s.Endpoints[endpoint.String()]
		if e == nil {
			continue
		}
		row := Endpoint{Endpoint: endpoint.String(), Requests: e.Requests, Verdicts: e.Verdicts, Period: e.Period}
		for reason, count := range e.NotJudged {
			hidden[reason] += count
			row.NotJudged += count
		}
		v.Total.Judged += e.Judged
		v.Total.Refused += e.Refused
		v.Total.Reported += e.Reported
		v.Total.Broken += e.Broken
		v.Endpoints = append(v.Endpoints, row)
	}
	v.NotJudged = counts(hidden)
	v.rules(s)
	v.clients(s)
	for _, start := range slices.Sorted(maps.Keys(s.Timeline.Pieces)) {
		v.Timeline = append(v.Timeline, Piece{summary.Moment(start), *s.Timeline.Pieces[start]})
	}
	v.Suggestions = suggest(s)
	return v
}

// rules lists the rules that fired, those that would break most first.
func (v *View) rules(s *summary.Summary) {
	for id, r := range s.Rules {
		row := Rule{
			ID: id, Mode: r.Mode, Fired: r.Fired, Decided: r.Decided, Broken: r.Broken, Example: r.Example, Period: r.Period, Clients: []Count{},
			ClientCount: len(r.Clients), More: r.OtherClients > 0,
		}
		if known, found := validators.Lookup(id); found {
			row.Title = known.Title
		}
		row.Clients = counts(r.Clients)
		row.Clients = row.Clients[:min(len(row.Clients), shownClients)]
		v.Rules = append(v.Rules, row)
	}
	slices.SortFunc(v.Rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(b.Broken, a.Broken), cmp.Compare(b.Decided, a.Decided), cmp.Compare(b.Fired, a.Fired), cmp.Compare(a.ID, b.ID))
	})
}

// clients lists the clients, those that would break most first.
func (v *View) clients(s *summary.Summary) {
	for id, c := range s.Clients {
		v.Clients = append(v.Clients, clientOf(id, c))
	}
	slices.SortFunc(v.Clients, func(a, b Client) int {
		return cmp.Or(cmp.Compare(b.Broken, a.Broken), cmp.Compare(b.Refused, a.Refused), cmp.Compare(b.Reported, a.Reported), cmp.Compare(b.Judged, a.Judged), cmp.Compare(a.ID, b.ID))
	})
	if s.OtherClients.Judged > 0 {
		others := clientOf("", &s.OtherClients)
		v.Others = &others
	}
}

func clientOf(id string, c *summary.Client) Client {
	return Client{ID: id, Name: c.Name, Registered: c.Registered, Verdicts: c.Verdicts, Rules: counts(c.Rules), Period: c.Period}
}

// Others is how many more clients there are than those that are named; more than that if the rest was not counted.
func (r Rule) Others() string {
	if r.More {
		return fmt.Sprintf("more than %d", r.ClientCount-len(r.Clients))
	}
	if count := r.ClientCount - len(r.Clients); count > 0 {
		return fmt.Sprint(count)
	}
	return ""
}

// Some are the rules that the client breaks most.
func (c Client) Some() []Count { return c.Rules[:min(len(c.Rules), shownRules)] }

// More is how many other rules it breaks.
func (c Client) More() int { return max(0, len(c.Rules)-shownRules) }

// counts lists counts, the highest first.
func counts(of map[string]int64) []Count {
	list := make([]Count, 0, len(of))
	for _, key := range summary.Most(of) {
		list = append(list, Count{key, of[key]})
	}
	return list
}
