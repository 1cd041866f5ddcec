package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// Suggestion is a line for the configuration, with the reason for it.
type Suggestion struct {
	// Line is a line of the block oauth_guard; empty if there is nothing to paste, and the text says what to do.
	Line string `json:"line,omitempty"`
	Text string `json:"text"`
	// Doubtful says that attacks look like this. Anybody can write such requests into a log, so the line is shown as a comment.
	Doubtful bool `json:"doubtful,omitempty"`
	// Client and RedirectURI are what to register; empty for a line.
	Client      string `json:"client_id,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	// Requests is how many requests that the server answered well it is about.
	Requests int64 `json:"requests"`
}

// The bounds of suggestions.
const (
	// fewClients is how many clients are exempted one by one; a rule that more clients break is only reported.
	fewClients     = 5
	maxSuggestions = 50
)

// suggest says what to write so that nothing breaks that works today: only rules that would refuse what the server answered well need anything. It is for the time until the clients are
// repaired.
func suggest(s *summary.Summary) []Suggestion {
	list := []Suggestion{}
	exempt := make(map[string]map[string]int64)
	var reported []Suggestion
	for id, r := range s.Rules {
		if r.Broken == 0 {
			continue
		}
		switch {
		case id == "authorize.redirect_uri.unregistered":
			continue // what to register is listed below
		case strings.HasSuffix(id, ".client_id.unknown"):
			reported = append(reported, Suggestion{
				Line: "unknown_client report", Requests: r.Broken,
				Text: "clients that are not registered work today: register them (caddy oauth-guard learn proposes a file), or report them until you know them"})
			continue
		}
		broken := brokenClients(s, id)
		known, found := validators.Lookup(id)
		if !found || !known.Exemptible() || len(broken) == 0 || len(broken) > fewClients || sum(broken) < r.Broken {
			reported = append(reported, Suggestion{
				Line: "rule " + id + " report", Text: clientsText(len(broken), sum(broken) < r.Broken) + ": report the rule until that is repaired", Requests: r.Broken,
			}.doubt(id))
			continue
		}
		for client, count := range broken {
			if exempt[client] == nil {
				exempt[client] = make(map[string]int64)
			}
			exempt[client][id] += count
		}
	}
	for client, rules := range exempt {
		ids := summary.Most(rules)
		suggestion := Suggestion{Text: "few clients do this: exempt the client until it is repaired", Requests: sum(rules)}.doubt(ids...)
		if word, plain := redact.Token(client); plain {
			suggestion.Line = "exempt " + word + " " + strings.Join(ids, " ")
		} else {
			suggestion.Text = fmt.Sprintf("the client %s breaks %s; its client_id cannot be written into a Caddyfile safely", client, strings.Join(ids, ", "))
		}
		list = append(list, suggestion)
	}
	list = append(list, reported...)
	for _, key := range summary.Most(s.Unregistered) {
		client, uri, _ := strings.Cut(key, "\n")
		list = append(list, Suggestion{
			Client: client, RedirectURI: uri, Requests: s.Unregistered[key],
			Text: fmt.Sprintf("the server accepts a redirect URI that is not registered here: register it for the client %s, if you know it: %s", client, uri),
		})
	}
	slices.SortFunc(list, func(a, b Suggestion) int {
		switch {
		case a.Requests != b.Requests && a.Requests > b.Requests:
			return -1
		case a.Requests != b.Requests:
			return 1
		}
		return strings.Compare(a.Line+a.Text, b.Line+b.Text)
	})
	return list[:min(len(list), maxSuggestions)]
}

// brokenClients counts by client what the rule would refuse although the server answered it well.
func brokenClients(s *summary.Summary, id string) map[string]int64 {
	counts := make(map[string]int64)
	for client, c := range s.Clients {
		if c.BrokenRules[id] > 0 && client != "" {
			counts[client] = c.BrokenRules[id]
		}
	}
	return counts
}

func sum(counts map[string]int64) (total int64) {
	for _, count := range counts {
		total += count
	}
	return total
}

// clientsText says who breaks a rule; more are those whose client is not known.
func clientsText(count int, more bool) string {
	if count == 0 {
		return "requests without a client_id break it"
	}
	text := english.Plural(count, "client", "")
	switch {
	case more:
		text += " and requests without a client_id break it"
	case count == 1:
		text += " breaks it"
	default:
		text += " break it"
	}
	return text
}

// doubt marks a suggestion about rules that attacks break.
func (s Suggestion) doubt(ids ...string) Suggestion {
	for _, id := range ids {
		if strings.HasPrefix(id, "path.") || strings.HasPrefix(id, "wire.") || strings.HasSuffix(id, ".repeated") || strings.Contains(id, ".redirect_uri.") && !strings.Contains(id, ".missing") {
			s.Doubtful = true
			s.Text += "; but attacks look like this, so look at the requests first"
			break
		}
	}
	return s
}
