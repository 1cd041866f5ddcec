// Package validators decides whether a request to an OAuth 2.0 server is valid. It does no input or output: bytes and a directory of clients go in, a
// [Verdict] comes out, and the same input always gives the same verdict.
//
// The parts: scan reads parameters, path classifies paths, redirecturi judges redirect URIs; wire, authorize, token and bearer hold the rules.
package validators

import "github.com/oauthguard/caddy-oauth-guard/validators/rule"

// Decision is what happens to a request.
type Decision uint8

// The decisions.
const (
	// Pass lets the request through; no rule fired.
	Pass Decision = iota
	// Report lets the request through; some rule fired, but none that is enforced.
	Report
	// Reject refuses the request.
	Reject
)

// String returns the decision as it is written in logs, metrics and placeholders.
func (d Decision) String() string { return [...]string{"pass", "report", "reject"}[d] }

// Answer is the form of a refusal.
type Answer uint8

// The forms.
const (
	// NoAnswer belongs to requests that pass.
	NoAnswer Answer = iota
	// Page is an error page for people, or JSON if they ask for it.
	Page
	// Redirection is an error response to the client's proven redirect URI.
	Redirection
	// JSON is the error response of RFC 6749 section 5.2.
	JSON
	// Challenge is the error response of RFC 6750 section 3.
	Challenge
)

// String names the form for logs.
func (a Answer) String() string {
	return [...]string{"none", "page", "redirection", "json", "challenge"}[a]
}

// Would is what would have been decided if the guard were not in report mode.
func (v *Verdict) Would() Decision {
	for i := range v.Findings {
		if v.Findings[i].Would == rule.Enforce {
			return Reject
		}
	}
	return v.Decision
}

// Verdict is the decision about one request, and everything that is needed to deliver it. It is valid until its case is opened again.
type Verdict struct {
	// Endpoint is what the request was sent to.
	Endpoint rule.Endpoint
	// Decision is what happens to the request.
	Decision Decision
	// Delegated says that a rule refuses, but the refusal is left to the server by the delivery "pass".
	Delegated bool
	// Rule is the first rule that refuses; in report mode the first that would; if there is none, the first that fired. It is nil if none fired.
	Rule *rule.Rule
	// Error is the OAuth error code; empty for a bare challenge.
	Error string
	// Description is the error_description: text of the rule, and of rules about several parameters the name of the one at fault.
	Description string
	// Status is the HTTP status of the answer; for a redirection that of the page that would stand in its place.
	Status int
	// Answer is the form of the refusal.
	Answer Answer
	// Target is where a redirection goes.
	Target Target
	// Client is the registered client that the request came from, as far as it names one without doubt; else nil. Like all of the verdict it is only valid until the case is used
	// again; its strings may be kept.
	Client *rule.Client
	// Findings are all rules that fired.
	Findings []rule.Finding
	// Ask are client identifiers that the source of the directory should be asked for before the request is judged again; none if a rule that comes before the
	// client refuses anyway.
	Ask []string
}

// Target is a proven redirect URI and how the error response reaches it.
type Target struct {
	// URI is the redirect URI, byte by byte as it is registered (or, for a loopback URI, with the port as requested).
	URI string
	// Place is where the response parameters go.
	Place Place
	// State is the decoded state; HasState says that the request had exactly one.
	State    string
	HasState bool
}

// Place is where response parameters go: OAuth 2.0 Multiple Response Types section 2.1, OAuth 2.0 Form Post Response Mode.
type Place uint8

// The places.
const (
	Query Place = iota
	Fragment
	FormPost
)
