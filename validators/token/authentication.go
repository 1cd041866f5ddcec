// Package token holds the rules of the token endpoint, and of what all endpoints have in common to which a client posts a form: RFC 6749 sections 2.3, 3.2 and 4 to 6,
// RFC 7636, RFC 8628, RFC 8693, RFC 8707, RFC 9396.
package token

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here = rule.At(rule.Token)
	// registrants are the endpoints whose callers are registered clients. Introspection is asked by protected resources, which need not be clients.
	registrants = rule.Backchannels &^ rule.At(rule.Introspection)
)

// Authentication are the rules about how the client identifies and authenticates itself.
var Authentication = []rule.Rule{
	{
		ID: "token.authorization.malformed", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "Authorization: Basic whose value is not base64, has no identifier before a colon, holds a control character, or has more than 16 KiB",
		Why:         "It authenticates nobody. Both readings of plus and percent signs, and colons in the identifier, are legal.",
		Source:      "RFC 7617 section 2, RFC 6749 section 2.3.1; Hub documentation: \"Authorization header was either of invalid format or not passed\"",
		Covers:      []string{"K-24", "K-28"},
		Description: "the Authorization header is malformed",
		Check:       func(c *rule.Case) bool { return c.Authentication().Malformed },
	},
	{
		ID: "token.authorization.not_utf8", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "Authorization: Basic whose identifier or secret is not UTF-8",
		Why:         "Servers decode such bytes in different charsets.",
		Source:      "RFC 7617 section 2.1, RFC 6749 section 2.3.1 and appendix B",
		Covers:      []string{"K-24"},
		Description: "the credentials must be encoded in UTF-8",
		Check:       func(c *rule.Case) bool { return c.Authentication().NotUTF8 },
	},
	{
		ID: "token.authorization.loose_base64", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "Authorization: Basic whose base64 lacks padding, or uses the URL alphabet",
		Why:         "Strict decoders refuse it, lenient ones accept several spellings of one value.",
		Source:      "RFC 7617 section 2, RFC 4648 section 4",
		Covers:      []string{"K-24"},
		Description: "the Authorization header is malformed",
		Check: func(c *rule.Case) bool {
			a := c.Authentication()
			return a.Loose && !a.Malformed
		},
	},
	{
		ID: "token.authorization.scheme", Endpoints: registrants, Error: "invalid_client", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddAuthorization},
		Title: "An Authorization header of another scheme than Basic",
		Why: "Clients authenticate with Basic, in the form or with an assertion; a bearer token here is a mistake that servers ignore. Extension grants, such as " +
			"that of UMA, may define other schemes, and an access token is one way to authenticate at introspection.",
		Source:      "RFC 6749 sections 2.3.1 and 5.2, RFC 7662 section 2.1",
		Covers:      []string{"K-27", "K-28"},
		Description: "the authentication scheme is not supported",
		Check: func(c *rule.Case) bool {
			return c.Authentication().Scheme > rule.BasicScheme && !strings.Contains(c.Get(scan.GrantType), ":")
		},
	},
	{
		ID: "token.authentication.multiple", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:        rule.When{Names: scan.NamesOf(scan.ClientSecret, scan.ClientAssertion)},
		Title:       "The client authenticates in more than one way, with different credentials",
		Why:         "One is checked, the other is used.",
		Source:      "RFC 6749 section 2.3",
		Covers:      []string{"K-21", "O-04"},
		Description: "the client must not use more than one authentication method",
		Check:       func(c *rule.Case) bool { return c.Credentials() > 1 && !sameCredentials(c) },
	},
	{
		ID: "token.authentication.repeated", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientSecret)},
		Title:       "The same credentials in the Authorization header and in the form",
		Why:         "Forbidden, but old versions of YouTrack Mobile did it, so the hub profile reports.",
		Source:      "RFC 6749 section 2.3",
		Covers:      []string{"K-21", "O-04"},
		Description: "the client must not use more than one authentication method",
		Check:       func(c *rule.Case) bool { return c.Credentials() > 1 && sameCredentials(c) },
	},
	{
		ID: "token.client_id.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unproven},
		Title:       "A code, an auth_req_id, or the client's own credentials, without a client: neither client_id nor Basic nor an assertion",
		Why:         "A code must be bound to the client that asks, and a token of a client's own to that client.",
		Source:      "RFC 6749 sections 3.2.1, 4.1.3 and 4.4.2, RFC 8628 section 3.4, CIBA Core section 10.1",
		Covers:      []string{"K-20", "V-02", "C-01"},
		Description: "client_id is missing",
		Check: func(c *rule.Case) bool {
			grant := c.Get(scan.GrantType)
			return c.Anonymous() && (grant == "authorization_code" || grant == "client_credentials" || grant == deviceGrant || grant == cibaGrant)
		},
	},
	{
		ID: "token.client_id.not_identified", Endpoints: here, Error: "invalid_request", Modes: rule.Modes{Hub: rule.Enforce, RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce}, When: rule.When{Traits: rule.Unproven},
		Title: "A password or a refresh token without a client: neither client_id nor Basic nor an assertion",
		Why: "The standard lets a client without credentials leave its name out here; Hub does not. Extension grants may identify the " +
			"client in another way.",
		Source:      "RFC 6749 sections 3.2.1, 4.3.2 and 6; Hub documentation, Refresh Token: \"client_id is required\" without the header",
		Covers:      []string{"K-20"},
		Description: "client_id is missing",
		Check: func(c *rule.Case) bool {
			grant := c.Get(scan.GrantType)
			return c.Anonymous() && (grant == "password" || grant == "refresh_token")
		},
	},
	{
		ID: "token.client_secret.orphan", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:        rule.When{Names: scan.NamesOf(scan.ClientSecret)},
		Title:       "client_secret without client_id",
		Why:         "A secret of nobody: some server may try it on everybody.",
		Source:      "RFC 6749 section 2.3.1",
		Covers:      []string{"K-30"},
		Description: "client_secret needs a client_id",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.ClientSecret) && !c.Has(scan.ClientID) && c.Authentication().Scheme == rule.NoScheme
		},
	},
	{
		ID: "token.client_id.mismatch", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Mismatching},
		Title:       "client_id names another client than the Authorization header or the assertion",
		Why:         "One is authenticated, the other gets the token. The same client_id beside Basic is legal, whichever way the header encodes it.",
		Source:      "RFC 6749 sections 2.3 and 3.2.1, RFC 7521 section 4.2",
		Covers:      []string{"K-23", "K-22", "K-25"},
		Description: "client_id does not match the client authentication",
		Check:       mismatch,
	},
	{
		ID: "token.client_id.unknown", Endpoints: registrants, Error: "invalid_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unregistered},
		Title:       "No client of that client_id is registered",
		Why:         "The option unknown_client sets the mode of this rule.",
		Source:      "RFC 6749 section 5.2; Hub documentation: \"No service with the provided clientServiceId was found\"",
		Covers:      []string{"A-11", "K-28"},
		Description: "the client is not registered",
		Check:       func(c *rule.Case) bool { return c.Authentication().Standing == rule.Absent },
	},
	{
		ID: "token.client_id.unjudged", Endpoints: registrants, Error: "temporarily_unavailable", Status: 503, Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.Unregistered},
		Title:       "The registered clients are not known at the moment",
		Why:         "The source never delivered, or what it delivered is too old. The option unjudged decides what happens.",
		Source:      "Design of the guard: enforce never guesses",
		Description: "the registered clients are not known at the moment",
		Check:       func(c *rule.Case) bool { return c.Authentication().Standing == rule.Unjudged },
	},
	{
		ID: "token.client_authentication.missing", Endpoints: registrants, Error: "invalid_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unproven},
		Title:       "The client must authenticate, and presents no credentials",
		Why:         "A server that forgets to ask would give a stolen code away.",
		Source:      "RFC 6749 section 3.2.1; Hub documentation: trusted services must authenticate",
		Covers:      []string{"K-26", "K-28", "O-04"},
		Description: "the client must authenticate",
		Check: func(c *rule.Case) bool {
			return c.Credentials() == 0 && c.Authentication().All((*rule.Client).Confidential)
		},
	},
}

// sameCredentials reports whether the header and the form hold the same credentials, in some legal reading of the header.
func sameCredentials(c *rule.Case) bool {
	if c.Has(scan.ClientAssertion) || c.Repeats(scan.ClientID) || c.Repeats(scan.ClientSecret) {
		return false
	}
	for _, reading := range c.Authentication().Readings() {
		if reading.Secret == c.Get(scan.ClientSecret) && (!c.Has(scan.ClientID) || reading.ID == c.Get(scan.ClientID)) {
			return true
		}
	}
	return false
}

// mismatch compares client_id with every reading of Basic, and the identifiers with the assertion's subject.
func mismatch(c *rule.Case) bool {
	a := c.Authentication()
	if a.Truncated {
		return false
	}
	id, named := c.Single(scan.ClientID)
	readings := a.Readings()
	if named && len(readings) > 0 && !hasID(readings, id) {
		return true
	}
	if a.Subject == "" {
		return false
	}
	return named && a.Subject != id || !named && len(readings) > 0 && !hasID(readings, a.Subject)
}

func hasID(readings []rule.Reading, id string) bool {
	for _, reading := range readings {
		if reading.ID == id {
			return true
		}
	}
	return false
}
