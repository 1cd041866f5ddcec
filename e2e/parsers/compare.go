package parsers

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Difference is one point in which a parser reads a request otherwise than the guard.
type Difference struct {
	Parser    string
	Forwarded *Forwarded
	// Parameter is the name of a recognised parameter, "path" for the endpoint, or "request" if the parser refuses the whole.
	Parameter string
	// Guard and Other are the values; empty means absent, which is the same as a parameter without a value (RFC 6749 section 3.1).
	Guard, Other string
	// Reading is all that the parser reads.
	Reading *Reading
}

// String writes the difference for people.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s is %.200q, and for the guard %.200q", d.Parser, d.Parameter, d.Other, d.Guard)
}

// Compare finds the differences between the guard's reading and a parser's. Several values of a parameter that are equal count once, since the same value may stand in query and
// form, and a parser returns it twice or once; that no place has two is the guard's duty, which other values show.
func Compare(judgement *Judgement, forwarded *Forwarded, parser string, reading *Reading) []Difference {
	var differences []Difference
	differ := func(parameter, guard, other string) {
		differences = append(differences, Difference{Parser: parser, Forwarded: forwarded, Parameter: parameter, Guard: guard, Other: other, Reading: reading})
	}
	if reading.Refused != "" {
		if judgement.Reading.Endpoint != "" {
			differ("request", judgement.Reading.Endpoint, reading.Refused)
		}
		return differences
	}
	if reading.Endpoint != judgement.Reading.Endpoint {
		differ("path", judgement.Reading.Endpoint, reading.Endpoint)
	}
	if judgement.Reading.Endpoint == "" || reading.Endpoint == "" {
		return differences
	}
	var seen scan.Names
	for _, pair := range reading.Pairs {
		name := scan.Recognise(pair.Name)
		if pair.Value == "" || !judgement.Relevant.Has(name) || judgement.Several.Has(name) {
			continue
		}
		if value := judgement.value(pair.Name); value != pair.Value {
			differ(pair.Name, value, pair.Value)
		}
		seen |= scan.NamesOf(name)
	}
	for _, pair := range judgement.Reading.Pairs {
		if name := scan.Recognise(pair.Name); !seen.Has(name) && !judgement.Several.Has(name) {
			differ(pair.Name, pair.Value, "")
		}
	}
	return differences
}

// value is the value of a parameter, empty if there is none.
func (j *Judgement) value(name string) string {
	for _, pair := range j.Reading.Pairs {
		if pair.Name == name {
			return pair.Value
		}
	}
	return ""
}

// Example writes a message for people, cut to a sensible length.
func Example(message string) string {
	const most = 1500
	if len(message) > most {
		message = fmt.Sprintf("%s… (%d bytes)", message[:most], len(message))
	}
	return strings.ReplaceAll(fmt.Sprintf("%q", message), `\r\n`, "\\r\\n\n")
}
