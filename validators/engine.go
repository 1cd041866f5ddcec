package validators

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Config is what an Engine is made from. The zero value is the profile hub with no endpoint.
type Config struct {
	rule.Options
	// ReportOnly turns every enforced rule into a reported one.
	ReportOnly bool
	// Endpoints are the paths of each endpoint.
	Endpoints map[rule.Endpoint][]string
	// UnknownClient is the mode of the rules about unregistered clients; nil leaves the profile's.
	UnknownClient *rule.Mode
	// Unjudged is the mode of the rules about clients of whom nothing can be said; nil leaves the profile's.
	Unjudged *rule.Mode
	// Overrides change modes; of several that match a rule the last one wins.
	Overrides []Override
	// Exempt lists rule IDs and globs by client_id.
	Exempt map[string][]string
	// Delivery is how redirectable errors reach the client: redirect, page, pass, or empty for the default of the client's kind.
	Delivery string
	// RedirectURIError is the error code of findings about redirect URIs; empty means the profile's default.
	RedirectURIError string
}

// Override is one line of the configuration about modes.
type Override struct {
	// Pattern is a rule ID or a glob.
	Pattern string
	Mode    rule.Mode
}

// Engine decides. It is immutable and safe for concurrent use.
type Engine struct {
	config   Config
	paths    path.Set
	plans    [5]plan
	ownForms plan
}

// plan is what is evaluated for one endpoint: the rules that are not off, in order.
type plan struct {
	steps     []step
	bytes     int    // how many of them are about bytes; those come first
	preflight []step // those of them that judge CORS preflights too
}

type step struct {
	check func(*rule.Case) bool
	when  rule.When
	rule  *rule.Rule
	index int
	mode  rule.Mode
	would rule.Mode // the mode without that of the guard
}

// New prepares an engine. Errors name the option, the value and the fix.
func New(config Config) (*Engine, error) {
	e := &Engine{config: config}
	if e.config.Limits == (scan.Limits{}) {
		e.config.Limits = scan.DefaultLimits
	}
	if e.config.RedirectURIError == "" {
		e.config.RedirectURIError = DefaultRedirectURIError(config.Profile)
	}
	for _, endpoint := range rule.AllEndpoints() {
		for _, p := range config.Endpoints[endpoint] {
			if strings.HasSuffix(p, "/*") && endpoint != rule.Resource {
				return nil, fmt.Errorf("endpoint %s: path %q: a final /* is allowed for resource only; name the path itself", endpoint, p)
			}
			if err := e.paths.Add(p, uint8(endpoint)); err != nil {
				return nil, fmt.Errorf("endpoint %s: %w", endpoint, err)
			}
		}
	}
	for _, suffix := range []string{"/oauth2/auth", "/oauth2/token", "/oauth/auth", "/oauth/authorize", "/oauth/token", "/oauth2/authorize"} {
		e.paths.Shape(suffix)
	}
	modes, err := e.modes()
	if err != nil {
		return nil, err
	}
	for endpoint := range e.plans {
		e.plans[endpoint] = e.compile(modes, func(r *rule.Rule) bool { return r.Endpoints.Has(rule.Endpoint(endpoint)) })
	}
	e.ownForms = e.compile(modes, func(r *rule.Rule) bool { return r.Endpoints.Has(rule.Authorize) && r.JudgesOwnForms() })
	return e, nil
}

// DefaultRedirectURIError is the error code of findings about redirect URIs: what older Hubs answer, or what RFC 6749 says.
func DefaultRedirectURIError(profile rule.Profile) string {
	if profile == rule.Hub {
		return "unauthorized_client"
	}
	return "invalid_request"
}

// modes works out the mode of every rule.
func (e *Engine) modes() ([]rule.Mode, error) {
	for client, patterns := range e.config.Exempt {
		if err := CheckExemptions(patterns); err != nil {
			return nil, fmt.Errorf("exempt %s: %w", client, err)
		}
	}
	modes := make([]rule.Mode, len(catalogue))
	used := make([]bool, len(e.config.Overrides))
	for i := range catalogue {
		r := &catalogue[i]
		modes[i] = r.Modes.In(e.config.Profile)
		if e.config.UnknownClient != nil && strings.HasSuffix(r.ID, ".client_id.unknown") {
			modes[i] = *e.config.UnknownClient
		}
		if e.config.Unjudged != nil && strings.HasSuffix(r.ID, ".client_id.unjudged") {
			modes[i] = *e.config.Unjudged
		}
		for j, override := range e.config.Overrides {
			if rule.MatchID(override.Pattern, r.ID) {
				modes[i], used[j] = override.Mode, true
			}
		}
	}
	for j, override := range e.config.Overrides {
		if !used[j] {
			return nil, fmt.Errorf("rule %s: no such rule; did you mean %s?", override.Pattern, Nearest(override.Pattern))
		}
	}
	return modes, nil
}

