package ijson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads what is behind an opening quote. It returns where the closing one stands, and whether there are escapes before it.
func quoted(text string, at int) (end int, escapes, ok bool) {
	for ; at < len(text); at++ {
		c := text[at]
		if c > '"' && c != '\\' {
			continue // as most
		}
		switch {
		case c == '"':
			return at, escapes, true
		case c < 0x20:
			return at, false, false
		case c != '\\':
			continue
		}
		escapes = true
		if at++; at == len(text) {
			return at, false, false
		}
		switch text[at] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := unit(text[at-1:]); !ok {
				return at, false, false
			}
			at += len("XXXX")
		default:
			return at, false, false
		}
	}
	return at, false, false
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
func number(text string, at int) (end int, ok bool) {
	if at < len(text) && text[at] == '-' {
		at++
	}
	end = digits(text, at)
	if end == at || text[at] == '0' && end > at+1 {
		return end, false
	}
	if at = end; at < len(text) && text[at] == '.' {
		if end = digits(text, at+1); end == at+1 {
			return end, false
		}
		at = end
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		if end = digits(text, at); end == at {
			return end, false
		}
	}
	return end, true
}

// digits is where the digits end that begin at a place.
func digits(text string, at int) int {
	for at < len(text) && text[at]-'0' <= 9 {
		at++
	}
	return at
}
