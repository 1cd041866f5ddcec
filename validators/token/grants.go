package token

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/authorize"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Grants are the rules about grant_type and what each grant requires.
var Grants = []rule.Rule{
	{
		ID: "token.grant_type.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Lacks: scan.NamesOf(scan.GrantType)},
		Title:       "grant_type is missing or empty",
		Why:         "The server would have to guess the grant.",
		Source:      "RFC 6749 sections 4.1.3 and 5.2",
		Covers:      []string{"K-10", "K-09"},
		Description: "grant_type is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.GrantType) },
	},
	{
		ID: "token.grant_type.malformed", Endpoints: here, Error: "unsupported_grant_type", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OtherGrant},
		Title:       "grant_type is neither a name nor an absolute URI",
		Why:         "Some servers split it at blanks. Administrators of Hub may name extension grants as they like, so the hub profile reports.",
		Source:      "RFC 6749 section 4.5 and appendix A.10",
		Covers:      []string{"K-11"},
		Description: "grant_type is malformed",
		Check: func(c *rule.Case) bool {
			grant := c.Get(scan.GrantType)
			return grant != "" && !grantName(grant) && !redirecturi.Absolute(grant)
		},
	},
	{
		ID: "token.grant_type.unsupported", Endpoints: here, Error: "unsupported_grant_type", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OtherGrant},
		Title: "grant_type is a name that RFC 6749 does not define",
		Why: "Extension grants are named by absolute URIs, so a bare name is a typing error, or implicit, which has no token request. " +
			"Hub's extension grants have free names: there the rule reports.",
		Source:      "RFC 6749 sections 4.5 and 5.2",
		Covers:      []string{"K-11", "K-13"},
		Description: "the grant_type is not supported",
		Check: func(c *rule.Case) bool {
			grant := c.Get(scan.GrantType)
			if !grantName(grant) {
				return false
			}
			switch grant {
			case "authorization_code", "password", "client_credentials", "refresh_token":
				return false
			}
			return !c.Authentication().All(func(client *rule.Client) bool { return slices.Contains(client.GrantTypes, grant) })
		},
	},
	{
		ID: "token.grant_type.password", Endpoints: here, Error: "unsupported_grant_type", Modes: rule.EnforceOAuth21, When: rule.When{Traits: rule.OtherGrant},
		Title:       "The password grant",
		Why:         "It teaches users to give their password to applications. Off by default: older servers rely on it.",
		Source:      "RFC 9700 section 2.4",
		Covers:      []string{"K-12"},
		Description: "the password grant is not supported",
		Check:       grantIs("password"),
	},
	{
		ID: "token.grant_type.not_fapi", Endpoints: here, Error: "unsupported_grant_type", Modes: rule.EnforceFAPI2, When: rule.When{Traits: rule.OtherGrant},
		Title: "A grant that the security profile of FAPI 2.0 does not know",
		Why: "It knows authorization_code, refresh_token, client_credentials and that of CIBA. Others give tokens in ways that the profile was not " +
			"analysed for. On by default in the profile fapi2 only.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2, FAPI: Client Initiated Backchannel Authentication Profile",
		Covers:      []string{"K-11", "K-12", "F-01"},
		Description: "the grant_type is not supported",
		Check: func(c *rule.Case) bool {
			switch c.Get(scan.GrantType) {
			case "", "authorization_code", "refresh_token", "client_credentials", cibaGrant:
				return false
			}
			return true
		},
	},
	{
		ID: "token.grant_type.not_allowed", Endpoints: here, Error: "unauthorized_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Limited},
		Title:       "The client may not use this grant",
		Why:         "A client registered for one grant must not be used for another.",
		Source:      "RFC 6749 section 5.2, RFC 7591 section 2",
		Covers:      []string{"K-31"},
		Description: "the client may not use this grant_type",
		Check: func(c *rule.Case) bool {
			grant := c.Get(scan.GrantType)
			return grant != "" && c.Authentication().All(func(client *rule.Client) bool {
				return client.GrantTypes != nil && !slices.Contains(client.GrantTypes, grant)
			})
		},
	},
	{
		ID: "token.client_credentials.public", Endpoints: here, Error: "unauthorized_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OtherGrant},
		Title:       "A public client asks for a token of its own",
		Why:         "Whoever knows the client_id would get it.",
		Source:      "RFC 6749 section 4.4",
		Covers:      []string{"K-32"},
		Description: "a public client may not use client_credentials",
		Check: func(c *rule.Case) bool {
			return grantIs("client_credentials")(c) && c.Authentication().All((*rule.Client).Public)
		},
	},
	{
		ID: "token.client_credentials.untrusted", Endpoints: here, Error: "unauthorized_client", Modes: rule.Modes{Hub: rule.Enforce}, When: rule.When{Traits: rule.OtherGrant},
		Title:       "A service that is not trusted asks for a token of its own",
		Why:         "Anybody could register an untrusted service with old Hubs, and known attacks begin with such a token.",
		Source:      "Hub documentation, Client Credentials: \"must be a trusted service\"; OAuth 2.0 Errors: \"is not verified\"",
		Description: "the service is not trusted",
		Check: func(c *rule.Case) bool {
			return grantIs("client_credentials")(c) && c.Authentication().All(func(client *rule.Client) bool { return client.Trust == rule.Untrusted })
		},
	},
	required("token.code.missing", "authorization_code", scan.Code, "RFC 6749 section 4.1.3", "K-14"),
	malformed("token.code.malformed", scan.Code, "RFC 6749 appendix A.11"),
	required("token.refresh_token.missing", "refresh_token", scan.RefreshToken, "RFC 6749 section 6", "K-19"),
	malformed("token.refresh_token.malformed", scan.RefreshToken, "RFC 6749 appendix A.17"),
	{
		ID: "token.client_secret.malformed", Endpoints: here, Error: "invalid_grant", Modes: rule.EnforceStandard,
		When:        rule.When{Signs: scan.NonASCII | scan.Control},
		Title:       "client_secret holds a character that is not printable ASCII",
		Why:         "No server ever issued it. The error code is Hub's.",
		Source:      "RFC 6749 appendix A.2; Hub documentation, OAuth 2.0 Errors: \"the service secret is of invalid format\"",
		Covers:      []string{"K-15"},
		Description: "client_secret is malformed",
		Check:       func(c *rule.Case) bool { return !c.Printable(scan.ClientSecret) },
	},
	required("token.username.missing", "password", scan.Username, "RFC 6749 section 4.3.2", "K-18"),
	required("token.password.missing", "password", scan.Password, "RFC 6749 section 4.3.2", "K-18"),
	{
		ID: "token.redirect_uri.missing", Endpoints: here, Error: "invalid_grant", Modes: rule.OnRequest, When: rule.When{Traits: rule.CodeGrant},
		Title:       "redirect_uri is missing with the authorization code",
		Why:         "Required if the authorization request had one, which the guard cannot know; OAuth 2.1 dropped it. Off by default.",
		Source:      "RFC 6749 section 4.1.3",
		Covers:      []string{"K-16"},
		Description: "redirect_uri is missing",
		Check: func(c *rule.Case) bool {
			return grantIs("authorization_code")(c) && !c.Has(scan.RedirectURI)
		},
	},
	{
		ID: "token.redirect_uri.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddRedirect},
		Title:       "redirect_uri is not an absolute URI, or has a fragment",
		Why:         "No code was ever issued for it.",
		Source:      "RFC 6749 sections 3.1.2 and 4.1.3",
		Covers:      []string{"A-14", "A-15"},
		Description: "redirect_uri is malformed",
		Check: func(c *rule.Case) bool {
			return grantIs("authorization_code")(c) && c.Has(scan.RedirectURI) && !c.RedirectURIRegistered() &&
				!redirecturi.Absolute(c.Get(scan.RedirectURI))
		},
	},
	{
		ID: "token.redirect_uri.unregistered", Endpoints: here, Error: "invalid_grant", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddRedirect},
		Title:       "redirect_uri is none of the client's registered ones",
		Why:         "No code was ever issued for it. Only judged with an authorization code: some clients repeat it on refresh.",
		Source:      "RFC 6749 section 4.1.3",
		Covers:      []string{"K-17", "A-17"},
		Description: "redirect_uri is not registered for the client",
		Check: func(c *rule.Case) bool {
			return grantIs("authorization_code")(c) && c.Has(scan.RedirectURI) && len(c.Authentication().Clients()) > 0 && !c.RedirectURIRegistered()
		},
	},
	{
		ID: "token.code_verifier.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:        rule.When{Traits: rule.OddVerifier},
		Title:       "code_verifier is not 43 to 128 unreserved characters",
		Why:         "It cannot match any challenge.",
		Source:      "RFC 7636 section 4.1",
		Covers:      []string{"P-06"},
		Description: "code_verifier is malformed",
		Check: func(c *rule.Case) bool {
			verifier := c.Get(scan.CodeVerifier)
			return verifier != "" && !rule.CodeVerifier(verifier, c.Parameters.Class(scan.CodeVerifier))
		},
	},
	{
		ID: "token.code_verifier.missing", Endpoints: here, Error: "invalid_request", FAPIError: "invalid_grant", Modes: rule.EnforceOAuth21, When: rule.When{Lacks: scan.NamesOf(scan.CodeVerifier)},
		Title:       "An authorization code without code_verifier",
		Why:         "For servers whose clients all use PKCE, as RFC 9700 wants it. Off in hub and rfc6749. The conformance suite of FAPI 2.0 expects invalid_grant.",
		Source:      "RFC 7636 section 4.5, RFC 9700 section 2.1.1",
		Covers:      []string{"P-07"},
		Description: "code_verifier is missing",
		Check: func(c *rule.Case) bool {
			return grantIs("authorization_code")(c) && !c.Has(scan.CodeVerifier)
		},
	},
}