// CheckExemptions reports patterns that match no rule, and rules that no client can be exempted from.
func CheckExemptions(patterns []string) error {
	for _, pattern := range patterns {
		ids := Matching(pattern)
		if len(ids) == 0 {
			return fmt.Errorf("no such rule %s; did you mean %s?", pattern, Nearest(pattern))
		}
		exemptible := false
		for _, id := range ids {
			r, _ := Lookup(id)
			exemptible = exemptible || r.Exemptible() && !r.Unexemptible
		}
		if !exemptible {
			return fmt.Errorf("rule %s applies to every client: without it the client itself could not be told; change its mode with a rule line instead", pattern)
		}
	}
	return nil
}

func (e *Engine) compile(modes []rule.Mode, include func(*rule.Rule) bool) plan {
	var p plan
	for i := range catalogue {
		r := &catalogue[i]
		if modes[i] == rule.Off || !include(r) {
			continue
		}
		mode := modes[i]
		if e.config.ReportOnly {
			mode = rule.Report
		}
		p.steps = append(p.steps, step{check: r.Check, when: r.When, rule: r, index: i, mode: mode, would: modes[i]})
		if r.Preflights {
			p.preflight = append(p.preflight, p.steps[len(p.steps)-1])
		}
		if i < len(byBytes) {
			p.bytes = len(p.steps)
		}
	}
	return p
}

// Route says which endpoint an escaped path means, see [path.Set.Classify].
func (e *Engine) Route(escapedPath string) path.Result { return e.paths.Classify(escapedPath) }

// Options is the configuration that the rules see.
func (e *Engine) Options() *rule.Options { return &e.config.Options }

// Evaluates reports whether a rule is looked at anywhere.
func (e *Engine) Evaluates(id string) bool {
	for i := range e.plans {
		for _, s := range e.plans[i].steps {
			if s.rule.ID == id {
				return true
			}
		}
	}
	return false
}

// RefusesUnread reports whether a request is refused for its path or method, whatever its body says, so that a client that waits to be asked for the body need not send it.
func (e *Engine) RefusesUnread(request rule.Request, route path.Result) bool {
	var c rule.Case
	c.Open(request, rule.Endpoint(route.Tag), &e.config.Options, nil)
	c.AmbiguousPath, c.RewriteHeader = route.Ambiguous, e.rewritten(c.Header)
	p := &e.plans[c.Endpoint]
	for i := range p.steps[:p.bytes] {
		s := &p.steps[i]
		if s.mode == rule.Enforce && (strings.HasPrefix(s.rule.ID, "path.") || strings.HasSuffix(s.rule.ID, ".method.unsupported")) && s.check(&c) {
			return true
		}
	}
	return false
}

// Decide judges a request. The route is that of its path; the case is only used as memory. The verdict is valid until the case is used again.
func (e *Engine) Decide(c *rule.Case, request rule.Request, route path.Result, directory rule.Directory) Verdict {
	endpoint := rule.Endpoint(route.Tag)
	c.Open(request, endpoint, &e.config.Options, directory)
	c.AmbiguousPath, c.BelowEndpoint = route.Ambiguous, route.Below != 0
	c.RewriteHeader = e.rewritten(c.Header)
	if endpoint == rule.NoEndpoint && !c.BelowEndpoint && !c.RewriteHeader {
		return Verdict{}
	}
	p := &e.plans[endpoint]
	if endpoint != rule.NoEndpoint {
		c.Scan()
	}
	if c.OwnForm {
		p = &e.ownForms
	}
	steps := p.steps
	switch {
	case c.Preflight():
		steps = p.preflight
	case endpoint != rule.Resource && c.Unread():
		steps = steps[:p.bytes]
	}
	refusal := e.evaluate(c, steps)
	verdict := Verdict{Endpoint: endpoint, Findings: c.Findings}
	if len(c.Findings) == 0 {
		verdict.Client = clientOf(c)
		return verdict
	}
	verdict.Client = clientOf(c)
	verdict.Decision, verdict.Rule = Report, deciding(c.Findings)
	if refusal != nil {
		verdict.Decision, verdict.Rule = Reject, refusal
		e.answer(c, &verdict)
	} else {
		e.describe(c, &verdict)
	}
	return verdict
}

// deciding is the rule that would refuse if the guard were not in report mode, or, if none would, the first that fired.
func deciding(findings []rule.Finding) *rule.Rule {
	for i := range findings {
		if findings[i].Would == rule.Enforce {
			return findings[i].Rule
		}
	}
	return findings[0].Rule
}

// evaluate runs the steps, collects every finding and returns the first rule that refuses.
func (e *Engine) evaluate(c *rule.Case, steps []step) (refusal *rule.Rule) {
	for i := range steps {
		s := &steps[i]
		if !relevant(s.when, &c.Parameters) || !s.check(c) || e.exempt(c, s.rule) {
			continue
		}
		c.Findings = append(c.Findings, rule.Finding{Rule: s.rule, Index: s.index, Mode: s.mode, Would: s.would})
		if s.mode == rule.Enforce && refusal == nil {
			refusal = s.rule
		}
	}
	return refusal
}

