package token

import (
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

const (
	// jwtAuthentication is the client_assertion_type of RFC 7523 section 2.2. Others are known to the server alone.
	jwtAuthentication = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	jwtGrant          = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	samlGrant         = "urn:ietf:params:oauth:grant-type:saml2-bearer"
)

// ClientAssertions are the rules about clients that authenticate with an assertion: RFC 7521 section 4.2, RFC 7523. An encrypted one can only be read by the server, and so can one that was
// used before.
var ClientAssertions = []rule.Rule{
	{
		ID: "token.client_assertion_type.missing", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientAssertion)},
		Title:       "client_assertion without client_assertion_type",
		Why:         "The server would have to guess what the assertion is.",
		Source:      "RFC 7521 section 4.2",
		Covers:      []string{"E-02"},
		Description: "client_assertion_type is missing",
		Check:       func(c *rule.Case) bool { return c.Has(scan.ClientAssertion) && !c.Has(scan.ClientAssertionType) },
	},
	{
		ID: "token.client_assertion.missing", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientAssertionType)},
		Title:       "client_assertion_type without client_assertion",
		Why:         "The client believes that it authenticates.",
		Source:      "RFC 7521 section 4.2",
		Covers:      []string{"E-02"},
		Description: "client_assertion is missing",
		Check:       func(c *rule.Case) bool { return c.Has(scan.ClientAssertionType) && !c.Has(scan.ClientAssertion) },
	},
	{
		ID: "token.client_assertion_type.malformed", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientAssertionType)},
		Title:       "client_assertion_type is not an absolute URI",
		Why:         "No type has such a name; a server that searches for a part of it sees one all the same.",
		Source:      "RFC 7521 section 4.2",
		Covers:      []string{"E-02"},
		Description: "client_assertion_type is malformed",
		Check: func(c *rule.Case) bool {
			kind := c.Get(scan.ClientAssertionType)
			return kind != "" && !redirecturi.Absolute(kind)
		},
	},
	{
		ID: "token.client_assertion.malformed", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientAssertion)},
		Title:       "client_assertion is not a signed or encrypted JWT that every parser reads alike",
		Why:         "Parts that are not base64url, a member that occurs twice, or extensions that must be understood are read by some servers and not by others.",
		Source:      "RFC 7523 section 3, RFC 7515 sections 4, 4.1.11 and 7.1, RFC 8725 section 2.4",
		Covers:      []string{"E-05"},
		Description: "client_assertion is malformed",
		Check: func(c *rule.Case) bool {
			if c.Get(scan.ClientAssertionType) != jwtAuthentication || !c.Has(scan.ClientAssertion) {
				return false
			}
			token := c.JWT(c.Get(scan.ClientAssertion))
			return token.Form == jwt.Malformed || token.Critical()
		},
	},
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.unsigned", Modes: rule.EnforceStandard,
		Title:       "client_assertion is not signed, or with a secret although the client has a key",
		Why:         "Everybody can write an unsigned one; and a public key that a server takes for a secret is known to everybody.",
		Source:      "RFC 7523 section 3, RFC 8725 sections 2.1 and 3.1",
		Covers:      []string{"E-05"},
		Description: "client_assertion must be signed",
	}, func(c *rule.Case, a *jwt.Token) bool {
		keyed := func(client *rule.Client) bool { return client.AuthMethod == "private_key_jwt" }
		return a.Unsigned() || a.Symmetric() && c.Authentication().All(keyed)
	}),
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.algorithm_weak", Modes: rule.EnforceFAPI2,
		Title:       "client_assertion is signed with another algorithm than PS256, ES256 or EdDSA",
		Why:         "The profile fapi2 allows no others; elsewhere the rule is off.",
		Source:      "FAPI 2.0 Security Profile section 5.4.1",
		Covers:      []string{"E-05", "F-01"},
		Description: "the algorithm of client_assertion is not allowed",
	}, func(_ *rule.Case, a *jwt.Token) bool { return !rule.FAPIAlgorithm(a.Algorithm()) }),
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.claim_missing", Modes: rule.EnforceStandard,
		Title:       "client_assertion lacks iss, sub, aud or exp",
		Why:         "Without them it authenticates anybody, anywhere, or for ever.",
		Source:      "RFC 7523 section 3",
		Covers:      []string{"E-03"},
		Description: "client_assertion lacks a claim",
	}, func(_ *rule.Case, a *jwt.Token) bool { return lacksClaims(a) }),
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.jti_missing", Modes: rule.OnRequest,
		Title:       "client_assertion lacks jti",
		Why:         "Without it the server cannot see that it comes twice. Off by default: RFC 7523 leaves it to the server, OpenID Connect demands it.",
		Source:      "RFC 7523 section 3, OpenID Connect Core section 9",
		Covers:      []string{"E-03"},
		Description: "client_assertion lacks jti",
	}, func(_ *rule.Case, a *jwt.Token) bool { return a.Text("jti") == "" }),
	clientAssertion(rule.Rule{
		ID:    "token.client_assertion.issuer_mismatch",
		Modes: rule.Modes{Hub: rule.Report, RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce},
		Title: "iss of client_assertion is not its sub",
		Why: "A client writes its own assertion, in the name of both. RFC 7523 allows another issuer, such as the identity service of a cloud, so only the profile fapi2 refuses. That sub is the " +
			"client is the business of token.client_id.mismatch.",
		Source:      "RFC 7523 section 3, OpenID Connect Core section 9, FAPI 2.0 Security Profile section 5.3.2.1",
		Covers:      []string{"E-03"},
		Description: "client_assertion is of another issuer",
	}, func(_ *rule.Case, a *jwt.Token) bool {
		return a.Has("iss") && a.Has("sub") && a.Text("iss") != a.Text("sub")
	}),
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.audience_wrong", Modes: rule.EnforceFAPI2,
		Title: "aud of client_assertion is not the issuer of the server as one string",
		Why: "An assertion for several servers can be used by one of them at another. The option issuer says what is right. Elsewhere than in the profile fapi2 clients may write the address of " +
			"an endpoint, so there the rule is off.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.1, RFC 7523bis",
		Covers:      []string{"E-04"},
		Description: "client_assertion is for another audience",
	}, func(c *rule.Case, a *jwt.Token) bool {
		values, single := a.Audience()
		return a.Has("aud") && (!single || c.Options.Issuer != "" && values[0] != c.Options.Issuer)
	}),
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.expired", Modes: rule.EnforceStandard,
		Title:       "client_assertion is expired, or not valid yet",
		Why:         "An old one may have been stolen. Clocks may differ by a minute.",
		Source:      "RFC 7523 section 3",
		Covers:      []string{"E-03"},
		Description: "client_assertion is expired or not valid yet",
	}, (*rule.Case).OutOfTime),
}

