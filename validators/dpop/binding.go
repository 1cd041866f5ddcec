package dpop

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Bindings are the rules about what a proof belongs to: a client, a pushed request, an access token.
var Bindings = []rule.Rule{
	{
		ID: "dpop.proof.required", Endpoints: rule.At(rule.Token), Error: "invalid_dpop_proof", Modes: rule.EnforceOutsideHub, When: rule.When{Traits: rule.Limited},
		Title:       "The client uses bound tokens only, and asks for one without a proof",
		Why:         "A stolen code would give a token that works without the client's key. The client's dpop_bound_access_tokens says so.",
		Source:      "RFC 9449 section 5.2",
		Covers:      []string{"F-01"},
		Description: "the client must send a DPoP proof",
		Check: func(c *rule.Case) bool {
			return len(c.ProofHeader) == 0 && c.Authentication().All(func(client *rule.Client) bool { return client.DPoPBound })
		},
	},
	about(rule.Rule{
		ID: "dpop.jkt.mismatch", Endpoints: rule.At(rule.PAR),
		Title:       "dpop_jkt of a pushed request names another key than the proof beside it",
		Why:         "The code would be bound to one key, and the client proves another.",
		Source:      "RFC 9449 section 10.1",
		Covers:      []string{"D-13"},
		Description: "dpop_jkt does not match the DPoP proof",
	}, func(c *rule.Case, p *jwt.Token) bool {
		thumbprint, ok := jwt.Thumbprint(keyOf(p))
		return ok && c.Has(scan.DPoPJKT) && c.Get(scan.DPoPJKT) != thumbprint
	}),
	{
		ID: "dpop.authorization.unproven", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Modes: rule.EnforceOutsideHub, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "Authorization: DPoP without a DPoP header",
		Why:         "A token that is bound to a key is worth nothing without proof of the key.",
		Source:      "RFC 9449 section 7.1",
		Covers:      []string{"D-14"},
		Description: "the access token needs a DPoP proof",
		Check: func(c *rule.Case) bool {
			return len(c.ProofHeader) == 0 && len(c.AuthorizationHeader) > 0 && rule.UsesDPoP(c.AuthorizationHeader[0])
		},
	},
	{
		ID: "dpop.authorization.bearer", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Unexemptible: true, When: rule.When{Traits: rule.Proving},
		Modes:       rule.Modes{RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce},
		Title:       "A DPoP header beside Authorization: Bearer",
		Why:         "A server that takes the token as a bearer token does not look at the proof. Clients that talk to servers of both kinds do it, so only the profile fapi2 refuses.",
		Source:      "RFC 9449 section 7.2",
		Covers:      []string{"D-14"},
		Description: "an access token with a DPoP proof needs the scheme DPoP",
		Check: func(c *rule.Case) bool {
			token, dpop := c.AccessToken()
			return len(c.ProofHeader) > 0 && token != "" && !dpop
		},
	},
	about(rule.Rule{
		ID: "dpop.token.other_key", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Unexemptible: true,
		Title:       "The access token is bound to another key than that of the proof",
		Why:         "Somebody uses a stolen token with a key of their own. Only judged for tokens that are readable as JWT, by cnf.jkt.",
		Source:      "RFC 9449 sections 6.1 and 7.1",
		Covers:      []string{"D-12"},
		Description: "the access token is bound to another key",
	}, func(c *rule.Case, p *jwt.Token) bool {
		token := c.AccessTokenJWT()
		if token == nil || token.Confirmation("jkt") == "" {
			return false
		}
		thumbprint, ok := jwt.Thumbprint(keyOf(p))
		return ok && token.Confirmation("jkt") != thumbprint
	}),
	{
		ID: "dpop.token.as_bearer", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Modes: rule.EnforceFAPI2, Unexemptible: true, When: rule.When{Traits: rule.Readable},
		Title: "An access token that is bound to a key is sent as a bearer token",
		Why: "Whoever stole it need not prove the key. It takes reading the JWT of every bearer token, so it is on by default in the profile fapi2 " +
			"only.",
		Source:      "RFC 9449 section 7.2",
		Covers:      []string{"D-12"},
		Description: "the access token is bound to a key and needs the scheme DPoP",
		Check: func(c *rule.Case) bool {
			token := c.AccessTokenJWT()
			if token == nil || token.Confirmation("jkt") == "" {
				return false
			}
			_, dpop := c.AccessToken()
			return !dpop
		},
	},
}
