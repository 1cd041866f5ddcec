// Package logout holds the rules of the end session endpoint: OpenID Connect RP-Initiated Logout. A request without any of its parameters is the server's own logout.
package logout

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here       = rule.At(rule.Logout)
	parameters = rule.RelevantNames(rule.Logout)
	withClient = rule.When{Names: scan.NamesOf(scan.ClientID)}
	withTarget = rule.When{Names: scan.NamesOf(scan.PostLogoutRedirectURI)}
)

// Rules are the rules about logout requests. A registered target is what it is: of the rules about syntax only the one about schemes applies to it.
var Rules = []rule.Rule{
	{
		ID: "logout.parameter.repeated", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Repeating},
		Title:       "A parameter occurs more than once, or with different values in query and body",
		Why:         "One target is checked, the browser is sent to the other.",
		Source:      "OpenID Connect RP-Initiated Logout section 2, RFC 6749 section 3.1",
		Covers:      []string{"L-01"},
		Description: "a parameter must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeated(parameters) != 0 },
		Subject:     func(c *rule.Case) scan.Name { return c.Repeated(parameters).First() },
	},
	{
		ID: "logout.client_id.unknown", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unregistered},
		Title:       "No client of that client_id is registered",
		Why:         "Without a registration there is no target to trust. The option unknown_client sets the mode of this rule.",
		Source:      "OpenID Connect RP-Initiated Logout sections 2 and 4",
		Covers:      []string{"L-01"},
		Description: "the client is not registered",
		Check: func(c *rule.Case) bool {
			_, standing := c.Client()
			return standing == rule.Absent && c.Has(scan.ClientID)
		},
	},
	{
		ID: "logout.client_id.unjudged", Endpoints: here, Error: "temporarily_unavailable", Status: 503, Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.Unregistered},
		Title:       "The registered clients are not known at the moment",
		Why:         "The source never delivered, or what it delivered is too old. The option unjudged decides what happens.",
		Source:      "Design of the guard: enforce never guesses",
		Description: "the registered clients are not known at the moment",
		Check: func(c *rule.Case) bool {
			_, standing := c.Client()
			return standing == rule.Unjudged && c.Has(scan.ClientID)
		},
	},
	{
		ID: "logout.id_token_hint.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.IDTokenHint)},
		Title:       "id_token_hint is not a compact JWT",
		Why:         "It cannot be a token that the server issued.",
		Source:      "OpenID Connect RP-Initiated Logout section 2, RFC 7515 section 7.1, RFC 7516 section 7.1",
		Covers:      []string{"L-01"},
		Description: "id_token_hint is malformed",
		Check:       func(c *rule.Case) bool { return c.Has(scan.IDTokenHint) && !rule.CompactJWT(c.Get(scan.IDTokenHint)) },
	},
	{
		ID: "logout.client_id.mismatch", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard, When: withClient,
		Title:       "client_id is not the client to which the ID token of id_token_hint was issued",
		Why:         "The person leaves one client, and the target of the other one is used.",
		Source:      "OpenID Connect RP-Initiated Logout section 2",
		Covers:      []string{"L-01"},
		Description: "client_id does not match id_token_hint",
		Check:       (*rule.Case).HintedOther,
	},
	flaw("logout.post_logout_redirect_uri.scheme", redirecturi.DangerousScheme|redirecturi.ScriptScheme,
		"post_logout_redirect_uri has a scheme like javascript, data, file or ws",
		"Such a URI runs or shows something instead of calling the client. Script schemes are refused even if registered.",
		"OpenID Connect RP-Initiated Logout section 3, RFC 9700 section 4.1", "the scheme of post_logout_redirect_uri is not allowed"),
	flaw("logout.post_logout_redirect_uri.relative", redirecturi.Relative,
		"post_logout_redirect_uri is not absolute: no scheme, or http without // and a host",
		"Browsers complete https:host and //host in their own way.",
		"OpenID Connect RP-Initiated Logout section 2, RFC 3986 section 4.3", "post_logout_redirect_uri must be an absolute URI"),
	flaw("logout.post_logout_redirect_uri.character", redirecturi.Character,
		"post_logout_redirect_uri holds a blank, control, backslash, non-ASCII byte or malformed escape",
		"Browsers strip or replace such bytes, and so find another host. A fragment is the client's own affair.",
		"RFC 3986 section 2", "post_logout_redirect_uri holds a character that is not allowed"),
	flaw("logout.post_logout_redirect_uri.authority", redirecturi.Authority,
		"The host part of post_logout_redirect_uri holds user information, a percent sign, a bracket or a malformed port",
		"Parsers disagree about which side of an @ is the host.",
		"RFC 3986 section 3.2, CVE-2026-7504", "the host of post_logout_redirect_uri is written in an ambiguous way"),
	{
		ID: "logout.post_logout_redirect_uri.unregistered", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: withTarget,
		Title:       "post_logout_redirect_uri is none of the client's registered ones",
		Why:         "Anybody could send people anywhere in the server's name. The decoded value is compared byte by byte with those of the client of client_id, or else of id_token_hint.",
		Source:      "OpenID Connect RP-Initiated Logout section 3, RFC 3986 section 6.2.1",
		Covers:      []string{"L-01"},
		Description: "post_logout_redirect_uri is not registered for the client",
		Check: func(c *rule.Case) bool {
			client, standing := c.Client()
			registered, _ := c.LogoutTarget()
			return standing == rule.Known && client.PostLogoutRedirectURIs != nil && c.Has(scan.PostLogoutRedirectURI) && !registered
		},
	},
	{
		ID: "logout.client.missing", Endpoints: here, Error: "invalid_request", When: withTarget,
		Modes: rule.Modes{Hub: rule.Report, RFC6749: rule.Report, OAuth21: rule.Enforce, FAPI2: rule.Enforce},
		Title: "post_logout_redirect_uri with neither id_token_hint nor client_id",
		Why: "The server cannot tell whose target it is. It may know by other means, such as its session, and many clients rely on that, so hub and rfc6749 only " +
			"report.",
		Source:      "OpenID Connect RP-Initiated Logout sections 2 and 3",
		Covers:      []string{"L-01"},
		Description: "post_logout_redirect_uri needs id_token_hint or client_id",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.PostLogoutRedirectURI) && !c.Has(scan.IDTokenHint) && !c.Has(scan.ClientID)
		},
	},
}

// flaw makes the rule that refuses one flaw of the target's syntax.
func flaw(id string, flaws redirecturi.Flaws, title, why, source, description string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: withTarget,
		Title: title, Why: why, Source: source, Covers: []string{"L-01"}, Description: description,
		Check: func(c *rule.Case) bool {
			_, found := c.LogoutTarget()
			return found&flaws != 0
		},
	}
}
