// Package introspection holds the rules of the token introspection endpoint: RFC 7662. What it has in common with the token endpoint is judged by package token, the form of
// an access token that authorizes the caller by package bearer.
package introspection

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var here = rule.At(rule.Introspection)

// Rules are the rules about introspection requests.
var Rules = []rule.Rule{
	{
		ID: "introspection.client_authentication.missing", Endpoints: here, Error: "invalid_client", Status: 401, Modes: rule.EnforceStandard, When: rule.When{Traits: rule.Unproven},
		Title: "The caller does not authenticate: no Authorization header, no secret, no assertion, no certificate",
		Why: "Whoever may ask can try tokens until one is active. A client_id alone passes if that client may use a certificate: another proxy may " +
			"have taken it.",
		Source:      "RFC 7662 sections 2.1, 2.3 and 4",
		Covers:      []string{"I-02", "K-26"},
		Description: "the caller must authenticate",
		Check:       (*rule.Case).Unauthenticated,
	},
	{
		ID: "introspection.client_id.unregistered", Endpoints: here, Error: "invalid_client", Status: 401, Modes: rule.OnRequest, When: rule.When{Traits: rule.Unregistered},
		Title: "The caller is none of the registered clients",
		Why: "For servers whose protected resources are all registered as clients. Off by default, whatever unknown_client says: the standard lets protected resources have " +
			"credentials of their own.",
		Source:      "RFC 7662 section 2.1",
		Covers:      []string{"I-02"},
		Description: "the caller is not registered",
		Check:       func(c *rule.Case) bool { return c.Authentication().Standing == rule.Absent },
	},
	{
		ID: "introspection.token.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Lacks: scan.NamesOf(scan.Token)},
		Title:       "token is missing or empty",
		Why:         "There is nothing to ask about. A token that is not active, or an unknown token_type_hint, is no error.",
		Source:      "RFC 7662 section 2.1",
		Covers:      []string{"I-01", "I-03"},
		Description: "token is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.Token) },
	},
	{
		ID: "introspection.token.same", Endpoints: here, Error: "invalid_token", Status: 401, Modes: rule.OnRequest,
		When:        rule.When{Names: scan.NamesOf(scan.Token)},
		Title:       "The token asked about is the one that authorizes the caller",
		Why:         "Whoever found a token could ask what it is good for. Off by default: a policy of some servers, such as those built with fosite.",
		Source:      "RFC 7662 section 4; behaviour of fosite",
		Covers:      []string{"I-04"},
		Description: "the token must not be introspected with itself",
		Check: func(c *rule.Case) bool {
			token := c.Authentication().Token
			return token != "" && token == c.Get(scan.Token)
		},
	},
}
