package accesslog

import (
	"bytes"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// parseCombined reads `[vhost:port] address ident user [02/Jan/2006:15:04:05 -0700] "GET /path HTTP/1.1" 200 123 …`.
func parseCombined(line []byte, e *Entry, want func(string) bool) Outcome {
	open := dateBracket(line)
	if open < 1 {
		return Unreadable
	}
	shut := bytes.IndexByte(line[open:], ']')
	if shut < 0 {
		return Unreadable
	}
	rest := line[open+shut+1:]
	if len(rest) < 3 || rest[0] != ' ' || rest[1] != '"' {
		return Unreadable
	}
	quoted, rest, closed := cutQuoted(rest[2:])
	e.Status = number(rest)
	if front := bytes.Fields(line[:open]); len(front) == 4 {
		e.Host = hostName(string(front[0]))
	}
	outcome := e.request(unescapeLog(quoted), want)
	switch {
	case outcome == Unwanted || outcome == Malformed:
		return outcome // the time of what is not wanted is not worth its price
	case !closed:
		return Truncated
	case e.Status == 0:
		return Unreadable
	}
	e.Time, _ = time.Parse("02/Jan/2006:15:04:05 -0700", string(line[open+1:open+shut]))
	e.Time = e.Time.UTC()
	return outcome
}

// dateBracket is where the time begins: names of users may hold brackets.
func dateBracket(line []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return -1
		}
		i += from
		if len(line) > i+12 && isDigit(line[i+1]) && isDigit(line[i+2]) && line[i+3] == '/' && line[i+7] == '/' && line[i+12] == ':' {
			return i
		}
		from = i + 1
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// cutQuoted splits behind the quote that closes a quoted text. A quote that belongs to the text is escaped.
func cutQuoted(text []byte) (quoted, rest []byte, closed bool) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[:i], text[i+1:], true
		}
	}
	return text, nil, false
}

// number reads the number behind blanks; zero if there is none.
func number(text []byte) int {
	value, digits := 0, 0
	for i := 0; i < len(text) && digits < 4; i++ {
		switch {
		case isDigit(text[i]):
			value = value*10 + int(text[i]-'0')
			digits++
		case digits > 0:
			return value
		case text[i] != ' ':
			return 0
		}
	}
	return value
}

// unescapeLog undoes what nginx and Apache do to bytes that would hurt a log.
func unescapeLog(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return scan.Text(text)
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		if c, known := logEscapes[text[i]]; known {
			out.WriteByte(c)
			continue
		}
		if text[i] == 'x' && i+2 < len(text) {
			if c, ok := scan.Unhex("%" + string(text[i+1:i+3])); ok {
				out.WriteByte(c)
				i += 2
				continue
			}
		}
		out.WriteByte('\\')
		out.WriteByte(text[i])
	}
	return out.String()
}

var logEscapes = map[byte]byte{'"': '"', '\\': '\\', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', 'b': '\b', 'f': '\f'}
