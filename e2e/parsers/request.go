package parsers

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Field is one header line.
type Field struct{ Name, Value string }

// Request is one request as a client writes it, in the pieces that it was made of, so that pieces can be left out.
type Request struct {
	Method, Path string
	// Query and Body are what stands between ampersands. An empty query has no question mark.
	Query, Body []string
	// RawBody replaces Body unless it is empty: bytes that are no pieces, such as a compressed form.
	RawBody string
	Header  []Field
	// Kinds names what is wrong with the request on purpose; the oddities that are legal have no name.
	Kinds []string
}

// clone copies a request deeply.
func (r *Request) clone() Request {
	c := *r
	c.Query, c.Body, c.Header, c.Kinds = slices.Clone(r.Query), slices.Clone(r.Body), slices.Clone(r.Header), slices.Clone(r.Kinds)
	return c
}

// body is the bytes of the body.
func (r *Request) body() string {
	if r.RawBody != "" {
		return r.RawBody
	}
	return strings.Join(r.Body, "&")
}

// hasForm reports whether the request has a body that consists of pieces.
func (r *Request) hasForm() bool { return len(r.Body) > 0 && r.RawBody == "" }

// Message is the request as it goes over the wire.
func (r *Request) Message() string {
	var m strings.Builder
	m.WriteString(r.Method + " " + r.Path)
	if len(r.Query) > 0 {
		m.WriteString("?" + strings.Join(r.Query, "&"))
	}
	m.WriteString(" HTTP/1.1\r\nHost: localhost\r\n")
	for _, field := range r.Header {
		m.WriteString(field.Name + ": " + field.Value + "\r\n")
	}
	body := r.body()
	if body != "" || r.Method == http.MethodPost {
		m.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	m.WriteString("\r\n" + body)
	return m.String()
}

// Forwarded is a request as it leaves a Caddy with the guard: what net/http made of the message, and nothing else. The guard judges it, and the servers get it.
type Forwarded struct {
	Method, Path, Query string
	Header              http.Header
	Body                string
}

// Forward reads a message as Caddy does. The error is that of net/http, which answers such a request itself.
func Forward(message string) (*Forwarded, error) {
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(message)))
	if err != nil {
		return nil, fmt.Errorf("net/http refuses the request: %w", err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, fmt.Errorf("net/http cannot read the body: %w", err)
	}
	forwarded := &Forwarded{Method: request.Method, Path: request.URL.EscapedPath(), Query: request.URL.RawQuery, Header: request.Header, Body: string(body)}
	if request.URL.Opaque != "" {
		forwarded.Path = request.URL.Opaque
	}
	return forwarded, nil
}

// judged is the request for the guard.
func (f *Forwarded) judged() rule.Request {
	request := rule.Request{Method: f.Method, Path: f.Path, Query: f.Query, Header: f.Header, Transport: rule.Secure}
	if f.Body != "" {
		request.Body, request.BodyState = f.Body, rule.BodyRead
		if len(f.Body) > bodyLimit {
			request.Body, request.BodyState = f.Body[:bodyLimit], rule.BodyTooLong
		}
	}
	return request
}

// target is the request target.
func (f *Forwarded) target() string {
	path := f.Path
	if path == "" {
		path = "/"
	}
	if f.Query == "" {
		return path
	}
	return path + "?" + f.Query
}

// message is the request for a server that speaks HTTP.
func (f *Forwarded) message() string {
	var m strings.Builder
	m.WriteString(f.Method + " " + f.target() + " HTTP/1.1\r\nHost: localhost\r\n")
	for name, values := range f.Header {
		if name == "Content-Length" {
			continue
		}
		for _, value := range values {
			m.WriteString(name + ": " + value + "\r\n")
		}
	}
	if f.Body != "" || f.Method == http.MethodPost {
		m.WriteString("Content-Length: " + strconv.Itoa(len(f.Body)) + "\r\n")
	}
	m.WriteString("\r\n" + f.Body)
	return m.String()
}

// contentType is the Content-Type as gateways hand it over: several fields are joined.
func (f *Forwarded) contentType() string { return strings.Join(f.Header["Content-Type"], ", ") }

// fields are the request for a parser without a server.
func (f *Forwarded) fields() []string {
	return []string{f.Method, f.Path, f.Query, f.contentType(), f.Body}
}
