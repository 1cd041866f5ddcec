// Package accesslog reads the access logs of web servers: of Caddy, nginx, Apache and HAProxy, and HTTP archives of browsers. It reads gigabytes in bounded memory, on all
// processors, and gives what it read to one place in the order of the logs.
package accesslog

import (
	"net/http"
	"strings"
	"time"
)

// Entry is one request in a log, and what became of it. Its strings may be pieces of a block, and are valid as long as the block is.
type Entry struct {
	// Time is when the server logged the request; zero if that cannot be read.
	Time time.Time
	// Method and Target are those of the request line.
	Method, Target string
	// Host is the host of the request, without a port; empty if the log does not say it.
	Host string
	// Status is that of the response.
	Status int
	// Header are the fields of the request that the log holds; nil if it holds none.
	Header http.Header
	// Plain says that the log shows a request without TLS.
	Plain bool
	// Location is where the response redirects to, if the log says it.
	Location string
	// Body is the body, if HasBody says that the log holds it.
	Body    string
	HasBody bool
}

// Split returns the path and the query of the target, without the scheme and host of an absolute form.
func (e *Entry) Split() (path, query string) {
	target := e.Target
	if !strings.HasPrefix(target, "/") {
		if _, rest, found := strings.Cut(target, "://"); found {
			slash := strings.IndexAny(rest, "/?")
			if slash < 0 {
				return "/", ""
			}
			target = rest[slash:]
		}
	}
	path, query, _ = strings.Cut(target, "?")
	return path, query
}

// size is about how many bytes the entry takes; zero of none.
func (e *Entry) size() int {
	if e == nil {
		return 0
	}
	size := len(e.Target) + len(e.Location) + len(e.Body)
	for name, fields := range e.Header {
		size += len(name)
		for _, field := range fields {
			size += len(field)
		}
	}
	return size
}

// Outcome is what became of reading one line.
type Outcome uint8

// The outcomes.
const (
	// Unreadable is a line that is not of the format.
	Unreadable Outcome = iota
	// Read is a line that became an entry.
	Read
	// Unwanted is a line of a request that nobody wants to look at; the entry is not complete.
	Unwanted
	// Foreign is a line of the format that tells of something other than a request.
	Foreign
	// Malformed is a line about something that the server did not take for HTTP.
	Malformed
	// Truncated is a line that was cut, so that the target is not complete.
	Truncated
)

// Format is a format of logs with one request in a line.
type Format uint8

// The formats.
const (
	// Unknown is a format that is not recognised.
	Unknown Format = iota
	// Caddy is Caddy's JSON.
	Caddy
	// Combined is the combined or common format of Apache and nginx, with or without a virtual host in front.
	Combined
	// HAProxy is HAProxy's HTTP format.
	HAProxy
	// Archive is an HTTP archive, which is not read by lines.
	Archive
)

// String names the format for people.
func (f Format) String() string {
	return [...]string{"unknown", "Caddy JSON", "combined", "HAProxy", "HTTP archive"}[f]
}

// Parse reads one line. Want is asked about the target first: for what is not wanted the rest of the line is not read.
func (f Format) Parse(line []byte, e *Entry, want func(target string) bool) Outcome {
	*e = Entry{}
	switch f {
	case Caddy:
		return parseCaddy(line, e, want)
	case Combined:
		return parseCombined(line, e, want)
	case HAProxy:
		return parseHAProxy(line, e, want)
	}
	return Unreadable
}

// Detect says which format most of the lines have.
func Detect(lines [][]byte) Format {
	best, most := Unknown, 0
	for _, format := range []Format{Caddy, HAProxy, Combined} {
		count := 0
		for _, line := range lines {
			var e Entry
			if format.Parse(line, &e, func(string) bool { return true }) != Unreadable {
				count++
			}
		}
		if count > most {
			best, most = format, count
		}
	}
	return best
}

// request reads the request line of a log.
func (e *Entry) request(line string, want func(string) bool) Outcome {
	method, rest, found := strings.Cut(line, " ")
	end := strings.LastIndexByte(rest, ' ')
	if !found || method == "" || !isMethod(method) {
		return Malformed
	}
	if end < 0 || !strings.HasPrefix(rest[end+1:], "HTTP/") {
		e.Method, e.Target = method, rest
		if !want(rest) {
			return Unwanted
		}
		return Truncated
	}
	e.Method, e.Target = method, rest[:end]
	if !want(e.Target) {
		return Unwanted
	}
	return Read
}

func isMethod(method string) bool {
	for i := 0; i < len(method); i++ {
		if c := method[i]; (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(method) <= 32
}
