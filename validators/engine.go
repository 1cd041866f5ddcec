package validators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Engine decides. It is immutable and safe for concurrent use.
type Engine struct {
	config   Config
	paths    path.Set
	services path.Set // holds the path of the services if a rule looks at it
	watches  bool     // a rule looks at the path of the services
	// everything evaluates each rule of a plan, whatever it is relevant for. The verdicts are the same: tests compare them.
	everything bool

	plans    [rule.EndpointCount]plan
	ownForms plan
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
	if err := e.watchServices(modes); err != nil {
		return nil, err
	}
	for endpoint := range e.plans {
		e.plans[endpoint] = e.compile(modes, func(r *rule.Rule) bool { return r.Endpoints.Has(rule.Endpoint(endpoint)) })
	}
	e.ownForms = e.compile(modes, func(r *rule.Rule) bool { return r.Endpoints.Has(rule.Authorize) && r.JudgesOwnForms() })
	return e, nil
}

// watchServices prepares the rule about the registration of services, which only looks at requests to resources.
func (e *Engine) watchServices(modes []rule.Mode) error {
	const id = "hub.services.anonymous_registration"
	for i := range catalogue {
		if catalogue[i].ID != id || modes[i] == rule.Off {
			continue
		}
		// A glob may mean other rules.
		named := slices.ContainsFunc(e.config.Overrides, func(o Override) bool { return o.Pattern == id })
		if e.config.Services == "" {
			if named {
				return fmt.Errorf("rule %s: only a JetBrains Hub, in the profile hub without a preset, has services: remove the line", id)
			}
			continue
		}
		if rule.Endpoint(e.paths.Classify(e.config.Services).Tag) != rule.Resource {
			if named {
				return fmt.Errorf("rule %s: the path %s is no resource, so nothing looks at it: let endpoint resource cover it", id, e.config.Services)
			}
			continue
		}
		if err := e.services.Add(e.config.Services, uint8(rule.Resource)); err != nil {
			return fmt.Errorf("rule %s: %w", id, err)
		}
		e.watches = true
	}
	return nil
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

// RefusesUnread reports whether a request is refused for its path, method or headers, whatever its body says, so that a client that waits to be asked for the body need not send it.
func (e *Engine) RefusesUnread(request rule.Request, route path.Result) bool {
	var c rule.Case
	c.Open(&request, rule.Endpoint(route.Tag), &e.config.Options, nil)
	c.AmbiguousPath, c.RewriteHeader = route.Ambiguous, c.RewriteHeaders && e.rewritten(c.Header)
	p := &e.plans[c.Endpoint]
	for i := range p.steps {
		s := &p.steps[i]
		if s.index >= withoutBody {
			return false
		}
		if s.mode == rule.Enforce && s.check(&c) {
			return true
		}
	}
	return false
}

// Decide judges a request. The route is that of its path; the case is only used as memory. The verdict is valid until the case is used again.
func (e *Engine) Decide(c *rule.Case, request *rule.Request, route path.Result, directory rule.Directory) (verdict Verdict) {
	endpoint := rule.Endpoint(route.Tag)
	c.Open(request, endpoint, &e.config.Options, directory)
	c.AmbiguousPath, c.BelowEndpoint = route.Ambiguous, route.Below != 0
	c.RewriteHeader = c.RewriteHeaders && e.rewritten(c.Header)
	c.Services = endpoint == rule.Resource && e.watches && e.services.Classify(request.Path).Tag != 0
	if endpoint == rule.NoEndpoint && !c.BelowEndpoint && !c.RewriteHeader {
		return verdict
	}
	p := &e.plans[endpoint]
	if endpoint != rule.NoEndpoint {
		c.Scan()
	}
	if c.OwnForm {
		p = &e.ownForms
	}
	c.Note()
	due := p.due(c)
	if e.everything {
		due = *p.judged(c)
	}
	var refusal *rule.Rule
	if due != (steps{}) {
		refusal = e.evaluate(c, p, &due)
	}
	verdict.Endpoint, verdict.Client, verdict.Findings = endpoint, clientOf(c), c.Findings
	if len(c.Askable) > 0 {
		verdict.Ask = e.ask(c)
	}
	if len(c.Findings) == 0 {
		return verdict
	}
	verdict.Decision, verdict.Rule = Report, deciding(c.Findings)
	if refusal != nil {
		verdict.Decision, verdict.Rule = Reject, refusal
		e.answer(c, &verdict)
	} else {
		e.describe(c, &verdict)
	}
	return verdict
}

// ask are the identifiers whose look-up can change the verdict: the client is not known, and whatever is wrong with the request comes after the question who the client is. What
// would be refused if the guard were not in report mode counts as refused, so that both modes ask for the same clients.
func (e *Engine) ask(c *rule.Case) []string {
	if rule.Backchannels.Has(c.Endpoint) && c.Authentication().Standing == rule.Known {
		return nil
	}
	unknown := unknownClient[c.Endpoint]
	if unknown == 0 {
		return nil // callers of this endpoint need not be registered
	}
	for i := range c.Findings {
		if f := &c.Findings[i]; f.Would == rule.Enforce && f.Index < unknown {
			return nil
		}
	}
	return c.Askable
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
