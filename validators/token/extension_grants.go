package token

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// The extension grants that are judged by name.
const (
	deviceGrant   = "urn:ietf:params:oauth:grant-type:device_code"
	cibaGrant     = "urn:openid:params:grant-type:ciba"
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// ExtensionGrants are the rules about what the grants of RFC 8628, CIBA and RFC 8693 require.
var ExtensionGrants = []rule.Rule{
	required("token.device_code.missing", deviceGrant, scan.DeviceCode, "RFC 8628 section 3.4", "V-02"),
	required("token.auth_req_id.missing", cibaGrant, scan.AuthReqID, "CIBA Core section 10.1", "C-01"),
	{
		ID: "token.auth_req_id.malformed", Endpoints: here, Error: "invalid_grant", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.AuthReqID)},
		Title:       "auth_req_id holds something else than letters, digits, dots, hyphens and underscores",
		Why:         "No server ever issued it: the standard restricts servers to these characters.",
		Source:      "CIBA Core section 7.3",
		Covers:      []string{"C-01"},
		Description: "auth_req_id is malformed",
		Check: func(c *rule.Case) bool {
			id := c.Get(scan.AuthReqID)
			return !rule.Unreserved(id) || strings.IndexByte(id, '~') >= 0
		},
	},
	required("token.subject_token.missing", exchangeGrant, scan.SubjectToken, "RFC 8693 section 2.1", "X-01"),
	required("token.subject_token_type.missing", exchangeGrant, scan.SubjectTokenType, "RFC 8693 section 2.1", "X-01"),
	{
		ID: "token.actor_token_type.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ActorToken)},
		Title:       "actor_token without actor_token_type",
		Why:         "The server would have to guess who acts.",
		Source:      "RFC 8693 section 2.1",
		Covers:      []string{"X-01"},
		Description: "actor_token_type is missing",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.ActorToken) && !c.Has(scan.ActorTokenType) && grantIs(exchangeGrant)(c)
		},
	},
	{
		ID: "token.actor_token.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ActorTokenType)},
		Title:       "actor_token_type without actor_token",
		Why:         "The standard forbids it: the client believes that it acts for somebody, and gets a token in which nobody acts.",
		Source:      "RFC 8693 section 2.1",
		Covers:      []string{"X-01"},
		Description: "actor_token_type needs an actor_token",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.ActorTokenType) && !c.Has(scan.ActorToken) && grantIs(exchangeGrant)(c)
		},
	},
	{
		ID: "token.token_type.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: tokenTypes},
		Title:       "subject_token_type, actor_token_type or requested_token_type is not an absolute URI",
		Why:         "Types of tokens are URIs, such as urn:ietf:params:oauth:token-type:access_token. Servers that guess at short names take one token for another.",
		Source:      "RFC 8693 sections 2.1 and 3",
		Covers:      []string{"X-01"},
		Description: "a token type must be an absolute URI",
		Check:       func(c *rule.Case) bool { return grantIs(exchangeGrant)(c) && malformedTypes(c) != 0 },
		Subject:     func(c *rule.Case) scan.Name { return malformedTypes(c).First() },
	},
}

var tokenTypes = scan.NamesOf(scan.SubjectTokenType, scan.ActorTokenType, scan.RequestedTokenType)

// malformedTypes are the types of tokens that are no absolute URIs.
func malformedTypes(c *rule.Case) (malformed scan.Names) {
	for rest := c.Parameters.Present & tokenTypes; rest != 0; rest &= rest - 1 {
		if name := rest.First(); !redirecturi.Absolute(c.Get(name)) {
			malformed |= 1 << name
		}
	}
	return malformed
}
