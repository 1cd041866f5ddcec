package ijson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads what is behind an opening quote. It returns where the closing one stands, and whether there are escapes before it.
func quoted(text string, at int) (end int, escapes, ok bool) {
	for at < len(text) {
		if text[at] != '\\' && len(text)-at >= 8 { // behind one escape there often is another one
			stops := stops(word64(text[at : at+8]))
			if stops == 0 {
				at += 8
				continue
			}
			at += bits.TrailingZeros64(stops) / 8
		}
		switch c := text[at]; {
		case c == '"':
			return at, escapes, true
		case c < ' ':
			return at, false, false
		case c != '\\':
			at++ // as may be among the last eight bytes
			continue
		}
		escapes = true
		if at+1 < len(text) && text[at+1] != 'u' && escaped[text[at+1]] != 0 {
			at += 2
			continue
		}
		if _, ok := unit(text[at:]); !ok {
			return at, false, false
		}
		at += len(`\uXXXX`)
	}
	return at, false, false
}

// The same byte eight times.
const (
	ones = 0x0101010101010101
	high = 0x80 * ones
)

// stops marks the highest bit of the first of eight bytes that does not stand for itself in a string; marks behind that one mean nothing. Changed in their second bit, the controls and the
// quote are the bytes up to the one before '!'.
func stops(word uint64) uint64 {
	backslash := word ^ '\\'*ones
	return ((word^2*ones)-'!'*ones)&^word&high | (backslash-ones)&^backslash&high
}

// word64 are eight bytes, the first one lowest.
func word64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// hexValues are the values of hexadecimal digits; every other byte has a higher one than they.
var hexValues = func() (table [256]uint16) {
	for c := range table {
		table[c] = 0x10
	}
	for i := range uint16(10) {
		table['0'+i] = i
	}
	for i := range uint16(6) {
		table['a'+i], table['A'+i] = 10+i, 10+i
	}
	return table
}()

// unit is the UTF-16 code unit of the escape \uXXXX that s begins with, if it does.
func unit(s string) (code rune, ok bool) {
	if len(s) < len(`\uXXXX`) || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	a, b, c, d := hexValues[s[2]], hexValues[s[3]], hexValues[s[4]], hexValues[s[5]]
	return rune(a<<12 | b<<8 | c<<4 | d), a|b|c|d < 0x10
}

// unquote decodes the content of a string that was read.
func unquote(content string) string {
	return string(appendUnquoted(make([]byte, 0, len(content)), content))
}

// appendUnquoted appends the decoded content of a string that was read, for which there has to be room. Half of a surrogate pair is replaced, as encoding/json does.
func appendUnquoted(to []byte, content string) []byte {
	start, written := len(to), 0
	decoded := to[start : start+len(content)]
	for at := 0; at < len(content); {
		c := content[at]
		switch {
		case c != '\\' && len(content)-at >= 8:
			// Eight bytes are copied at once, up to an escape; what is copied too much is written over.
			word := word64(content[at : at+8])
			binary.LittleEndian.PutUint64(decoded[written:], word)
			same := min(bits.TrailingZeros64(stops(word))/8, 8)
			at, written = at+same, written+same
		case c != '\\':
			decoded[written] = c
			at, written = at+1, written+1
		case content[at+1] != 'u':
			decoded[written] = escaped[content[at+1]]
			at, written = at+2, written+1
		default:
			code, _ := unit(content[at:])
			at += len(`\uXXXX`)
			if utf16.IsSurrogate(code) {
				second, _ := unit(content[at:])
				if code = utf16.DecodeRune(code, second); code != utf8.RuneError {
					at += len(`\uXXXX`)
				}
			}
			if code < utf8.RuneSelf {
				decoded[written] = byte(code)
				written++
			} else {
				written += utf8.EncodeRune(decoded[written:], code)
			}
		}
	}
	return to[:start+written]
}

// escaped is what a byte behind a backslash stands for, and zero for those that may not stand there.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
