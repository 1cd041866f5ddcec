// Package authorize holds the rules of the authorization endpoint: RFC 6749 section 4.1.1 and 4.2.1, OpenID Connect Core, RFC 7636, RFC 8707.
package authorize

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here = rule.At(rule.Authorize)
	// requests are authorization requests wherever they are sent. Who the client of a pushed one is, and what occurs twice there, is judged as at the token endpoint.
	requests = rule.AuthorizationRequests
)

// Repeats are the two rules that come before everything else about meaning: who asks, and where the answer goes.
var Repeats = []rule.Rule{
	{
		ID: "authorize.client_id.repeated", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true, OwnForms: true, When: rule.When{Traits: rule.Repeating},
		Title:       "client_id occurs more than once, or with different values in query and body",
		Why:         "Servers take the first, the last or all of them.",
		Source:      "RFC 6749 section 3.1 with erratum 5708",
		Covers:      []string{"A-05", "A-03", "A-04", "T-10"},
		Description: "client_id must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeats(scan.ClientID) },
	},
	{
		ID: "authorize.redirect_uri.repeated", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, OwnForms: true, When: rule.When{Traits: rule.Repeating},
		Title:       "redirect_uri occurs more than once, or with different values in query and body",
		Why:         "One is checked, the other gets the code.",
		Source:      "RFC 6749 section 3.1 with erratum 5708",
		Covers:      []string{"A-05", "A-03", "T-10"},
		Description: "redirect_uri must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeats(scan.RedirectURI) },
	},
}

// Clients are the rules about client_id.
var Clients = []rule.Rule{
	{
		ID: "authorize.client_id.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Lacks: scan.NamesOf(scan.ClientID)},
		Title:       "client_id is missing or empty",
		Why:         "Nobody knows whose redirect URIs to compare.",
		Source:      "RFC 6749 sections 4.1.1 and 4.2.1",
		Covers:      []string{"A-10", "R-05"},
		Description: "client_id is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.ClientID) },
	},
	{
		ID: "authorize.client_id.malformed", Endpoints: requests, Error: "invalid_request", Modes: rule.EnforceStandard, OwnForms: true, When: rule.When{Signs: scan.NonASCII | scan.Control},
		Title:       "client_id holds a character that is not printable ASCII",
		Why:         "The grammar allows printable ASCII only; servers compare other characters in different forms.",
		Source:      "RFC 6749 appendix A.1",
		Covers:      []string{"A-10"},
		Description: "client_id holds a character that is not allowed",
		Check:       func(c *rule.Case) bool { return !c.Printable(scan.ClientID) },
	},
	{
		ID: "authorize.client_id.unknown", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, OwnForms: true, When: rule.When{Traits: rule.Unregistered},
		Title:  "No client of that client_id is registered",
		Why:    "Without a registration there is no redirect URI to trust. The option unknown_client sets the mode of this rule.",
		Source: "RFC 6749 section 4.1.2.1; Hub documentation, OAuth 2.0 Errors: \"check that provided service_id exists\"",
		Covers: []string{"A-11"}, Description: "the client is not registered",
		Check: func(c *rule.Case) bool {
			_, standing := c.Client()
			return standing == rule.Absent
		},
	},
	{
		ID: "authorize.client_id.unjudged", Endpoints: here, Error: "temporarily_unavailable", Status: 503, Modes: rule.ReportEverywhere, OwnForms: true, When: rule.When{Traits: rule.Unregistered},
		Title:  "The registered clients are not known at the moment",
		Why:    "The source never delivered, or what it delivered is too old. The option unjudged decides what happens.",
		Source: "Design of the guard: enforce never guesses", Description: "the registered clients are not known at the moment",
		Check: func(c *rule.Case) bool {
			_, standing := c.Client()
			return standing == rule.Unjudged
		},
	},
}
