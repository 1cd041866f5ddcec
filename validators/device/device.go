// Package device holds the rules of the device authorization endpoint: RFC 8628 section 3.1. What it has in common with the token endpoint is judged by package token.
package device

import "github.com/oauthguard/caddy-oauth-guard/validators/rule"

// Rules are the rules about device authorization requests.
var Rules = []rule.Rule{
	{
		ID: "device.client_id.missing", Endpoints: rule.At(rule.Device), Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unproven},
		Title: "A device without a client: neither client_id nor Basic nor an assertion",
		Why: "The person who types the code is shown whom it lets in. A response_type, redirect_uri or state has no meaning here and is " +
			"ignored.",
		Source:      "RFC 8628 section 3.1",
		Covers:      []string{"V-01", "V-04"},
		Description: "client_id is missing",
		Check:       (*rule.Case).Anonymous,
	},
}
