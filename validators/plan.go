package validators

import (
	"fmt"
	"math/bits"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// plan is what is evaluated for one endpoint: the rules that are not off, in order. Which of them a request concerns is found by its parameters, signs and traits, so that the
// others cost nothing.
type plan struct {
	steps []step
	// always are the steps that concern every request.
	always steps
	// byName, byLack, bySign and byTrait are the steps that a parameter, the lack of one, a sign or a trait makes relevant.
	byName, byLack [64]steps
	bySign         [32]steps
	byTrait        [32]steps
	// named, lacks, signs and traits are the bits of a request for which there are steps.
	named, lacks  uint64
	signs, traits uint32
	// all are the steps of the plan, bytes those that come before the meaning is asked for, preflight those that judge CORS preflights too.
	all, bytes, preflight steps
}

// step is one rule of a plan.
type step struct {
	check func(*rule.Case) bool
	rule  *rule.Rule
	index int
	mode  rule.Mode
	would rule.Mode // the mode without that of the guard
}

// maxSteps is how many rules a plan may have.
const maxSteps = 192

// steps is a set of the steps of a plan, by their place.
type steps [maxSteps / 64]uint64

func (s *steps) add(place int) { s[place/64] |= 1 << (place % 64) }

func (s *steps) has(place int) bool { return s[place/64]&(1<<(place%64)) != 0 }

// compile lists the rules of one plan.
func (e *Engine) compile(modes []rule.Mode, include func(*rule.Rule) bool) plan {
	var p plan
	for i := range catalogue {
		r := &catalogue[i]
		if modes[i] == rule.Off || !include(r) {
			continue
		}
		place := len(p.steps)
		if place == maxSteps {
			panic(fmt.Sprintf("the rules of an endpoint are more than %d", maxSteps))
		}
		mode := modes[i]
		if e.config.ReportOnly {
			mode = rule.Report
		}
		p.steps = append(p.steps, step{check: r.Check, rule: r, index: i, mode: mode, would: modes[i]})
		p.all.add(place)
		if r.Preflights {
			p.preflight.add(place)
		}
		if i < beforeMeaning {
			p.bytes.add(place)
		}
		p.file(&r.When, place)
	}
	return p
}

// file notes what makes a step relevant.
func (p *plan) file(when *rule.When, place int) {
	if *when == (rule.When{}) {
		p.always.add(place)
		return
	}
	p.named |= uint64(when.Names)
	p.lacks |= uint64(when.Lacks)
	p.signs |= uint32(when.Signs)
	p.traits |= uint32(when.Traits)
	each(uint64(when.Names), func(bit int) { p.byName[bit].add(place) })
	each(uint64(when.Lacks), func(bit int) { p.byLack[bit].add(place) })
	each(uint64(when.Signs), func(bit int) { p.bySign[bit].add(place) })
	each(uint64(when.Traits), func(bit int) { p.byTrait[bit].add(place) })
}

// each calls a function for every bit that is set.
func each(set uint64, call func(bit int)) {
	for ; set != 0; set &= set - 1 {
		call(bits.TrailingZeros64(set))
	}
}

// due are the steps that concern the request. They are gathered word by word, which keeps them in registers.
func (p *plan) due(c *rule.Case) steps {
	first, second, third := p.always[0], p.always[1], p.always[2]
	for set := p.named & uint64(c.Parameters.Seen); set != 0; set &= set - 1 {
		more := &p.byName[bits.TrailingZeros64(set)&63]
		first, second, third = first|more[0], second|more[1], third|more[2]
	}
	for set := p.lacks &^ uint64(c.Parameters.Present); set != 0; set &= set - 1 {
		more := &p.byLack[bits.TrailingZeros64(set)&63]
		first, second, third = first|more[0], second|more[1], third|more[2]
	}
	for set := p.signs & uint32(c.Parameters.Signs); set != 0; set &= set - 1 {
		more := &p.bySign[bits.TrailingZeros32(set)&31]
		first, second, third = first|more[0], second|more[1], third|more[2]
	}
	for set := p.traits & uint32(c.Traits); set != 0; set &= set - 1 {
		more := &p.byTrait[bits.TrailingZeros32(set)&31]
		first, second, third = first|more[0], second|more[1], third|more[2]
	}
	judged := p.judged(c)
	return steps{first & judged[0], second & judged[1], third & judged[2]}
}

// judged are the steps that may judge such a request at all.
func (p *plan) judged(c *rule.Case) *steps {
	switch {
	case c.Preflight():
		return &p.preflight
	case c.Endpoint != rule.Resource && c.Unread():
		return &p.bytes
	}
	return &p.all
}

// evaluate runs the steps that are due, collects every finding and returns the first rule that refuses.
func (e *Engine) evaluate(c *rule.Case, p *plan, due *steps) (refusal *rule.Rule) {
	refused := false // or would be, if the guard were not in report mode
	for word, set := range due {
		for ; set != 0; set &= set - 1 {
			s := &p.steps[word*64+bits.TrailingZeros64(set)]
			if refused && s.rule.Costly || !s.check(c) || e.exempt(c, s.rule) {
				continue
			}
			refused = refused || s.would == rule.Enforce
			c.Findings = append(c.Findings, rule.Finding{Rule: s.rule, Index: s.index, Mode: s.mode, Would: s.would})
			if s.mode == rule.Enforce && refusal == nil {
				refusal = s.rule
			}
		}
	}
	return refusal
}