// askers are the endpoints at which a client itself asks for access. What it pushes is judged as an authorization request.
var askers = rule.At(rule.Token, rule.Device, rule.Backchannel)

// Scopes are the rules about scope, resource and authorization_details.
var Scopes = []rule.Rule{
	{
		ID: "token.scope.malformed", Endpoints: askers, Error: "invalid_scope", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddScope},
		Title:       "scope is not a list of printable ASCII words, without quotes and backslashes, with single blanks between",
		Why:         "The grammar keeps scopes comparable. Names of Hub services may hold other characters.",
		Source:      "RFC 6749 section 3.3 and appendix A.4",
		Covers:      []string{"A-30"},
		Description: "scope is malformed",
		Check:       func(c *rule.Case) bool { return !rule.Scope(c.Get(scan.Scope)) },
	},
	{
		ID: "token.scope.missing", Endpoints: here, Error: "invalid_scope", Modes: rule.OnRequest, When: rule.When{Traits: rule.OtherGrant},
		Title:       "scope is missing in a grant that has none from before",
		Why:         "For servers without a default scope. Off by default: a server may have one.",
		Source:      "RFC 6749 section 3.3",
		Covers:      []string{"A-31"},
		Description: "scope is missing",
		Check: func(c *rule.Case) bool {
			return !c.Has(scan.Scope) && (grantIs("password")(c) || grantIs("client_credentials")(c))
		},
	},
	{
		ID: "token.scope.not_allowed", Endpoints: askers, Error: "invalid_scope", Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.Limited},
		Title:       "scope holds a word that the client's record does not list",
		Why:         "Servers may ignore such a word instead, so the finding is only reported.",
		Source:      "RFC 6749 section 3.3, RFC 7591 section 2",
		Covers:      []string{"A-32"},
		Description: "the client may not ask for this scope",
		Check: func(c *rule.Case) bool {
			return c.Authentication().All(func(client *rule.Client) bool { return authorize.ScopeBeyond(c.Get(scan.Scope), client.Scopes) })
		},
	},
	{
		ID: "token.scope.unregistered_service", Endpoints: here, Error: "invalid_scope", Modes: rule.Modes{Hub: rule.Report}, When: rule.When{Traits: rule.OtherScope},
		Title:       "No word of scope names a registered service",
		Why:         "Hub's scopes are services. Only judged when the source holds all services of a Hub.",
		Source:      "Hub documentation, OAuth 2.0 Errors: \"does not match any registered service\"",
		Description: "the scope does not match any registered service",
		Check:       authorize.NoServiceNamed,
	},
	{
		ID: "token.resource.malformed", Endpoints: askers, Error: "invalid_target", Modes: rule.EnforceStandard,
		When:        rule.When{Traits: rule.OddResource},
		Title:       "resource is not an absolute URI, or has a fragment",
		Why:         "It names the audience of the token.",
		Source:      "RFC 8707 section 2",
		Covers:      []string{"A-46"},
		Description: "resource must be an absolute URI without a fragment",
		Check:       authorize.MalformedResource,
	},
	{
		ID: "token.authorization_details.malformed", Endpoints: askers, Error: "invalid_authorization_details", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.AuthorizationDetails)},
		Title:       "authorization_details is not a JSON array of objects, each with a string type",
		Why:         "A server that reads it leniently grants something else than was asked for.",
		Source:      "RFC 9396 sections 2, 5 and 6",
		Covers:      []string{"A-45"},
		Description: "authorization_details is malformed",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.AuthorizationDetails) && !authorize.ValidAuthorizationDetails(c.Get(scan.AuthorizationDetails))
		},
	},
}

