package status

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// The bounds of what is shown.
const (
	maxClients  = 50
	maxFindings = 30
	maxName     = 80
	maxError    = 300
	maxPath     = 100
)

// functions are those of the template.
var functions = template.FuncMap{
	"stylesheet": func() template.CSS { return template.CSS(styleSource) },
	"script":     func() template.JS { return template.JS(scriptSource) },
	"count":      func(n uint64) string { return humanize.Comma(int64(n)) },
	"id":         func(s string) string { return redact.Text(s, redact.MaxID) },
	"name":       func(s string) string { return redact.Text(s, maxName) },
	"uri":        func(s string) string { return redact.Text(s, redact.MaxURI) },
	"path":       func(s string) string { return redact.Text(s, maxPath) },
	"problem":    func(s string) string { return redact.Text(s, maxError) },
	"machine":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"clock":      func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"date":       func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") },
	"plural":     func(n int, one string) string { return english.Plural(n, one, "") },
}

// view is what the template sees.
type view struct {
	*Data
	Total       tally.Decisions
	WouldRefuse uint64
	// Rate is how many requests were decided in a second, lately.
	Rate   string
	Charts []chart
	// Breaking are the clients that would break, TotalBreaking how many they are; Nobody is everybody who is not registered.
	Breaking      []breakingClient
	TotalBreaking int
	Nobody        breakingClient
	// Fired are the rules that fired; of the others there are the lists of those that are ready, and the numbers of the rest.
	Fired                            []firedRule
	ReadyRules, UnseenRules          []tally.Readiness
	EnforcedRules, InformationalRule int
}

// breakingClient is a client that would break.
type breakingClient struct {
	tally.Breaking
	Last time.Time
}

// firedRule is a rule that fired.
type firedRule struct {
	tally.RuleCounts
	Title     string
	State     tally.State
	EnforceBy string
}

func newView(data *Data) *view {
	v := &view{Data: data, Rate: "0"}
	for _, e := range data.Counts.Endpoints {
		v.Total.Pass += e.Pass
		v.Total.Report += e.Report
		v.Total.Reject += e.Reject
	}
	for _, c := range append(slices.Clone(data.Counts.Clients), data.Counts.Unregistered, data.Counts.OtherClients) {
		v.WouldRefuse += c.WouldRefuse
	}
	if pieces := data.Short.Pieces; len(pieces) > 0 {
		v.Rate = rate(pieces[max(0, len(pieces)-5):], data.Short.Width)
	}
	v.Charts = []chart{newChart("short", "Last three minutes", data.Short, 3*time.Minute), newChart("long", "Last two hours", data.Long, 2*time.Hour)}
	v.breaking()
	v.rules()
	return v
}

// breaking finds the clients that would break, those that were seen last first.
func (v *view) breaking() {
	for i := range v.Counts.Clients {
		if b, breaks := newBreaking(&v.Counts.Clients[i]); breaks {
			v.Breaking = append(v.Breaking, b)
		}
	}
	slices.SortStableFunc(v.Breaking, func(a, b breakingClient) int {
		return cmp.Or(b.Last.Compare(a.Last), strings.Compare(a.ClientID, b.ClientID))
	})
	v.TotalBreaking = len(v.Breaking)
	v.Breaking = v.Breaking[:min(maxClients, len(v.Breaking))]
	v.Nobody, _ = newBreaking(&v.Counts.Unregistered)
}

func newBreaking(c *tally.ClientCounts) (breakingClient, bool) {
	b, breaks := c.Breaking()
	client := breakingClient{Breaking: b}
	for _, r := range slices.Concat(b.IfEnforced, b.UnderOAuth21) {
		if r.Last.After(client.Last) {
			client.Last = r.Last
		}
	}
	return client, breaks
}

// rules sorts the rules by what is to be said about them.
func (v *view) rules() {
	counts := make(map[string]*tally.RuleCounts)
	for i := range v.Counts.Rules {
		counts[v.Counts.Rules[i].Rule] = &v.Counts.Rules[i]
	}
	for _, r := range v.Readiness {
		switch r.State {
		case tally.Ready:
			v.ReadyRules = append(v.ReadyRules, r)
		case tally.Unseen:
			v.UnseenRules = append(v.UnseenRules, r)
		case tally.Enforced:
			v.EnforcedRules++
		case tally.Informational:
			v.InformationalRule++
		}
		if fired := counts[r.Rule]; fired != nil {
			v.Fired = append(v.Fired, firedRule{*fired, r.Title, r.State, r.EnforceBy})
		}
	}
	slices.SortStableFunc(v.Fired, func(a, b firedRule) int { return cmp.Compare(b.Fired(), a.Fired()) })
}

// Ago is how long ago something was.
func (v *view) Ago(t time.Time) string {
	switch d := v.Now.Sub(t).Round(time.Second); {
	case d < 2*time.Second:
		return "just now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d days ago", d/(24*time.Hour))
	}
}

// Seconds is the time from one update to the next.
func (v *view) Seconds() string { return fmt.Sprintf("%g", v.Refresh.Seconds()) }

// latest is a finding, and how many requests were like it.
type latest struct {
	tally.Finding
	Requests int
}

// Latest are the findings that are shown: of those that are alike the last one.
func (v *view) Latest() []latest {
	type kind struct{ endpoint, decision, would, rule, client, uri string }
	places := make(map[kind]int)
	list := []latest{}
	for _, f := range v.Recent {
		k := kind{f.Endpoint, f.Decision, f.Would, f.Rule, f.ClientID, f.RedirectURI}
		if place, found := places[k]; found {
			list[place].Requests++
			continue
		}
		places[k] = len(list)
		list = append(list, latest{f, 1})
	}
	return list[:min(maxFindings, len(list))]
}

// Kinds are the endpoints of a guard in the order of their names.
func (g Guard) Kinds() []string { return slices.Sorted(maps.Keys(g.Endpoints)) }

// Bad reports whether somebody should look at a source.
func (v *view) Bad(s clients.State) bool { return s.State != clients.Fresh || s.LastError != "" }

// rate is the number of requests in a second.
func rate(pieces []tally.Decisions, width time.Duration) string {
	sum := uint64(0)
	for _, piece := range pieces {
		sum += piece.Sum()
	}
	perSecond := float64(sum) / (float64(len(pieces)) * width.Seconds())
	if perSecond >= 10 || perSecond == 0 {
		return humanize.CommafWithDigits(perSecond, 0)
	}
	return humanize.CommafWithDigits(perSecond, 1)
}
