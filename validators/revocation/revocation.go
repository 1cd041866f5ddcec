// Package revocation holds the rules of the token revocation endpoint: RFC 7009. What it has in common with the token endpoint is judged by package token.
package revocation

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var here = rule.At(rule.Revocation)

// Rules are the rules about revocation requests.
var Rules = []rule.Rule{
	{
		ID: "revocation.client_id.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.Unproven},
		Title:       "A revocation without a client: neither client_id nor Basic nor an assertion",
		Why:         "The server must refuse the tokens of other clients, so it has to know whose they are.",
		Source:      "RFC 7009 section 2.1, RFC 6749 section 3.2.1",
		Covers:      []string{"O-04", "K-20"},
		Description: "client_id is missing",
		Check:       (*rule.Case).Anonymous,
	},
	{
		ID: "revocation.token.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Lacks: scan.NamesOf(scan.Token)},
		Title: "token is missing or empty",
		Why: "There is nothing to revoke, and a client that reads a success believes that there was. A token that the server does not know, or an unknown " +
			"token_type_hint, is no error.",
		Source:      "RFC 7009 section 2.1",
		Covers:      []string{"O-01", "O-02"},
		Description: "token is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.Token) },
	},
	{
		ID: "revocation.token.unsupported_type", Endpoints: here, Error: "unsupported_token_type", Modes: rule.OnRequest,
		When:  rule.When{Names: scan.NamesOf(scan.Token)},
		Title: "token is a signed JWT, and not said to be a refresh token",
		Why: "For servers that cannot revoke such access tokens and nevertheless say that they did. Off by default: other servers can, and which tokens a server " +
			"revokes is not to be seen in one request.",
		Source:      "RFC 7009 section 2.2.1",
		Covers:      []string{"O-03"},
		Description: "the server cannot revoke tokens of this type",
		Check: func(c *rule.Case) bool {
			token := c.Get(scan.Token)
			// The header of a JWT is an object, so its encoding begins with that of an opening brace and a quote.
			return strings.HasPrefix(token, "eyJ") && rule.CompactJWT(token) && c.Get(scan.TokenTypeHint) != "refresh_token"
		},
	},
	{
		ID: "revocation.callback.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.Callback)},
		Title:       "callback is not 1 to 64 letters, digits, dots and underscores",
		Why:         "A server with JSONP writes it into a script, in front of everything else.",
		Source:      "RFC 7009 section 2.3",
		Covers:      []string{"O-05"},
		Description: "callback is malformed",
		Check: func(c *rule.Case) bool {
			callback := c.Get(scan.Callback)
			return len(callback) > 64 || strings.ContainsFunc(callback, func(r rune) bool {
				return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && r != '.' && r != '_'
			})
		},
	},
}