// grantIs reports whether the grant is the given one, or would be for a server that trims.
func grantIs(grant string) func(*rule.Case) bool {
	return func(c *rule.Case) bool { return c.Grant() == grant }
}

// required makes the rule that a grant needs a parameter.
func required(id, grant string, name scan.Name, source, covers string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:   rule.When{Traits: traitOf(grant)},
		Title:  name.String() + " is missing or empty with grant_type " + grant,
		Why:    "There is nothing to exchange for a token.",
		Source: source, Covers: []string{covers, "K-09"}, Description: name.String() + " is missing",
		Check: func(c *rule.Case) bool { return !c.Has(name) && c.Get(scan.GrantType) == grant },
	}
}

// traitOf is the trait of a request that may lack what that grant needs.
func traitOf(grant string) rule.Traits {
	switch grant {
	case "authorization_code", "refresh_token":
		return rule.EmptyGrant
	}
	return rule.OtherGrant
}

// malformed makes the rule that a code or token consists of printable ASCII.
func malformed(id string, name scan.Name, source string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: here, Error: "invalid_grant", Modes: rule.EnforceEverywhere,
		When:   rule.When{Signs: scan.NonASCII | scan.Control},
		Title:  name.String() + " holds a character that is not printable ASCII",
		Why:    "No server ever issued it.",
		Source: source, Covers: []string{"K-15"}, Description: name.String() + " is malformed",
		Check: func(c *rule.Case) bool { return !c.Printable(name) },
	}
}

// grantName reports whether s is a name, RFC 6749 appendix A.10.
func grantName(s string) bool {
	return s != "" && rule.Unreserved(s) && strings.IndexByte(s, '~') < 0
}
