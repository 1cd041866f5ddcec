// Package message makes HTTP requests of what people have at hand: a URL, the text of a request, a command line of curl, an entry of an HTTP archive. The bytes stay as
// they are, since how a request is written is part of what is judged.
package message

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// MaxSize is how many bytes of a request are read at the most.
const MaxSize = 64 << 20

// Message is one request.
type Message struct {
	// Request is the request as a handler of Caddy gets it; nil if Malformed is set.
	Request *http.Request
	// Malformed says why the HTTP server itself answers 400, before any handler.
	Malformed error
	// BodyMissing says that the request had a body that is not known.
	BodyMissing bool
	// Notes say how the text was understood where that may surprise.
	Notes []string
}

// FromURL makes a GET request. A URL without scheme and host, as in a log, is a path.
func FromURL(text string) (*Message, error) {
	text, _, _ = strings.Cut(text, "#") // browsers keep the fragment to themselves
	scheme, host, target, err := splitURL(text)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(target, " \r\n") {
		return nil, fmt.Errorf("the URL has a blank or a line end: write it as it is sent, with %%20")
	}
	head := "GET " + target + " HTTP/1.1\r\n"
	if host != "" {
		head += "Host: " + host + "\r\n"
	}
	return parse([]byte(head+"\r\n"), scheme)
}

// splitURL splits a URL without changing its bytes, as a parser would.
func splitURL(text string) (scheme, host, target string, err error) {
	if strings.HasPrefix(text, "/") {
		return "https", "", text, nil
	}
	scheme, rest, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "http" && scheme != "https" {
		return "", "", "", fmt.Errorf("not a URL: it must begin with https://, http:// or, without a host, a slash")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		return scheme, rest, "/", nil
	}
	host, target = rest[:end], rest[end:]
	if strings.HasPrefix(target, "?") {
		target = "/" + target
	}
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		return "", "", "", errors.New("the URL has user information: credentials belong into a header")
	}
	return scheme, host, target, nil
}

// FromText reads the text of a request: request line, header lines, an empty line and the body. Line ends may be those of any editor. Without Content-Length and
// Transfer-Encoding the body is the rest of the text without its last line end. Plain says that the request comes over HTTP without TLS.
func FromText(from io.Reader, plain bool) (*Message, error) {
	text, err := io.ReadAll(io.LimitReader(from, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > MaxSize {
		return nil, fmt.Errorf("the request has more than %d MiB", MaxSize>>20)
	}
	scheme := "https"
	if plain {
		scheme = "http"
	}
	text = bytes.TrimLeft(text, "\r\n")
	if len(text) == 0 {
		return nil, errors.New("the request is empty: the first line must be like GET /path HTTP/1.1")
	}
	head, body := splitHead(text)
	var notes []string
	line, fields, _ := bytes.Cut(head, []byte("\n"))
	if line = bytes.TrimRight(line, "\r"); bytes.Count(line, []byte(" ")) == 1 {
		// As people write requests down, and as logs show them.
		head = slices.Concat(line, []byte(" HTTP/1.1\r\n"), fields)
	}
	if !framed(head) {
		body = bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r"))
		if len(body) > 0 {
			head = append(head, "Content-Length: "+strconv.Itoa(len(body))+"\r\n"...)
			notes = append(notes, fmt.Sprintf("the text has no Content-Length: the body are the %d bytes behind the empty line", len(body)))
		}
	}
	m, err := parse(append(append(head, "\r\n"...), body...), scheme)
	if err == nil {
		m.Notes = notes
	}
	return m, err
}

// splitHead splits behind the header lines. The head ends with the line end of its last line.
func splitHead(text []byte) (head, body []byte) {
	for i := 0; i < len(text); {
		end := bytes.IndexByte(text[i:], '\n')
		if end < 0 {
			return append(bytes.Clone(text), "\r\n"...), nil
		}
		if len(bytes.TrimRight(text[i:i+end], "\r")) == 0 {
			return bytes.Clone(text[:i]), text[i+end+1:]
		}
		i += end + 1
	}
	return bytes.Clone(text), nil
}

// framed reports whether the header lines say how long the body is.
func framed(head []byte) bool {
	for line := range bytes.Lines(head) {
		name, _, _ := strings.Cut(strings.ToLower(string(line)), ":")
		if name == "content-length" || name == "transfer-encoding" {
			return true
		}
	}
	return false
}

// parse reads a request as the HTTP server does, and as Caddy hands it to its handlers.
func parse(text []byte, scheme string) (*Message, error) {
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return &Message{Malformed: flaw(err)}, nil
	}
	// Caddy removes names that gateways would mix up with others.
	for name := range request.Header {
		if strings.ContainsAny(name, "_.") {
			delete(request.Header, name)
		}
	}
	address := "192.0.2.1" // of the network for documentation, RFC 5737
	if scheme == "https" {
		request.TLS = &tls.ConnectionState{HandshakeComplete: true}
	} else if loopback(request.Host) {
		address = "127.0.0.1"
	}
	request.RemoteAddr = net.JoinHostPort(address, "1024")
	variables := map[string]any{caddyhttp.ClientIPVarKey: address, caddyhttp.TrustedProxyVarKey: false}
	request = request.WithContext(context.WithValue(context.Background(), caddyhttp.VarsCtxKey, variables))
	return &Message{Request: request}, nil
}

// lineEnds are the bytes that end a line of a request.
var lineEnds = strings.NewReplacer("\r", "", "\n", "")

// flat is text for one line of a request: an archive, or a word of a command line, may hold line ends that no client sends there.
func flat(text string) string { return lineEnds.Replace(text) }

// flaws are what the HTTP server finds wrong. Its errors quote the request, which may hold secrets.
var flaws = []string{
	"malformed HTTP request", "malformed HTTP version", "invalid method", "missing required Host header", "too many Host headers", "malformed Host header", "malformed MIME header",
	"invalid header field name", "invalid Content-Length", "unsupported transfer encoding", "invalid URI", "invalid URL escape", "unexpected EOF",
}

// flaw is what an error of the HTTP server says, without what it quotes.
func flaw(err error) error {
	for _, text := range flaws {
		if strings.Contains(err.Error(), text) {
			return errors.New(text)
		}
	}
	return errors.New("not an HTTP request")
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