// relevant reports whether the request carries what the rule is about.
func relevant(when rule.When, parameters *scan.Parameters) bool {
	return when.Names|scan.Names(when.Signs) == 0 || when.Names&parameters.Seen != 0 || when.Signs&parameters.Signs != 0
}

// rewritten reports whether a header asks for a path that is, or can be taken for, an endpoint that is named.
func (e *Engine) rewritten(header map[string][]string) bool {
	for _, name := range [...]string{"X-Original-Url", "X-Rewrite-Url"} {
		if len(header[name]) > 1 {
			return true // nobody knows which one counts
		}
		for _, value := range header[name] {
			if tag := rule.Endpoint(e.paths.Classify(pathOf(value)).Tag); tag != rule.NoEndpoint && tag != rule.Resource {
				return true
			}
		}
	}
	return false
}

// pathOf cuts the path out of a URL or path.
func pathOf(target string) string {
	if _, rest, found := strings.Cut(target, "://"); found && !strings.HasPrefix(target, "/") {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			target = rest[slash:]
		}
	}
	if end := strings.IndexAny(target, "?#"); end >= 0 {
		target = target[:end]
	}
	return target
}

// exempt reports whether the client that the request names is exempted from the rule.
func (e *Engine) exempt(c *rule.Case, r *rule.Rule) bool {
	// A repeated client_id names nobody.
	if r.Unexemptible || !r.Exemptible() || c.Repeats(scan.ClientID) {
		return false
	}
	id := identified(c)
	if id == "" {
		return false
	}
	patterns := e.config.Exempt[id]
	for _, pattern := range patterns {
		if rule.MatchID(pattern, r.ID) {
			return true
		}
	}
	if client := clientOf(c); client != nil {
		for _, pattern := range client.Exempt {
			if rule.MatchID(pattern, r.ID) {
				return true
			}
		}
	}
	return false
}

// identified is the client_id that the request names without doubt, registered or not; empty if there is none.
func identified(c *rule.Case) string {
	id, single := c.Single(scan.ClientID)
	switch c.Endpoint {
	case rule.Authorize:
		if single {
			return id
		}
	case rule.Token:
		readings := c.Authentication().Readings()
		if len(readings) == 0 {
			if single {
				return id
			}
			if client := clientOf(c); client != nil {
				return client.ID
			}
			return ""
		}
		if client := clientOf(c); client != nil && (!single || id == client.ID) {
			return client.ID
		}
		if !single || readings[0].ID == id {
			return readings[0].ID
		}
	}
	return ""
}

// clientOf is the registered client that the request names without doubt, or nil.
func clientOf(c *rule.Case) *rule.Client {
	switch c.Endpoint {
	case rule.Authorize:
		if client, standing := c.Client(); standing == rule.Known {
			return client
		}
	case rule.Token:
		if clients := c.Authentication().Clients(); len(clients) == 1 {
			return clients[0]
		}
	}
	return nil
}

// describe fills in what the refusal would say.
func (e *Engine) describe(c *rule.Case, v *Verdict) {
	v.Error, v.Status, v.Description = v.Rule.Error, v.Rule.HTTPStatus(), v.Rule.Description
	if v.Rule.Subject != nil {
		v.Description += ": " + v.Rule.Subject(c).String()
	}
	if v.Error == rule.RedirectURIError {
		v.Error = e.config.RedirectURIError
	}
	// RFC 6749 section 5.2: if the client tried to authenticate by header, the status must be 401 and the challenge must match.
	if v.Error == "invalid_client" && len(c.AuthorizationHeader) > 0 {
		v.Status = 401
	}
}

// answer decides how the refusal reaches the client.
func (e *Engine) answer(c *rule.Case, v *Verdict) {
	e.describe(c, v)
	switch c.Endpoint {
	case rule.Authorize:
		v.Answer = Page
		if v.Rule.Delivery == rule.Redirect {
			e.deliver(c, v)
		}
	case rule.Userinfo, rule.Resource:
		v.Answer = Challenge
	default:
		v.Answer = JSON
	}
}

// deliver chooses between redirect, page and pass for an error that RFC 6749 section 4.1.2.1 would redirect. Without proof it is always a page.
//
// By default errors are redirected only for clients that the operator wrote and for trusted ones: old servers let anybody register a client, and
// whoever registers one could otherwise send people to a site of their choice under the server's name (RFC 9700 section 4.11.2).
func (e *Engine) deliver(c *rule.Case, v *Verdict) {
	target, proven := prove(c)
	if !proven {
		return
	}
	client := clientOf(c)
	delivery := e.config.Delivery
	if client.Delivery != "" {
		delivery = client.Delivery
	}
	if delivery == "" && (client.Operator || client.Trust == rule.Trusted || silent(c)) {
		delivery = "redirect"
	}
	switch delivery {
	case "redirect":
		v.Answer, v.Target = Redirection, target
	case "pass":
		v.Answer, v.Decision, v.Delegated = NoAnswer, Report, true
	}
}
