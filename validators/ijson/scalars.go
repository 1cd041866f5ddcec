package ijson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string in quotes, and returns what stands between them.
func (r *reader) quoted() (content string, ok bool) {
	if !r.skip('"') {
		return "", false
	}
	for begin := r.at; r.at < len(r.text); {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return r.text[begin : r.at-1], true
		case c < 0x20:
			return "", false
		case c != '\\':
			r.at++
		default:
			if r.at++; r.at == len(r.text) {
				return "", false
			}
			switch r.text[r.at] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				r.at++
			case 'u':
				if _, ok := unit(r.text[r.at-1:]); !ok {
					return "", false
				}
				r.at += 5
			default:
				return "", false
			}
		}
	}
	return "", false
}

// unit is the UTF-16 code unit of the escape \uXXXX that s begins with, if it does.
func unit(s string) (code rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		code = code<<4 | rune(c)
	}
	return code, true
}

// unquote decodes the content of a string that was read. Half of a surrogate pair is replaced, as encoding/json does.
func unquote(content string) string {
	escape := strings.IndexByte(content, '\\')
	if escape < 0 {
		return content
	}
	decoded := append(make([]byte, 0, len(content)), content[:escape]...)
	for at := escape; at < len(content); {
		if content[at] != '\\' {
			decoded = append(decoded, content[at])
			at++
			continue
		}
		code, ok := unit(content[at:])
		if !ok {
			decoded = append(decoded, escaped(content[at+1]))
			at += 2
			continue
		}
		at += 6
		if utf16.IsSurrogate(code) {
			second, _ := unit(content[at:])
			if code = utf16.DecodeRune(code, second); code != utf8.RuneError {
				at += 6
			}
		}
		decoded = utf8.AppendRune(decoded, code)
	}
	return string(decoded)
}

// escaped is what a letter behind a backslash stands for.
func escaped(letter byte) byte {
	switch letter {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return letter
}

// number reads a number.
func (r *reader) number() bool {
	r.skip('-')
	if !r.skip('0') && !r.digits() {
		return false
	}
	if r.skip('.') && !r.digits() {
		return false
	}
	if r.skip('e') || r.skip('E') {
		if !r.skip('+') {
			r.skip('-')
		}
		return r.digits()
	}
	return true
}

// digits reads one digit or more.
func (r *reader) digits() bool {
	begin := r.at
	for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	return r.at > begin
}
