package validators

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// describe fills in what the refusal would say.
func (e *Engine) describe(c *rule.Case, v *Verdict) {
	v.Error, v.Status, v.Description = v.Rule.Error, v.Rule.HTTPStatus(), v.Rule.Description
	if v.Rule.Subject != nil {
		v.Description += ": " + v.Rule.Subject(c).String()
	}
	if v.Rule.FAPIError != "" && c.Options.Profile == rule.FAPI2 {
		v.Error = v.Rule.FAPIError
	}
	if v.Error == rule.RedirectURIError {
		v.Error = e.config.RedirectURIError
	}
	// RFC 9126 section 2.3: a pushed request that is too large gets 413.
	if c.Endpoint == rule.PAR && limits(v.Rule) {
		v.Status = 413
	}
	// RFC 9449 section 7.1: a protected resource answers a bad proof with a challenge.
	if v.Error == "invalid_dpop_proof" && rule.Protected.Has(c.Endpoint) {
		v.Status = 401
	}
	// RFC 6749 section 5.2: if the client tried to authenticate by header, the status must be 401 and the challenge must match.
	if v.Error == "invalid_client" && len(c.AuthorizationHeader) > 0 {
		v.Status = 401
	}
}

// limits reports whether a rule is about the size of the request.
func limits(r *rule.Rule) bool {
	return r.When.Signs&(scan.TooLongBody|scan.TooLongQuery|scan.TooLongValue|scan.TooManyParameters) != 0
}

// Statuses lists the statuses that the answer of a rule can have: its own, and what the standards want at certain endpoints or of certain clients instead.
func Statuses(r *rule.Rule) []int {
	statuses := []int{r.HTTPStatus()}
	if (r.Error == "invalid_client" || r.Error == "invalid_dpop_proof") && r.HTTPStatus() != 401 {
		statuses = append(statuses, 401)
	}
	if limits(r) && r.Endpoints.Has(rule.PAR) {
		statuses = append(statuses, 413)
	}
	return statuses
}

// answer decides how the refusal reaches the client.
func (e *Engine) answer(c *rule.Case, v *Verdict) {
	e.describe(c, v)
	switch {
	case rule.Browsers.Has(c.Endpoint):
		v.Answer = Page
		if v.Rule.Delivery == rule.Redirect {
			e.deliver(c, v)
		}
	case rule.Protected.Has(c.Endpoint), c.Endpoint == rule.Introspection && v.Status == 401 && c.Authentication().Scheme == rule.TokenScheme:
		v.Answer = Challenge // RFC 7662 section 2.3: to whom an access token was shown, its own challenge
	default:
		v.Answer = JSON
	}
}

// deliver chooses between redirect, page and pass for an error that RFC 6749 section 4.1.2.1 would redirect. Without proof it is always a page.
//
// By default errors are redirected only for clients that the operator wrote and for trusted ones: old servers let anybody register a client, and
// whoever registers one could otherwise send people to a site of their choice under the server's name (RFC 9700 section 4.11.2). The profiles after RFC 9700 redirect
// silent requests only.
func (e *Engine) deliver(c *rule.Case, v *Verdict) {
	target, proven := prove(c)
	if !proven {
		return
	}
	client := clientOf(c)
	delivery := e.config.Delivery
	strict := c.Options.Profile == rule.OAuth21 || c.Options.Profile == rule.FAPI2
	if client.Delivery != "" {
		delivery = client.Delivery
	}
	if delivery == "" && (!strict && (client.Operator || client.Trust == rule.Trusted) || silent(c)) {
		delivery = "redirect"
	}
	switch delivery {
	case "redirect":
		v.Answer, v.Target = Redirection, target
	case "pass":
		v.Answer, v.Decision, v.Delegated = NoAnswer, Report, true
	}
}
