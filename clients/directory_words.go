package clients

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fold appends a word in a form that is equal for all spellings that differ in case only, as [strings.EqualFold] sees it.
func fold(to, word []byte) []byte {
	for i := 0; i < len(word); {
		if c := word[i]; c < utf8.RuneSelf {
			// Of all characters that differ from an ASCII letter in case only, the capital one is the smallest.
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			to = append(to, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(word[i:])
		if r == utf8.RuneError {
			to = append(to, word[i:i+size]...)
		} else {
			to = utf8.AppendRune(to, smallest(r))
		}
		i += size
	}
	return to
}

// smallest is the first of the characters that differ in case only.
func smallest(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}

// unescape decodes percent escapes in place; malformed ones stay.
func unescape(word []byte) []byte {
	out := word[:0]
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c == '%' && i+2 < len(word) {
			const digits = "0123456789abcdef"
			high := bytes.IndexByte([]byte(digits), lower(word[i+1]))
			low := bytes.IndexByte([]byte(digits), lower(word[i+2]))
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		out = append(out, c)
	}
	return out
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// plainOrigin is the origin of a URI that is written in the simplest way, as most are: of http or https, with a host in lower case, no port, and nothing behind
// that needs to be parsed. It spares a million of them the time and garbage of parsing.
func plainOrigin(uri string) (origin string, plain bool) {
	host, found := strings.CutPrefix(uri, "https://")
	if !found {
		if host, found = strings.CutPrefix(uri, "http://"); !found {
			return "", false
		}
	}
	path := len(host)
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-':
		case c == '/':
			path = min(path, i)
		case i > path && (c >= 'A' && c <= 'Z' || c == '_' || c == '~'):
		default:
			return "", false
		}
	}
	return uri[:len(uri)-len(host)+path], path > 0
}
