package authorize

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// PKCE are the rules of RFC 7636 at the authorization endpoint.
var PKCE = []rule.Rule{
	{
		ID: "authorize.code_challenge.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddChallenge},
		Title:       "code_challenge is not 43 to 128 unreserved characters, or with S256 not exactly 43 of base64url",
		Why:         "No verifier can ever match it; servers that do not look store it, or run without PKCE.",
		Source:      "RFC 7636 section 4.2",
		Covers:      []string{"P-01"},
		Description: "code_challenge is malformed",
		Check: func(c *rule.Case) bool {
			challenge := c.Get(scan.CodeChallenge)
			if challenge == "" {
				return false
			}
			if c.Get(scan.CodeChallengeMethod) == "S256" {
				return len(challenge) != 43 || !rule.Base64URL(challenge)
			}
			return !rule.CodeVerifier(challenge, c.Parameters.Class(scan.CodeChallenge))
		},
	},
	{
		ID: "authorize.code_challenge_method.orphan", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddChallenge},
		Title:       "code_challenge_method without code_challenge",
		Why:         "The client believes that it uses PKCE, and the server runs without.",
		Source:      "RFC 7636 section 4.3",
		Covers:      []string{"P-02"},
		Description: "code_challenge_method needs a code_challenge",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.CodeChallengeMethod) && !c.Has(scan.CodeChallenge) && !c.RequestObject()
		},
	},
	{
		ID: "authorize.code_challenge_method.unsupported", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddChallenge},
		Title:       "code_challenge_method is neither S256 nor plain",
		Why:         "Case matters; a server that does not know the method may skip the check.",
		Source:      "RFC 7636 section 4.4.1",
		Covers:      []string{"P-03"},
		Description: "the transform algorithm is not supported",
		Check: func(c *rule.Case) bool {
			method := c.Get(scan.CodeChallengeMethod)
			return method != "" && method != "S256" && method != "plain"
		},
	},
	{
		ID: "authorize.code_challenge_method.plain", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceOAuth21, When: rule.When{Traits: rule.OddChallenge},
		Title:       "code_challenge without S256",
		Why:         "With plain, or no method, the challenge is the secret. Off by default.",
		Source:      "RFC 9700 section 2.1.1",
		Covers:      []string{"P-04"},
		Description: "code_challenge_method must be S256",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.CodeChallenge) && c.Get(scan.CodeChallengeMethod) != "S256"
		},
	},
	{
		ID: "authorize.code_challenge.missing", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceOAuth21, When: rule.When{Lacks: scan.NamesOf(scan.CodeChallenge)},
		Title:       "A request for a code without code_challenge",
		Why:         "Without PKCE a stolen code can be redeemed. Off by default: RFC 6749 clients do not send it.",
		Source:      "RFC 7636 section 4.4.1, RFC 9700 section 2.1.1",
		Covers:      []string{"P-05"},
		Description: "code challenge required",
		Check: func(c *rule.Case) bool {
			return rule.HasWord(c.Get(scan.ResponseType), "code") && !c.Has(scan.CodeChallenge) && !c.RequestObject()
		},
	},
}
