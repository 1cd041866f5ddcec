package redirecturi

import (
	"slices"
	"strings"
)

// place is all that matters of the part of a URI that was read, for what the bytes behind it mean. The zero value is the begin of a URI.
type place struct {
	part part
	// name is what the name of a parameter begins with, decoded, if named; a name with which no parameter of a response begins is not.
	name  string
	named bool
	// escape is how far an escape is read, and high its first digit if that was read.
	escape escape
	high   byte
}

// part is a part of a URI.
type part uint8

const (
	hierarchy part = iota // before the first question mark
	query
	fragment
)

// escape is how far an escape is read.
type escape uint8

const (
	none escape = iota
	begun
	halfway
)

// responseParameters are the parameters of an authorization response. A client that takes the first or the last of two would take the attacker's.
var responseParameters = []string{"access_token", "code", "error", "id_token", "iss", "response", "state"}

// allowed are the bytes that RFC 3986 allows.
var allowed = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?#[]@!$&'()*+,;=%")

// read is the place that a byte leads to, and the flaws that show with it.
func (p place) read(c byte) (next place, found Flaws) {
	if p.escape != none {
		if !hexDigits[c] {
			next, found = place{part: p.part}.read(c)
			return next, found | Character
		}
		return p.digit(c), 0
	}
	switch {
	case c == '%':
		p.escape = begun
		return p, 0
	case c == '#':
		if p.part == query {
			found, p = p.end(), place{part: fragment}
		}
		return p, found | Fragment
	case !allowed[c]:
		found = Character
	}
	switch {
	case p.part == hierarchy && c == '?':
		return place{part: query, named: true}, found
	case p.part != query:
		return p, found
	case c == '&' || c == ';':
		return place{part: query, named: true}, found | p.end()
	case c == '=':
		return place{part: query}, found | p.end()
	}
	return p.longer(c), found
}

// digit is the place behind a digit of an escape. The first one is forgotten if none behind it can make a name of the two.
func (p place) digit(c byte) place {
	if p.escape == halfway {
		c = p.high<<4 | valueOf(c)
		p.escape, p.high = none, 0
		return p.longer(c)
	}
	high := valueOf(c)
	for low := range byte(16) {
		if p.longer(high<<4 | low).named {
			p.escape, p.high = halfway, high
			return p
		}
	}
	return place{part: p.part, escape: halfway}
}

// valueOf is the value of a hexadecimal digit.
func valueOf(c byte) byte { return byte(strings.IndexByte("0123456789abcdef", c|0x20)) }

// longer is the place behind one more byte of a name.
func (p place) longer(c byte) place {
	if !p.named {
		return p
	}
	for _, name := range responseParameters {
		if strings.HasPrefix(name, p.name) && len(name) > len(p.name) && name[len(p.name)] == c {
			p.name = name[:len(p.name)+1]
			return p
		}
	}
	p.name, p.named = "", false
	return p
}

// end are the flaws that show if a URI, or a name in it, ends at a place.
func (p place) end() Flaws {
	if p.escape != none {
		return Character
	}
	if p.named && slices.Contains(responseParameters, p.name) {
		return ResponseParameter
	}
	return 0
}
