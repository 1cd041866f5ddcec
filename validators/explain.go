package validators

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Outcome is what became of one rule of the plan for one request.
type Outcome uint8

// The outcomes.
const (
	// Irrelevant is a rule about something that the request does not carry.
	Irrelevant Outcome = iota
	// Unbroken is a rule that looked, and found nothing.
	Unbroken
	// Exempted is a rule that fired, and from which the client is exempted.
	Exempted
	// Fired is a rule that fired: it is among the findings.
	Fired
	// Spared is a rule that takes long, and was not asked because another one refuses anyway.
	Spared
)

// String names the outcome for people.
func (o Outcome) String() string {
	return [...]string{"not concerned", "passes", "exempted", "fires", "not asked"}[o]
}

// Look is one rule that was asked about a request, and what it said.
type Look struct {
	Rule    *rule.Rule
	Outcome Outcome
	// Mode is what a finding of the rule does, Would what it would do if the guard were not in report mode.
	Mode, Would rule.Mode
}

// Explain is [Engine.Decide], and tells besides what every rule of the plan said, in the order of evaluation. It is for tools: it does the work twice, and allocates.
func (e *Engine) Explain(c *rule.Case, request rule.Request, route path.Result, directory rule.Directory) (Verdict, []Look) {
	verdict := e.Decide(c, &request, route, directory)
	endpoint := rule.Endpoint(route.Tag)
	if endpoint == rule.NoEndpoint && !c.BelowEndpoint && !c.RewriteHeader {
		return verdict, nil
	}
	p := &e.plans[endpoint]
	if c.OwnForm {
		p = &e.ownForms
	}
	due, judged := p.due(c), p.judged(c)
	looks := make([]Look, 0, len(p.steps))
	refused := false
	for i := range p.steps {
		if !judged.has(i) {
			continue
		}
		s := &p.steps[i]
		look := Look{Rule: s.rule, Mode: s.mode, Would: s.would}
		switch {
		case !due.has(i):
		case refused && s.rule.Costly:
			look.Outcome = Spared
		case !s.check(c):
			look.Outcome = Unbroken
		case e.exempt(c, s.rule):
			look.Outcome = Exempted
		default:
			look.Outcome = Fired
			refused = refused || s.would == rule.Enforce
		}
		looks = append(looks, look)
	}
	return verdict, looks
}
