package validators

import "github.com/oauthguard/caddy-oauth-guard/validators/rule"

// Modes are the modes of all rules, by their place in the catalogue, as they are when the guard is not in report mode. A rule that looks at none of the endpoints that have a path
// is off.
func (e *Engine) Modes() []rule.Mode {
	modes := make([]rule.Mode, len(catalogue))
	for endpoint := range e.plans {
		if rule.Endpoint(endpoint) != rule.NoEndpoint && len(e.config.Endpoints[rule.Endpoint(endpoint)]) == 0 {
			continue
		}
		for _, s := range e.plans[endpoint].steps {
			modes[s.index] = s.would
		}
	}
	return modes
}
