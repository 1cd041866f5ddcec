package authorize

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var pushed = rule.At(rule.PAR)

// Pushed are the rules of RFC 9126 (pushed authorization requests) that are about the pushing itself. What is pushed is judged by the other rules of this package.
var Pushed = []rule.Rule{
	{
		ID: "authorize.pushed_request.required_by_client", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Limited},
		Title:       "The client has to push its authorization requests, and this one was not pushed",
		Why:         "Whoever leads a person to the authorization endpoint could choose the parameters, which the client wanted to send itself.",
		Source:      "RFC 9126 section 6, require_pushed_authorization_requests of the client",
		Covers:      []string{"R-04"},
		Description: "the client must push its authorization requests",
		Check: func(c *rule.Case) bool {
			client, standing := c.Client()
			return standing == rule.Known && client.PushedRequests && !c.Pushed()
		},
	},
	{
		ID: "authorize.pushed_request.required", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceFAPI2,
		Title: "The authorization request was not pushed",
		Why: "The browser should carry nothing but the name of a request. For servers that demand it of every client; on by default in the profile " +
			"fapi2 only.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.2, RFC 9126 section 5",
		Covers:      []string{"R-04", "F-01"},
		Description: "authorization requests must be pushed",
		Check:       func(c *rule.Case) bool { return !c.Pushed() },
	},
	{
		ID: "par.client_id.missing", Endpoints: pushed, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unproven},
		Title:       "Nothing names the client that pushes a request: neither client_id nor Basic nor an assertion",
		Why:         "Nobody knows whose request it is. A request object does not say it either: client_id stands beside it.",
		Source:      "RFC 9126 sections 2.1 and 3",
		Covers:      []string{"R-03", "K-20"},
		Description: "client_id is missing",
		Check:       (*rule.Case).Anonymous,
	},
	{
		ID: "par.request_uri.present", Endpoints: pushed, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:        rule.When{Names: scan.NamesOf(scan.RequestURI)},
		Title:       "A pushed request holds request_uri",
		Why:         "A request that names another one hides what is asked for, and makes the server fetch it.",
		Source:      "RFC 9126 section 2.1",
		Covers:      []string{"R-01"},
		Description: "request_uri must not be pushed",
		Check:       func(c *rule.Case) bool { return c.Has(scan.RequestURI) },
	},
	{
		ID: "par.redirect_uri.missing", Endpoints: pushed, Error: rule.RedirectURIError, Modes: rule.EnforceFAPI2, When: rule.When{Lacks: scan.NamesOf(scan.RedirectURI)},
		Title:       "A pushed request without redirect_uri",
		Why:         "The server would have to choose. Only in the profile fapi2; elsewhere one registered redirect URI is enough.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.2",
		Covers:      []string{"F-01"},
		Description: "redirect_uri is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.RedirectURI) && !c.RequestObject() },
	},
	{
		ID: "par.redirect_uri.unregistered", Endpoints: pushed, Error: rule.RedirectURIError, Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.OddRedirect},
		Title: "A client that authenticates pushes a redirect_uri that it has not registered",
		Why: "A server may allow that, since it knows who asks, so the finding is only reported. Of public clients it is refused: authorize.redirect_uri.unregistered. If " +
			"the server does allow it, switch token.redirect_uri.unregistered off as well.",
		Source:      "RFC 9126 section 2.4",
		Covers:      []string{"R-06"},
		Description: "redirect_uri is not registered for the client",
		Check:       func(c *rule.Case) bool { return unregistered(c) && !publicClient(c) },
	},
}
