package accesslog

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// caddyLine is a line of Caddy's access log, as far as it is of use.
type caddyLine struct {
	Time    json.RawMessage `json:"ts"`
	Logger  string          `json:"logger"`
	Request *struct {
		Method  string          `json:"method"`
		Host    string          `json:"host"`
		URI     string          `json:"uri"`
		Headers http.Header     `json:"headers"`
		TLS     json.RawMessage `json:"tls"`
	} `json:"request"`
	Status   *int        `json:"status"`
	Response http.Header `json:"resp_headers"`
}

func parseCaddy(line []byte, e *Entry, want func(string) bool) Outcome {
	if len(line) == 0 || line[0] != '{' {
		return Unreadable
	}
	// Most lines of most logs are about something else: what they are about is found without reading them as JSON.
	if target, plain := plainTarget(line); plain && !want(target) {
		e.Target = target
		return Unwanted
	}
	var parsed caddyLine
	if json.Unmarshal(line, &parsed) != nil {
		return Unreadable
	}
	if parsed.Request == nil || parsed.Status == nil || parsed.Logger != "" && !strings.HasPrefix(parsed.Logger, "http.log.access") {
		return Foreign
	}
	e.Time = caddyTime(parsed.Time)
	e.Method, e.Target, e.Host, e.Status = parsed.Request.Method, parsed.Request.URI, hostName(parsed.Request.Host), *parsed.Status
	e.Header, e.Plain = parsed.Request.Headers, len(parsed.Request.TLS) == 0
	if location := parsed.Response["Location"]; len(location) == 1 {
		e.Location = location[0]
	}
	if e.Header == nil {
		e.Header = http.Header{}
	}
	if !want(e.Target) {
		return Unwanted
	}
	return Read
}

// A string of JSON cannot hold these bytes, since its quotes are escaped.
var (
	uriMember    = []byte(`"uri":"`)
	loggerMember = []byte(`"logger":"`)
	accessLogger = []byte(`http.log.access`)
)

// plainTarget finds the target of a request without reading the line as JSON. Plain is false if there is any doubt: then the line must be read.
func plainTarget(line []byte) (target string, plain bool) {
	start := bytes.Index(line, uriMember)
	if start < 0 {
		return "", false
	}
	if logger := bytes.Index(line[:start], loggerMember); logger >= 0 && !bytes.HasPrefix(line[logger+len(loggerMember):], accessLogger) {
		return "", false
	}
	rest := line[start+len(uriMember):]
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.IndexByte(rest[:end], '\\') >= 0 || bytes.Contains(rest[end:], uriMember) {
		return "", false
	}
	return scan.Text(rest[:end]), true
}

// timeLayouts are the texts that Caddy can write a time as.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.000Z0700", "2006/01/02 15:04:05.000", "2006/01/02 15:04:05", "02/Jan/2006:15:04:05 -0700", time.RFC1123, time.RFC1123Z, time.RFC850,
	"2006-01-02 15:04:05",
}

// caddyTime reads a time: a number of seconds, milliseconds or nanoseconds since 1970, or a text.
func caddyTime(raw json.RawMessage) time.Time {
	var number float64
	if json.Unmarshal(raw, &number) == nil {
		switch {
		case math.IsInf(number, 0) || number <= 0 || number > 1e20:
			return time.Time{}
		case number > 1e17:
			number /= 1e9
		case number > 1e11:
			number /= 1e3
		}
		return time.Unix(int64(number), 0).UTC()
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, text); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

// hostName is a host without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