// ClientSignature is the rule that takes longest, so it comes last of all.
var ClientSignature = []rule.Rule{
	clientAssertion(rule.Rule{
		ID: "token.client_assertion.signature_invalid", Costly: true, Modes: rule.EnforceEverywhere,
		Title:       "The signature of client_assertion does not verify with the client's keys",
		Why:         "Somebody else wrote it, or changed it. Only judged for clients whose jwks are known.",
		Source:      "RFC 7523 section 3",
		Covers:      []string{"E-06"},
		Description: "the signature of client_assertion is not valid",
	}, func(c *rule.Case, a *jwt.Token) bool {
		return c.Authentication().All(func(client *rule.Client) bool { return c.Verify(client, a) == rule.SignatureInvalid })
	}),
}

// Assertions are the rules about grants that are assertions: RFC 7521 section 4.1, RFC 7522, RFC 7523. Whose keys sign them is known to the server alone.
var Assertions = []rule.Rule{
	required("token.assertion.missing", jwtGrant, scan.Assertion, "RFC 7521 section 4.1, RFC 7523 section 2.1", "E-01"),
	required("token.assertion.saml_missing", samlGrant, scan.Assertion, "RFC 7521 section 4.1, RFC 7522 section 2.1", "E-01"),
	{
		ID: "token.assertion.malformed", Endpoints: here, Error: "invalid_grant", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.Assertion)},
		Title:       "assertion is not a signed or encrypted JWT that every parser reads alike, or is not signed",
		Why:         "Parts that are not base64url, a member that occurs twice, or extensions that must be understood are read by some servers and not by others; an unsigned one anybody can write.",
		Source:      "RFC 7523 section 3, RFC 7515 sections 4, 4.1.11 and 7.1, RFC 8725 sections 2.1 and 2.4",
		Covers:      []string{"E-01", "E-05"},
		Description: "assertion is malformed",
		Check: func(c *rule.Case) bool {
			if c.Get(scan.GrantType) != jwtGrant || !c.Has(scan.Assertion) {
				return false
			}
			token := c.JWT(c.Get(scan.Assertion))
			return token.Form == jwt.Malformed || token.Critical() || token.Unsigned()
		},
	},
	assertion(rule.Rule{
		ID: "token.assertion.claim_missing", Modes: rule.EnforceStandard,
		Title:       "assertion lacks iss, sub, aud or exp",
		Why:         "It does not say who vouches for whom, where, or how long.",
		Source:      "RFC 7523 section 3",
		Covers:      []string{"E-03"},
		Description: "assertion lacks a claim",
	}, func(_ *rule.Case, a *jwt.Token) bool { return lacksClaims(a) }),
	assertion(rule.Rule{
		ID: "token.assertion.expired", Modes: rule.EnforceStandard,
		Title:       "assertion is expired, or not valid yet",
		Why:         "What it says held at another time. Clocks may differ by a minute.",
		Source:      "RFC 7523 section 3",
		Covers:      []string{"E-03"},
		Description: "assertion is expired or not valid yet",
	}, (*rule.Case).OutOfTime),
}

// lacksClaims reports whether a claim that RFC 7523 section 3 requires is missing, or of the wrong type.
func lacksClaims(a *jwt.Token) bool {
	audience, _ := a.Audience()
	_, ends := a.Seconds("exp")
	return a.Text("iss") == "" || a.Text("sub") == "" || !slices.ContainsFunc(audience, func(value string) bool { return value != "" }) || !ends
}

// clientAssertion makes a rule about an assertion by which a client authenticates, and which can be read.
func clientAssertion(r rule.Rule, check func(*rule.Case, *jwt.Token) bool) rule.Rule {
	return readable(r, rule.Backchannels, "invalid_client", scan.ClientAssertion, scan.ClientAssertionType, jwtAuthentication, check)
}

// assertion makes a rule about an assertion that is a grant, and which can be read.
func assertion(r rule.Rule, check func(*rule.Case, *jwt.Token) bool) rule.Rule {
	return readable(r, here, "invalid_grant", scan.Assertion, scan.GrantType, jwtGrant, check)
}

// readable makes a rule about a JWT in one parameter, if another parameter says that it is one.
func readable(r rule.Rule, endpoints rule.Endpoints, code string, name, kind scan.Name, want string, check func(*rule.Case, *jwt.Token) bool) rule.Rule {
	r.Endpoints, r.Error, r.When = endpoints, code, rule.When{Names: scan.NamesOf(name)}
	r.Check = func(c *rule.Case) bool {
		if c.Get(kind) != want || !c.Has(name) {
			return false
		}
		token := c.JWT(c.Get(name))
		return token.Form == jwt.Signed && check(c, token)
	}
	return r
}
