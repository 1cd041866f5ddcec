package scan

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unsafe"
)

// Text is a string over the same memory as b. It is valid until b is written to: use it for buffers that are filled once per
// request and reused after the request ended.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes is a slice over the memory of s, which must never be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Unescape decodes percent escapes, and plus signs into blanks if asked; malformed escapes stay as they are.
func Unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	return Text(appendUnescaped(make([]byte, 0, len(s)), s, plus))
}

func appendUnescaped(to []byte, s string, plus bool) []byte {
	start, written := len(to), 0
	to = slices.Grow(to, len(s))
	decoded := to[start : start+len(s)]
	for i := 0; i < len(s); {
		c, size := s[i], 1
		switch {
		case c == '%':
			if value, ok := unhexAt(s, i); ok {
				c, size = value, 3
			}
		case len(s)-i >= 8 && s[i+1] != '%':
			// Eight bytes are copied at once, up to what is escaped; what is copied too much is written over.
			word := load8(s, i)
			same := min(bits.TrailingZeros64(zeros(word^'%'*ones))/8, 8)
			if plus {
				word ^= equal(word, '+') >> 7 * ('+' ^ ' ')
			}
			binary.LittleEndian.PutUint64(decoded[written:], word)
			i, written = i+same, written+same
			continue
		case c == '+' && plus:
			c = ' '
		}
		decoded[written] = c
		i, written = i+size, written+1
	}
	return to[:start+written]
}

// Unhex decodes the percent escape that s begins with, if it begins with one.
func Unhex(s string) (decoded byte, ok bool) {
	if s == "" || s[0] != '%' {
		return 0, false
	}
	return unhexAt(s, 0)
}

// unhexAt is Unhex for a percent sign at a place.
func unhexAt(s string, at int) (decoded byte, ok bool) {
	if len(s)-at < 3 {
		return 0, false
	}
	high, low := hexValue[s[at+1]], hexValue[s[at+2]]
	return high<<4 | low&0xF, high|low <= 0xF
}

// Means reports whether a form-encoded text is a way to write the other one: what it decodes to, malformed escapes as they are.
func Means(encoded, text string) bool {
	rest, found := MeansPrefix(encoded, text)
	return found && rest == ""
}

// MeansPrefix reports whether what a form-encoded text decodes to begins with the prefix, and returns the rest of it, still encoded.
func MeansPrefix(encoded, prefix string) (rest string, found bool) {
	at, i := 0, 0
	if strings.HasPrefix(encoded, "https"+colonSlashes) && strings.HasPrefix(prefix, "https://") { // as most begin
		at, i = len("https"+colonSlashes), len("https://")
	}
	for i < len(prefix) && at < len(encoded) {
		// Up to what is encoded, eight bytes are compared at once.
		if len(encoded)-at >= 8 && len(prefix)-i >= 8 {
			word := load8(encoded, at)
			stop := zeros(word^'%'*ones) | zeros(word^'+'*ones) | (word ^ load8(prefix, i))
			same := bits.TrailingZeros64(stop) / 8
			at, i = at+same, i+same
			if stop == 0 {
				continue
			}
		}
		c, size := encoded[at], 1
		switch c {
		case '+':
			c = ' '
		case '%':
			if schemeEnds(encoded, at) && strings.HasPrefix(prefix[i:], "://") {
				at, i = at+len(colonSlashes), i+len("://")
				continue
			}
			if decoded, ok := Unhex(encoded[at:]); ok {
				c, size = decoded, 3
			}
		}
		if c != prefix[i] {
			return "", false
		}
		at, i = at+size, i+1
	}
	return encoded[at:], i == len(prefix)
}

// colonSlashes is how nearly every URI in a form goes on behind its scheme.
const colonSlashes = "%3A%2F%2F"

// schemeEnds reports whether s goes on so.
func schemeEnds(s string, at int) bool {
	const first = '%' | '3'<<8 | 'A'<<16 | '%'<<24 | '2'<<32 | 'F'<<40 | '%'<<48 | '2'<<56
	return len(s)-at >= len(colonSlashes) && load8(s, at) == first && s[at+8] == 'F'
}
