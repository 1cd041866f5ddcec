package authorize

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// OpenID are the rules of OpenID Connect Core at the authorization endpoint.
var OpenID = []rule.Rule{
	{
		ID: "authorize.scope.openid_missing", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddResponse},
		Title:       "response_type asks for an ID token, and scope lacks openid",
		Why:         "Without openid there is no ID token, and the behaviour is undefined.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-29"},
		Description: "scope must contain openid",
		Check: func(c *rule.Case) bool {
			return rule.HasWord(c.Get(scan.ResponseType), "id_token") && !rule.HasWord(c.Get(scan.Scope), "openid") && !c.RequestObject()
		},
	},
	{
		ID: "authorize.nonce.missing", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddResponse},
		Title:       "response_type asks for an ID token from this endpoint, and nonce is missing",
		Why:         "An ID token in the URL can be replayed. For response_type code alone nonce is optional.",
		Source:      "OpenID Connect Core sections 3.2.2.1 and 3.3.2.11",
		Covers:      []string{"A-36"},
		Description: "nonce is missing",
		Check: func(c *rule.Case) bool {
			return rule.HasWord(c.Get(scan.ResponseType), "id_token") && !c.Has(scan.Nonce) && !c.RequestObject()
		},
	},
	{
		ID: "authorize.prompt.none_combined", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.Prompt)},
		Title:       "prompt holds none and another value",
		Why:         "To ask and not to ask cannot both be done.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-38"},
		Description: "prompt none must stand alone",
		Check: func(c *rule.Case) bool {
			prompt := c.Get(scan.Prompt)
			return rule.HasWord(prompt, "none") && strings.TrimSpace(prompt) != "none"
		},
	},
	{
		ID: "authorize.prompt.unknown", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.OnRequest,
		When:        rule.When{Names: scan.NamesOf(scan.Prompt)},
		Title:       "prompt holds an unknown value",
		Why:         "Servers may ignore it, and extensions such as create exist. Off by default.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-39"},
		Description: "prompt holds an unknown value",
		Check: func(c *rule.Case) bool {
			unknown := false
			rule.Words(c.Get(scan.Prompt), func(word string) bool {
				switch word {
				case "none", "login", "consent", "select_account", "create":
				default:
					unknown = true
				}
				return !unknown
			})
			return unknown
		},
	},
	{
		ID: "authorize.max_age.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.MaxAge)},
		Title:       "max_age is not a number of seconds",
		Why:         "A server that cannot read it may not ask for a new login.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-40"},
		Description: "max_age must be a non-negative integer",
		Check: func(c *rule.Case) bool {
			value := c.Get(scan.MaxAge)
			return len(value) > 18 || strings.Trim(value, "0123456789") != ""
		},
	},
	{
		ID: "authorize.display.unknown", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.OnRequest,
		When:        rule.When{Names: scan.NamesOf(scan.Display)},
		Title:       "display is not page, popup, touch or wap",
		Why:         "A wish about appearance. Off by default.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-41"},
		Description: "display is unknown",
		Check: func(c *rule.Case) bool {
			switch c.Get(scan.Display) {
			case "", "page", "popup", "touch", "wap":
				return false
			}
			return true
		},
	},
	{
		ID: "authorize.claims.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.Claims)},
		Title:       "claims is not a JSON object of objects, or has a member twice",
		Why:         "JSON parsers take the first or the last of two members.",
		Source:      "OpenID Connect Core section 5.5",
		Covers:      []string{"A-42"},
		Description: "claims is malformed",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.Claims) && !validClaims(c.Get(scan.Claims))
		},
	},
	{
		ID: "authorize.id_token_hint.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.IDTokenHint)},
		Title:       "id_token_hint is not a compact JWT",
		Why:         "It cannot be a token that the server issued.",
		Source:      "OpenID Connect Core section 3.1.2.1, RFC 7515 section 7.1, RFC 7516 section 7.1",
		Covers:      []string{"A-43"},
		Description: "id_token_hint is malformed",
		Check:       func(c *rule.Case) bool { return c.Has(scan.IDTokenHint) && !rule.CompactJWT(c.Get(scan.IDTokenHint)) },
	},
}

// validClaims checks the outer two levels of the claims parameter: {"userinfo": {"name": null, "email": {…}}, "id_token": null}.
func validClaims(text string) bool {
	target := false
	return ijson.Walk(text, func(depth int, name string, kind byte, _ string) bool {
		object := kind == '{'
		switch depth {
		case 0:
			return object
		case 1:
			target = name == "userinfo" || name == "id_token"
		case 2:
		default:
			return true
		}
		return !target || object || kind == 'n'
	})
}

// ValidAuthorizationDetails reports whether text is a JSON array of objects, each with a string type: RFC 9396 section 2.
func ValidAuthorizationDetails(text string) bool {
	untyped := false // the object that was visited last
	valid := ijson.Walk(text, func(depth int, name string, kind byte, content string) bool {
		switch {
		case depth == 0:
			return kind == '['
		case depth == 1:
			complete := !untyped
			untyped = true
			return complete && kind == '{'
		case depth == 2 && name == "type":
			untyped = false
			return kind == '"' && content != ""
		}
		return true
	})
	return valid && !untyped
}
