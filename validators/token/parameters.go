package token

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// extensions are the single-valued parameters of all endpoints here that other standards than RFC 6749 define. A parameter that an endpoint does not know is not
// recognised there.
var extensions = func() (names scan.Names) {
	for _, endpoint := range rule.AllEndpoints() {
		if rule.Backchannels.Has(endpoint) {
			names |= rule.RelevantNames(endpoint)
		}
	}
	return names &^ rule.StandardNames &^ rule.RepeatableNames &^ scan.NamesOf(scan.MethodOverride)
}()

// Parameters are the rules about where parameters stand and how often.
var Parameters = []rule.Rule{
	{
		ID: "token.parameter.in_query", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Querying},
		Title: "A parameter of the endpoint in the query",
		Why: "Queries are logged, and some servers let them win over the body. A POST with everything in the query and no body at all " +
			"is the business of token.parameter.query_only. Other names in the query pass.",
		Source:      "RFC 6749 sections 2.3.1 and 3.2",
		Covers:      []string{"K-05"},
		Description: "parameters must be sent in the body",
		Check:       func(c *rule.Case) bool { return inQuery(c) && c.BodyState != rule.NoBody },
	},
	{
		ID: "token.parameter.query_only", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.Querying},
		Title:       "All parameters in the query of a POST without a body",
		Why:         "Forbidden, but an old YouTrack Mobile refreshed its tokens this way, so the hub profile reports.",
		Source:      "RFC 6749 sections 2.3.1 and 3.2",
		Covers:      []string{"K-05", "K-34"},
		Description: "parameters must be sent in the body",
		Check:       func(c *rule.Case) bool { return inQuery(c) && c.BodyState == rule.NoBody },
	},
	{
		ID: "token.query.mentions_parameter", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.Querying},
		Title:       "The query contains the name of a parameter as a part of something else",
		Why:         "Spring Authorization Server searches the raw query for names to tell query from form, so that such a query hides a parameter of the body.",
		Source:      "Behaviour of Spring Authorization Server",
		Covers:      []string{"K-05"},
		Description: "parameters must be sent in the body",
		Check: func(c *rule.Case) bool {
			return c.Query != "" && !inQuery(c) && mentions(c.Query)
		},
	},
	{
		ID: "token.parameter.repeated", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Repeating},
		Title:       "A parameter of RFC 6749 occurs more than once",
		Why:         "Servers take the first, the last or all of them.",
		Source:      "RFC 6749 section 3.2 with erratum 5708",
		Covers:      []string{"K-06", "T-10"},
		Description: "a parameter must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeated(rule.StandardNames) != 0 },
		Subject:     func(c *rule.Case) scan.Name { return c.Repeated(rule.StandardNames).First() },
	},
	{
		ID: "token.extension.repeated", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Repeating},
		Title:       "A single-valued parameter of an extension occurs more than once",
		Why:         "Servers take the first, the last or all of them. resource, audience and permission may repeat.",
		Source:      "RFC 7636, RFC 7521, RFC 8628, RFC 8693",
		Covers:      []string{"K-08"},
		Description: "a parameter must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeated(extensions) != 0 },
		Subject:     func(c *rule.Case) scan.Name { return c.Repeated(extensions).First() },
	},
	{
		ID: "token.unknown.repeated", Endpoints: rule.Backchannels, Error: "invalid_request", Modes: rule.ReportEverywhere,
		When:        rule.When{Signs: scan.RepeatedUnknown},
		Title:       "A parameter that no standard knows occurs more than once",
		Why:         "Legal by erratum 5708, but the server may know it.",
		Source:      "RFC 6749 section 3.2 with erratum 5708",
		Covers:      []string{"A-08"},
		Description: "a parameter must occur once",
		Check:       func(c *rule.Case) bool { return c.Parameters.Signs&scan.RepeatedUnknown != 0 },
	},
}

// mentioned are the names whose mention in a query matters, by the letter that they begin with; a name that holds another one is not among them. follow are the letters that stand at the
// second, third and fourth place of one of them, as bits; pairs are those that stand behind a letter there, so that of three places in a row there is a pair at one.
var mentioned, follow, pairs = func() (names [256][]string, follow [256][3]uint32, pairs [256]uint32) {
	relevant := rule.RelevantNames(rule.Token) &^ rule.RepeatableNames
	for _, name := range scan.AllNames() {
		text := name.String()
		holdsOther := slices.ContainsFunc(scan.AllNames(), func(other scan.Name) bool {
			return other != name && relevant.Has(other) && strings.Contains(text, other.String())
		})
		if !relevant.Has(name) || holdsOther {
			continue
		}
		names[text[0]] = append(names[text[0]], text)
		for place := range follow[text[0]] {
			bit := uint32(1) << (text[1+place] & 31)
			follow[text[0]][place] |= bit
			pairs[text[place]] |= bit
		}
	}
	return names, follow, pairs
}()

// mentions reports whether one of these names stands somewhere in a query. It goes through the query once, and not once for each name.
func mentions(query string) bool {
	for at := 0; at+1 < len(query); at += 3 {
		if pairs[query[at]]>>(query[at+1]&31)&1 == 0 {
			continue
		}
		for begin := max(at-2, 0); begin <= at; begin++ {
			if mentionedAt(query[begin:]) {
				return true
			}
		}
	}
	return false
}

// mentionedAt reports whether a text begins with one of these names.
func mentionedAt(text string) bool {
	if len(text) < 4 {
		return false
	}
	bits := &follow[text[0]]
	return bits[0]>>(text[1]&31)&(bits[1]>>(text[2]&31))&(bits[2]>>(text[3]&31))&1 != 0 &&
		slices.ContainsFunc(mentioned[text[0]], func(name string) bool { return strings.HasPrefix(text, name) })
}

// inQuery reports whether the query holds a parameter of this endpoint, or a name that folds into one.
func inQuery(c *rule.Case) bool {
	return c.Parameters.In[scan.Query]|c.Parameters.Folded[scan.Query] != 0
}
