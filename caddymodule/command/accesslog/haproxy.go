package accesslog

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// parseHAProxy reads `… address:port [02/Jan/2006:15:04:05.000] frontend~ backend/server 0/0/0/1/1 200 123 … "GET /path HTTP/1.1"`. The request comes last, and is cut if the line is
// longer than HAProxy's limit.
func parseHAProxy(line []byte, e *Entry, want func(string) bool) Outcome {
	open := dateBracket(line)
	if open < 1 {
		return Unreadable
	}
	shut := bytes.IndexByte(line[open:], ']')
	if shut != len("[02/Jan/2006:15:04:05.000") {
		return Unreadable
	}
	fields := bytes.Fields(line[open+shut+1:])
	if len(fields) < 4 || bytes.IndexByte(fields[1], '/') < 0 || bytes.Count(fields[2], []byte("/")) != 4 {
		return Unreadable
	}
	e.Status, _ = strconv.Atoi(string(fields[3]))
	quote := bytes.Index(line[open:], []byte(` "`))
	if quote < 0 {
		return Unreadable
	}
	request := line[open+quote+2:]
	closed := bytes.HasSuffix(request, []byte(`"`))
	request = bytes.TrimSuffix(request, []byte(`"`))
	if bytes.Equal(request, []byte("<BADREQ>")) {
		return Malformed
	}
	outcome := e.request(unescapeHAProxy(request), want)
	if outcome == Read && !closed {
		outcome = Truncated
	}
	if outcome == Unwanted {
		return outcome
	}
	e.Plain = !bytes.HasSuffix(fields[0], []byte("~"))
	// The time has no zone: it is taken as UTC.
	e.Time, _ = time.Parse("02/Jan/2006:15:04:05.000", string(line[open+1:open+shut]))
	return outcome
}

// unescapeHAProxy undoes HAProxy's escapes, a number sign and two digits. A number sign of its own is escaped as well.
func unescapeHAProxy(text []byte) string {
	if bytes.IndexByte(text, '#') < 0 {
		return scan.Text(text)
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '#' && i+2 < len(text) {
			if c, ok := scan.Unhex("%" + string(text[i+1:i+3])); ok {
				out.WriteByte(c)
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
