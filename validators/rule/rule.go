// Package rule defines what a rule is: one check of the catalogue, and everything that is known about it. It also defines the
// [Case], the request under judgement that every check looks at.
package rule

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Rule is one check of the catalogue. It is data: documentation, metric labels, configuration and the tests are made from it.
type Rule struct {
	// ID is the stable, dotted name. Once released it never changes its meaning.
	ID string
	// Endpoints are the endpoints whose requests the rule looks at.
	Endpoints Endpoints
	// Title says in one line what is refused.
	Title string
	// Why says what goes wrong without the rule.
	Why string
	// Source is the standard and section, or the page of the Hub documentation, that the rule comes from.
	Source string
	// Error is the OAuth error code of the answer, for example "invalid_request".
	Error string
	// FAPIError is the code in the profile fapi2, if it differs.
	FAPIError string
	// Status is the HTTP status of the answer. Zero means 400.
	Status int
	// Delivery says how the answer reaches the client.
	Delivery Delivery
	// Modes is the mode of the rule in each profile.
	Modes Modes
	// Covers names the rows of the standards matrix that the rule covers.
	Covers []string
	// Description is the error_description of the answer, in the alphabet of RFC 6749 section 5.2. It never contains anything of the request.
	Description string
	// When lists what a request must have so that Check is worth a call. The zero value means every request. It only saves time: without it Check gives the same answer.
	When When
	// Subject names the parameter at fault, for rules about several; nil for others. The name goes into the description.
	Subject func(*Case) scan.Name
	// Unexemptible rules apply to every client, whatever the configuration exempts.
	Unexemptible bool
	// OwnForms says that the rule also judges the login and consent forms that the server itself posts to the authorization endpoint.
	OwnForms bool
	// Preflights says that the rule also judges CORS preflights, which are not judged otherwise.
	Preflights bool
	// Costly rules verify signatures. They are not looked at in a request that another rule refuses anyway.
	Costly bool
	// Check reports whether the request breaks the rule.
	Check func(*Case) bool
}

// When names what makes a rule relevant: parameters that are there, parameters that are not there with a value, signs and traits. One of them is enough.
type When struct {
	Names, Lacks scan.Names
	Signs        scan.Signs
	Traits       Traits
}

// Relevant reports whether a request concerns the rule. The zero value concerns every request.
func (w *When) Relevant(c *Case) bool {
	return *w == When{} || w.Names&c.Parameters.Seen != 0 || w.Lacks&^c.Parameters.Present != 0 || w.Signs&c.Parameters.Signs != 0 || w.Traits&c.Traits != 0
}

// Exemptible reports whether a client may be exempted from the rule. What makes the bytes themselves doubtful applies to
// every client, because the client's own name is among the bytes.
func (r *Rule) Exemptible() bool {
	return !r.Unexemptible && !strings.HasPrefix(r.ID, "path.") && !strings.HasPrefix(r.ID, "wire.")
}

// JudgesOwnForms reports whether the rule applies to the server's own forms at the authorization endpoint. The rules about bytes do.
func (r *Rule) JudgesOwnForms() bool {
	return r.OwnForms || !r.Exemptible()
}

// RedirectURIError is the Error of rules whose code the configuration selects (errors redirect_uri_code): Hub's documentation
// changed it over time.
const RedirectURIError = "redirect_uri_code"

// HTTPStatus is the status of the answer, with the default filled in.
func (r *Rule) HTTPStatus() int {
	if r.Status == 0 {
		return 400
	}
	return r.Status
}

// Delivery is the way in which an error reaches the client.
type Delivery uint8

const (
	// Direct answers at the endpoint itself: a page at authorize, JSON at token (RFC 6749 section 5.2), a challenge with JSON at a
	// bearer-protected resource (RFC 6750 section 3).
	Direct Delivery = iota
	// Redirect sends the error to the client's redirect URI (RFC 6749 section 4.1.2.1) if that URI is proven, else it is Direct.
	Redirect
	// Bare is a 401 challenge without an error code, RFC 6750 section 3.1: nothing was presented that could be wrong.
	Bare
)

// String names the delivery for the documentation.
func (d Delivery) String() string { return [...]string{"direct", "redirect", "bare challenge"}[d] }

// Mode says what a finding of a rule does.
type Mode uint8

// The modes of a rule.
const (
	// Off does not look.
	Off Mode = iota
	// Report logs and counts, and passes the request on.
	Report
	// Enforce refuses the request.
	Enforce
)

// String returns the mode as it is written in the configuration.
func (m Mode) String() string { return [...]string{"off", "report", "enforce"}[m] }

// ParseMode returns the mode of that name.
func ParseMode(name string) (Mode, error) {
	for m := Off; m <= Enforce; m++ {
		if m.String() == name {
			return m, nil
		}
	}
	return Off, fmt.Errorf("unknown mode %q: use enforce, report or off", name)
}
