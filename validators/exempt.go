package validators

import (
	"fmt"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// CheckExemptions reports patterns that match no rule, and rules that no client can be exempted from.
func CheckExemptions(patterns []string) error {
	for _, pattern := range patterns {
		ids := Matching(pattern)
		if len(ids) == 0 {
			return fmt.Errorf("no such rule %s; did you mean %s?", pattern, Nearest(pattern))
		}
		exemptible := false
		for _, id := range ids {
			r, _ := Lookup(id)
			exemptible = exemptible || r.Exemptible()
		}
		if !exemptible {
			return fmt.Errorf("rule %s applies to every client: without it the client itself could not be told; change its mode with a rule line instead", pattern)
		}
	}
	return nil
}

// exempt reports whether the client that the request names is exempted from the rule.
func (e *Engine) exempt(c *rule.Case, r *rule.Rule) bool {
	// A repeated client_id names nobody.
	if !r.Exemptible() || c.Repeats(scan.ClientID) {
		return false
	}
	id := identified(c)
	if id == "" {
		return false
	}
	patterns := e.config.Exempt[id]
	for _, pattern := range patterns {
		if rule.MatchID(pattern, r.ID) {
			return true
		}
	}
	if client := clientOf(c); client != nil {
		for _, pattern := range client.Exempt {
			if rule.MatchID(pattern, r.ID) {
				return true
			}
		}
	}
	return false
}

// identified is the client_id that the request names without doubt, registered or not; empty if there is none.
func identified(c *rule.Case) string {
	id, single := c.Single(scan.ClientID)
	switch {
	case rule.Browsers.Has(c.Endpoint):
		if single {
			return id
		}
	case rule.Backchannels.Has(c.Endpoint):
		readings := c.Authentication().Readings()
		if len(readings) == 0 {
			if single {
				return id
			}
			if client := clientOf(c); client != nil {
				return client.ID
			}
			return ""
		}
		if client := clientOf(c); client != nil && (!single || id == client.ID) {
			return client.ID
		}
		if !single || readings[0].ID == id {
			return readings[0].ID
		}
	}
	return ""
}

// clientOf is the registered client that the request names without doubt, or nil.
func clientOf(c *rule.Case) *rule.Client {
	switch {
	case rule.Browsers.Has(c.Endpoint):
		if client, standing := c.Client(); standing == rule.Known {
			return client
		}
	case rule.Backchannels.Has(c.Endpoint):
		if clients := c.Authentication().Clients(); len(clients) == 1 {
			return clients[0]
		}
	}
	return nil
}
