// Package registration holds the rules of the client registration endpoint: RFC 7591. They judge what a POST says about a client. The management of registrations
// (RFC 7592) by other methods, and software statements, are the server's own.
package registration

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

var here = rule.At(rule.Registration)

// Rules are the rules about the body, and about members other than redirect URIs.
var Rules = []rule.Rule{
	{
		ID: "registration.content_type.unsupported", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		Title:       "The registration is not application/json",
		Why:         "A browser sends other types to any site without asking first. What the body says is judged as JSON all the same.",
		Source:      "RFC 7591 section 3.1",
		Covers:      []string{"N-01"},
		Description: "the content type must be application/json",
		Check:       func(c *rule.Case) bool { return c.Method == "POST" && !c.ContentType().JSON },
	},
	judged("registration.metadata.malformed", "invalid_client_metadata", rule.EnforceEverywhere,
		"The body is not one JSON object in UTF-8, has a member twice, is nested more than 32 levels deep, or holds more than 2,048 values",
		"JSON parsers take the first or the last of two members, and differ in what they repair. A registration has some hundred values at most; more only cost time.",
		"RFC 7591 section 3.1, RFC 8259 sections 4, 8.1 and 9, RFC 7493 section 2",
		"the body must be a JSON object with each member once",
		func(m *rule.Metadata) bool { return m.Malformed }),
	judged("registration.member.misspelt", "invalid_client_metadata", rule.EnforceEverywhere,
		"A member has the name of one like redirect_uris in other letters, such as Redirect_URIs",
		"Parsers that ignore case take it for that one, so that its value would go unjudged.",
		"RFC 7591 section 2; behaviour of encoding/json of Go and of .NET",
		"the name of a member is written in an ambiguous way",
		func(m *rule.Metadata) bool { return m.Misspelt }),
	judged("registration.member.mistyped", "invalid_client_metadata", rule.EnforceEverywhere,
		"A member has the wrong type: redirect_uris, grant_types and the like are arrays of strings, jwks is an object, jwks_uri is a string",
		"A lenient server reads something that was not judged. null counts as omitted.",
		"RFC 7591 section 2",
		"a member of the metadata has the wrong type",
		func(m *rule.Metadata) bool { return m.Mistyped }),
	judged("registration.jwks.several_ways", "invalid_client_metadata", rule.EnforceStandard,
		"jwks and jwks_uri together",
		"One set of keys is shown to whoever approves the client, another one is used.",
		"RFC 7591 section 2",
		"jwks and jwks_uri must not both be present",
		func(m *rule.Metadata) bool { return m.Keys && m.KeysURI }),
	judged("registration.grant_types.mismatch", "invalid_client_metadata", rule.ReportEverywhere,
		"grant_types and response_types do not fit together",
		"A code needs authorization_code, a token from the authorization endpoint needs implicit. A server may refuse or complete it, so the finding is only reported. "+
			"Without response_types nothing is reported: clients without a browser leave it out.",
		"RFC 7591 section 2.1",
		"grant_types and response_types do not fit together",
		mismatched),
}

// judged makes a rule about the metadata of a registration.
func judged(id, code string, modes rule.Modes, title, why, source, description string, check func(*rule.Metadata) bool) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: here, Error: code, Modes: modes,
		Title: title, Why: why, Source: source, Covers: []string{"N-01"}, Description: description,
		Check: func(c *rule.Case) bool { return c.Method == "POST" && check(c.Metadata()) },
	}
}

// mismatched reports whether the response types need other grant types, or the other way round. An omitted list of grant types holds authorization_code.
func mismatched(m *rule.Metadata) bool {
	code := !m.GrantTypes.Has(rule.Listed) || m.GrantTypes.Has(rule.AuthorizationCodeGrant)
	return m.ResponseTypes.Has(rule.Listed) && (m.ResponseTypes.Has(rule.CodeResponse) != code || m.ResponseTypes.Has(implicitResponse) != m.GrantTypes.Has(rule.ImplicitGrant))
}

// implicitResponse are the response types that hold a token.
const implicitResponse = rule.TokenResponse | rule.IDTokenResponse
