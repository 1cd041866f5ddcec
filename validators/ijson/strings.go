package ijson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// quoted reads what is behind an opening quote: its content, decoded, and where it ends. It is part of the text if it has no escape.
func (r *reader) quoted(at int) (content string, end int) {
	text, begin := r.text, at
	for ; len(text)-at >= 8; at += 8 {
		if stops := stops(scan.Octets(text, at)); stops != 0 {
			at += bits.TrailingZeros64(stops) / 8
			break
		}
	}
	for at < len(text) && text[at] >= ' ' && text[at] != '"' && text[at] != '\\' {
		at++
	}
	switch {
	case at == len(text) || text[at] < ' ':
		return "", wrong
	case text[at] == '"':
		return text[begin:at], at + 1
	}
	return r.decode(begin, at)
}

// decode is quoted for a content with escapes, the first of which is given. Half of a surrogate pair is replaced, as encoding/json does.
func (r *reader) decode(begin, at int) (content string, end int) {
	text := r.text
	if r.decoded == nil {
		r.decoded = make([]byte, len(text))
	}
	decoded, written := r.decoded, r.written+copy(r.decoded[r.written:], text[begin:at])
	for at < len(text) {
		if len(text)-at >= 8 && text[at] != '\\' && text[at+1] != '\\' { // behind one escape there often is another one
			// Eight bytes are copied at once, up to one that stops; what is copied too much is written over.
			word := scan.Octets(text, at)
			binary.LittleEndian.PutUint64(decoded[written:], word)
			stops := stops(word)
			if stops == 0 {
				at, written = at+8, written+8
				continue
			}
			same := bits.TrailingZeros64(stops) / 8
			at, written = at+same, written+same
		}
		c := text[at]
		switch {
		case c == '"':
			content = scan.Text(decoded[r.written:written])
			r.written = written
			return content, at + 1
		case c < ' ':
			return "", wrong
		case c != '\\': // as may be among the last eight bytes
			decoded[written] = c
			at, written = at+1, written+1
			continue
		case at+1 == len(text):
			return "", wrong
		}
		if c = escaped[text[at+1]]; c != 0 {
			decoded[written] = c
			at, written = at+2, written+1
			continue
		}
		code, ok := unit(text[at:])
		if !ok {
			return "", wrong
		}
		at += len(`\uXXXX`)
		if code < utf8.RuneSelf {
			decoded[written] = byte(code)
			written++
			continue
		}
		if utf16.IsSurrogate(code) {
			if second, ok := unit(text[at:]); !ok {
				code = utf8.RuneError
			} else if code = utf16.DecodeRune(code, second); code != utf8.RuneError {
				at += len(`\uXXXX`)
			}
		}
		written += utf8.EncodeRune(decoded[written:], code)
	}
	return "", wrong
}

// escaped is what a byte behind a backslash stands for, and zero for those that may not stand there, or stand for more.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

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

// hexValues are the values of hexadecimal digits; every other byte has a higher one than four of them make.
var hexValues = func() (table [256]rune) {
	for c := range table {
		table[c] = 1 << 16
	}
	for i := range rune(10) {
		table['0'+i] = i
	}
	for i := range rune(6) {
		table['a'+i], table['A'+i] = 10+i, 10+i
	}
	return table
}()

// unit is the UTF-16 code unit of the escape \uXXXX that s begins with, if it does.
func unit(s string) (code rune, ok bool) {
	if len(s) < len(`\uXXXX`) || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	code = hexValues[s[2]]<<12 | hexValues[s[3]]<<8 | hexValues[s[4]]<<4 | hexValues[s[5]]
	return code, code < 1<<16
}
