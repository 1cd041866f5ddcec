package authorize

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// RedirectURIs are the rules about redirect_uri: first its syntax, then its registration. A registered URI is what it is: of the rules about syntax
// only the one about script schemes applies to it.
var RedirectURIs = []rule.Rule{
	{
		ID: "authorize.redirect_uri.missing", Endpoints: requests, Error: rule.RedirectURIError, Modes: rule.EnforceStandard, When: rule.When{Lacks: scan.NamesOf(scan.RedirectURI)},
		Title:       "redirect_uri is missing, and not exactly one is registered",
		Why:         "The server would have to choose. Hub falls back to a registered one, so the hub profile only reports.",
		Source:      "RFC 6749 section 3.1.2.3",
		Covers:      []string{"A-12"},
		Description: "redirect_uri is missing",
		Check: func(c *rule.Case) bool {
			if c.Has(scan.RedirectURI) || c.RequestObject() {
				return false
			}
			client, standing := c.Client()
			return standing == rule.Known && client.RedirectURIs != nil && len(client.RedirectURIs) != 1
		},
	},
	{
		ID: "authorize.redirect_uri.missing_openid", Endpoints: requests, Error: rule.RedirectURIError, Modes: rule.EnforceStandard, When: rule.When{Lacks: scan.NamesOf(scan.RedirectURI)},
		Title:       "redirect_uri is missing in an OpenID Connect request",
		Why:         "OpenID Connect requires it even if one is registered.",
		Source:      "OpenID Connect Core section 3.1.2.1",
		Covers:      []string{"A-13"},
		Description: "redirect_uri is missing",
		Check: func(c *rule.Case) bool {
			return !c.Has(scan.RedirectURI) && !c.RequestObject() && rule.HasWord(c.Get(scan.Scope), "openid")
		},
	},
	flaw("authorize.redirect_uri.scheme", redirecturi.DangerousScheme|redirecturi.ScriptScheme, rule.EnforceEverywhere,
		"redirect_uri has a scheme like javascript, data, file or ws",
		"Such a URI runs or shows something instead of calling the client. Script schemes are refused even if registered.",
		"RFC 8252 section 7.1, RFC 9700 section 4.1", "the scheme of redirect_uri is not allowed", "A-18"),
	flaw("authorize.redirect_uri.relative", redirecturi.Relative, rule.EnforceEverywhere,
		"redirect_uri is not absolute: no scheme, or http without // and a host",
		"Browsers complete https:host and //host in their own way.",
		"RFC 6749 section 3.1.2, RFC 3986 section 4.3", "redirect_uri must be an absolute URI", "A-14"),
	flaw("authorize.redirect_uri.fragment", redirecturi.Fragment, rule.EnforceEverywhere,
		"redirect_uri has a fragment, be it empty",
		"The response would be hidden behind it, or given to another part of the page.",
		"RFC 6749 section 3.1.2", "redirect_uri must not have a fragment", "A-15"),
	flaw("authorize.redirect_uri.character", redirecturi.Character, rule.EnforceEverywhere,
		"redirect_uri holds a blank, control, backslash, non-ASCII byte or malformed escape",
		"Browsers strip or replace such bytes, and so find another host.",
		"RFC 3986 section 2", "redirect_uri holds a character that is not allowed", "A-19"),
	flaw("authorize.redirect_uri.authority", redirecturi.Authority, rule.EnforceEverywhere,
		"The host part of redirect_uri holds user information, a percent sign, a bracket or a malformed port",
		"Parsers disagree about which side of an @ is the host; some find none and skip the check.",
		"RFC 3986 section 3.2, CVE-2026-7504", "the host of redirect_uri is written in an ambiguous way", "A-19"),
	flaw("authorize.redirect_uri.response_parameter", redirecturi.ResponseParameter, rule.EnforceEverywhere,
		"The query of redirect_uri already holds code, state, error, iss or a token",
		"The client would read the attacker's value instead of the server's.",
		"RFC 9700 section 4.1; Innocenti et al., ACSAC 2023", "redirect_uri must not hold parameters of the response", "A-20"),
	flaw("authorize.redirect_uri.insecure", redirecturi.Insecure, rule.EnforceOAuth21,
		"redirect_uri is http to another machine",
		"The code can be read on the way. Off in the profiles hub and rfc6749, since many networks have no TLS inside.",
		"RFC 9700 section 2.6", "redirect_uri must use https", "A-21"),
	{
		ID: "authorize.redirect_uri.none_registered", Endpoints: requests, Error: rule.RedirectURIError, Modes: rule.EnforceStandard, OwnForms: true, When: rule.When{Traits: rule.Limited},
		Title:       "The client has no redirect URI at all",
		Why:         "Such a client cannot use the authorization endpoint.",
		Source:      "Hub documentation, OAuth 2.0 Errors: \"make sure your service provides at least one redirect_uri\"; RFC 6749 section 3.1.2.2",
		Covers:      []string{"A-16"},
		Description: "the client has no registered redirect_uri",
		Check: func(c *rule.Case) bool {
			client, standing := c.Client()
			if !c.Parameters.Seen.Has(scan.ClientID) || standing != rule.Known || client.RedirectURIs == nil || len(client.RedirectURIs) > 0 {
				return false
			}
			// A client that authenticates may push a redirect URI that is not registered.
			return client.Public() || c.Endpoint != rule.PAR && !c.Pushed()
		},
	},
	{
		ID: "authorize.redirect_uri.unregistered", Endpoints: requests, Error: rule.RedirectURIError, Modes: rule.EnforceEverywhere, OwnForms: true, When: rule.When{Traits: rule.OddRedirect},
		Title: "redirect_uri is none of the client's registered ones",
		Why: "Whoever chooses the redirect URI gets the code. The decoded value is compared byte by byte; only the port of http://127.0.0.1 " +
			"and http://[::1] is free. A client that authenticates may push another one, if the server lets it: see par.redirect_uri.unregistered.",
		Source:      "RFC 6749 section 3.1.2.3, RFC 9700 section 2.1, RFC 8252 section 7.3, RFC 3986 section 6.2.1",
		Covers:      []string{"A-16", "A-17"},
		Description: "redirect_uri is not registered for the client",
		Check: func(c *rule.Case) bool {
			return unregistered(c) && (c.Endpoint != rule.PAR || publicClient(c))
		},
	},
	{
		ID: "authorize.redirect_uri.insecure_registered", Endpoints: requests, Error: rule.RedirectURIError, Modes: rule.EnforceOAuth21, OwnForms: true, When: rule.When{Traits: rule.PlainRedirect},
		Title: "A registered redirect_uri is http to another machine",
		Why: "The code can be read on the way. The registration is the server's business, so the profiles hub and rfc6749 accept it. The loopback of the " +
			"person's own machine is legal everywhere.",
		Source:      "RFC 9700 section 2.6, RFC 8252 section 7.3",
		Covers:      []string{"A-21", "F-01"},
		Description: "redirect_uri must use https",
		Check: func(c *rule.Case) bool {
			uri := c.Get(scan.RedirectURI)
			match, _ := c.RedirectURI()
			return match != redirecturi.None && redirecturi.Inspect(uri)&redirecturi.Insecure != 0
		},
	},
}

// unregistered reports whether the redirect URI is none of those that the client registered.
func unregistered(c *rule.Case) bool {
	client, standing := c.Client()
	match, _ := c.RedirectURI()
	return standing == rule.Known && c.Has(scan.RedirectURI) && len(client.RedirectURIs) > 0 && match == redirecturi.None
}

// publicClient reports whether the client is known to have no secret.
func publicClient(c *rule.Case) bool {
	client, standing := c.Client()
	return standing == rule.Known && client.Public()
}

// flaw makes the rule that refuses one flaw of the syntax.
func flaw(id string, flaws redirecturi.Flaws, modes rule.Modes, title, why, source, description, covers string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: requests, Error: rule.RedirectURIError, Modes: modes, When: rule.When{Traits: rule.OddRedirect}, OwnForms: true,
		Title: title, Why: why, Source: source, Description: description, Covers: []string{covers},
		Check: func(c *rule.Case) bool {
			_, found := c.RedirectURI()
			return found&flaws != 0
		},
	}
}
