package bearer

import "github.com/oauthguard/caddy-oauth-guard/validators/rule"

const opaque = " Off by default: access tokens are opaque to everybody but their server, what looks like a JWT need not be one of RFC 9068, and it takes reading " +
	"every token."

// Tokens are the rules about what stands in an access token that is readable as a JWT. Whether its scope is enough (B-11), and whether it is meant for the resource, is for
// the resource to say.
var Tokens = []rule.Rule{
	{
		ID: "bearer.token.unsigned", Endpoints: here, Error: "invalid_token", Status: 401, Modes: rule.OnRequest, Unexemptible: true, When: rule.When{Traits: rule.Readable},
		Title:       "The access token is a JWT without a signature",
		Why:         "Everybody can write one." + opaque,
		Source:      "RFC 9068 sections 2.1 and 4, RFC 8725 section 3.2",
		Covers:      []string{"B-12", "E-05"},
		Description: "the access token must be signed",
		Check: func(c *rule.Case) bool {
			token := c.AccessTokenJWT()
			return token != nil && token.Unsigned()
		},
	},
	{
		ID: "bearer.token.expired", Endpoints: here, Error: "invalid_token", Status: 401, Modes: rule.OnRequest, Unexemptible: true, When: rule.When{Traits: rule.Readable},
		Title:       "The access token is a JWT that is expired, or not valid yet",
		Why:         "It was meant for another time. Clocks may differ by a minute." + opaque,
		Source:      "RFC 6750 section 3.1, RFC 9068 section 4",
		Covers:      []string{"B-12"},
		Description: "the access token is expired or not valid yet",
		Check: func(c *rule.Case) bool {
			token := c.AccessTokenJWT()
			return token != nil && c.OutOfTime(token)
		},
	},
}
