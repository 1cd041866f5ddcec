package registration

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// RedirectURIs are the rules about the redirect URIs of a registration. They are those of the authorization endpoint: what they let through is trusted there.
var RedirectURIs = []rule.Rule{
	judged("registration.redirect_uri.missing", "invalid_redirect_uri", rule.EnforceStandard,
		"redirect_uris is missing or empty, and a grant needs one",
		"The client could be sent anywhere. Without grant_types a client uses authorization_code.",
		"RFC 7591 section 2, RFC 6749 section 3.1.2.2",
		"redirect_uris is missing",
		func(m *rule.Metadata) bool {
			redirects := !m.GrantTypes.Has(rule.Listed) || m.GrantTypes.Has(rule.AuthorizationCodeGrant|rule.ImplicitGrant)
			return redirects && m.RedirectURIs.Count == 0 && !m.Statement && !m.Malformed && !m.Mistyped
		}),
	flaw("registration.redirect_uri.scheme", redirecturi.DangerousScheme|redirecturi.ScriptScheme, rule.EnforceEverywhere,
		"A redirect URI has a scheme like javascript, data, file or ws",
		"Such a URI runs or shows something instead of calling the client.",
		"RFC 7591 section 3.2.2, RFC 8252 section 7.1, RFC 9700 section 4.1", "the scheme of a redirect URI is not allowed"),
	flaw("registration.redirect_uri.relative", redirecturi.Relative, rule.EnforceEverywhere,
		"A redirect URI is not absolute: no scheme, or http without // and a host",
		"Browsers complete https:host and //host in their own way.",
		"RFC 6749 section 3.1.2, RFC 3986 section 4.3", "a redirect URI must be an absolute URI"),
	flaw("registration.redirect_uri.fragment", redirecturi.Fragment, rule.EnforceEverywhere,
		"A redirect URI has a fragment, be it empty",
		"The response would be hidden behind it, or given to another part of the page.",
		"RFC 6749 section 3.1.2", "a redirect URI must not have a fragment"),
	flaw("registration.redirect_uri.character", redirecturi.Character, rule.EnforceEverywhere,
		"A redirect URI holds a blank, control, backslash, non-ASCII character or malformed escape",
		"Browsers strip or replace such characters, and so find another host.",
		"RFC 3986 section 2", "a redirect URI holds a character that is not allowed"),
	flaw("registration.redirect_uri.authority", redirecturi.Authority, rule.EnforceEverywhere,
		"The host part of a redirect URI holds user information, a percent sign, a bracket or a malformed port",
		"Parsers disagree about which side of an @ is the host.",
		"RFC 3986 section 3.2, CVE-2026-7504", "the host of a redirect URI is written in an ambiguous way"),
	flaw("registration.redirect_uri.response_parameter", redirecturi.ResponseParameter, rule.EnforceStandard,
		"The query of a redirect URI holds code, state, error, iss or a token",
		"The client would read that value instead of the server's.",
		"RFC 9700 section 4.1; Innocenti et al., ACSAC 2023", "a redirect URI must not hold parameters of the response"),
	judged("registration.redirect_uri.wildcard", "invalid_redirect_uri", rule.EnforceStandard,
		"A redirect URI holds an asterisk",
		"Some servers take it for any text, and send codes to whoever fits. Only whole redirect URIs can be compared.",
		"RFC 9700 section 2.1, RFC 6749 section 3.1.2.2", "a redirect URI must not be a pattern",
		func(m *rule.Metadata) bool { return m.RedirectURIs.Pattern }),
	flaw("registration.redirect_uri.insecure", redirecturi.Insecure, rule.Modes{RFC6749: rule.Report, OAuth21: rule.Enforce, FAPI2: rule.Enforce},
		"A redirect URI is http to another machine",
		"The code can be read on the way. Many networks have no TLS inside, so that rfc6749 only reports.",
		"RFC 9700 section 2.6", "a redirect URI must use https"),
	judged("registration.redirect_uri.implicit_insecure", "invalid_redirect_uri", rule.EnforceStandard,
		"A web client that gets tokens in the URL has a redirect URI without https",
		"The token can be read on the way, or by any program that claims the scheme. A client is a web client unless application_type says native.",
		"OpenID Connect Dynamic Client Registration section 2", "the redirect URIs of a web client with the implicit grant must use https",
		func(m *rule.Metadata) bool {
			return !m.Native && (m.ResponseTypes.Has(implicitResponse) || m.GrantTypes.Has(rule.ImplicitGrant)) && m.RedirectURIs.NotHTTPS
		}),
	judged("registration.post_logout_redirect_uri.malformed", "invalid_redirect_uri", rule.EnforceEverywhere,
		"A target after the logout is not absolute, runs a script, or holds a character or host that parsers read differently",
		"Browsers are sent there. Its fragment is the client's own affair.",
		"OpenID Connect RP-Initiated Logout section 3.1, RFC 3986 sections 2 and 3.2", "a post_logout_redirect_uri is malformed",
		func(m *rule.Metadata) bool {
			const flaws = redirecturi.Relative | redirecturi.DangerousScheme | redirecturi.ScriptScheme | redirecturi.Character | redirecturi.Authority
			return m.PostLogoutRedirectURIs.Flaws&flaws != 0
		}),
}

// flaw makes the rule that no redirect URI has some flaw of the syntax.
func flaw(id string, flaws redirecturi.Flaws, modes rule.Modes, title, why, source, description string) rule.Rule {
	return judged(id, "invalid_redirect_uri", modes, title, why, source, description, func(m *rule.Metadata) bool { return m.RedirectURIs.Flaws&flaws != 0 })
}
