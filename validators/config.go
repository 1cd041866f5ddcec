package validators

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// Config is what an Engine is made from. The zero value is the profile hub with no endpoint.
type Config struct {
	rule.Options
	// ReportOnly turns every enforced rule into a reported one.
	ReportOnly bool
	// Endpoints are the paths of each endpoint.
	Endpoints map[rule.Endpoint][]string
	// Backend is the kind of server behind the guard, one of wire.Backends; empty means unknown. Rules about bytes that its parser reads as the guard does are only reported.
	Backend string
	// UnknownClient is the mode of the rules about unregistered clients; nil leaves the profile's.
	UnknownClient *rule.Mode
	// Unjudged is the mode of the rules about clients of whom nothing can be said; nil leaves the profile's.
	Unjudged *rule.Mode
	// Overrides change modes; of several that match a rule the last one wins.
	Overrides []Override
	// Exempt lists rule IDs and globs by client_id.
	Exempt map[string][]string
	// Delivery is how redirectable errors reach the client: redirect, page, pass, or empty for the default of the client's kind.
	Delivery string
	// Services is the path below which a JetBrains Hub has its services, for the rule about their registration; empty means that there is none.
	Services string
	// RedirectURIError is the error code of findings about redirect URIs; empty means the profile's default.
	RedirectURIError string
}

// Override is one line of the configuration about modes.
type Override struct {
	// Pattern is a rule ID or a glob.
	Pattern string
	Mode    rule.Mode
}

// DefaultRedirectURIError is the error code of findings about redirect URIs: what older Hubs answer, or what RFC 6749 says.
func DefaultRedirectURIError(profile rule.Profile) string {
	if profile == rule.Hub {
		return "unauthorized_client"
	}
	return "invalid_request"
}

// modes works out the mode of every rule.
func (e *Engine) modes() ([]rule.Mode, error) {
	for client, patterns := range e.config.Exempt {
		if err := CheckExemptions(patterns); err != nil {
			return nil, fmt.Errorf("exempt %s: %w", client, err)
		}
	}
	if !wire.KnownBackend(e.config.Backend) {
		return nil, fmt.Errorf("backend: unknown kind of server %q: use one of %s", e.config.Backend, strings.Join(wire.Backends, ", "))
	}
	modes := make([]rule.Mode, len(catalogue))
	used := make([]bool, len(e.config.Overrides))
	for i := range catalogue {
		r := &catalogue[i]
		modes[i] = r.Modes.In(e.config.Profile)
		if modes[i] == rule.Enforce && wire.Relaxed(e.config.Backend, r.ID) {
			modes[i] = rule.Report
		}
		if e.config.UnknownClient != nil && strings.HasSuffix(r.ID, ".client_id.unknown") {
			modes[i] = *e.config.UnknownClient
		}
		if e.config.Unjudged != nil && strings.HasSuffix(r.ID, ".client_id.unjudged") {
			modes[i] = *e.config.Unjudged
		}
		for j, override := range e.config.Overrides {
			if rule.MatchID(override.Pattern, r.ID) {
				modes[i], used[j] = override.Mode, true
			}
		}
	}
	for j, override := range e.config.Overrides {
		if !used[j] {
			return nil, fmt.Errorf("rule %s: no such rule; did you mean %s?", override.Pattern, Nearest(override.Pattern))
		}
	}
	return modes, nil
}
