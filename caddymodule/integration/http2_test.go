package integration

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// http2Pair is a guarded site and its twin over HTTP/2, in clear text or over TLS.
type http2Pair struct {
	pair
	scheme string
}

// newHTTP2Pair runs Caddy with HTTP/2. In clear text the client knows beforehand, over TLS it negotiates; the certificate is of Caddy's internal authority.
func newHTTP2Pair(t *testing.T, scheme, guardLines string) *http2Pair {
	t.Helper()
	p := &http2Pair{pair: pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}, scheme: scheme}
	guarded, twin := guard(guardLines)+p.upstream.proxy(), p.upstream.proxy()
	if scheme == "http" {
		load(t, "servers {\nprotocols h1 h2c\n}\n", site(p.guarded, guarded)+site(p.twin, twin))
		return p
	}
	secure := func(address, directives string) string {
		_, port, _ := net.SplitHostPort(address)
		return "https://localhost:" + port + " {\nbind 127.0.0.1\ntls internal\n" + directives + "}\n"
	}
	load(t, "auto_https disable_redirects\nskip_install_trust\nservers {\nprotocols h1 h2\n}\n", secure(p.guarded, guarded)+secure(p.twin, twin))
	// The certificate is made in the background.
	for _, address := range []string{p.guarded, p.twin} {
		eventually(t, "the certificate", func() bool {
			conn, err := p.dial(context.Background(), address)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return p
}

// dial opens a connection that speaks HTTP/2. Nobody trusts the authority of the certificate.
func (p *http2Pair) dial(ctx context.Context, address string) (net.Conn, error) {
	if p.scheme == "http" {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	dialer := &tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	return dialer.DialContext(ctx, "tcp", address)
}

// transport speaks HTTP/2 alone, with one address.
func (p *http2Pair) transport(address string) *http.Transport {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx, address) }
	transport := &http.Transport{DialContext: dial, DialTLSContext: dial, DisableCompression: true, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP2(true)
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport
}

// send sends a request over a new HTTP/2 connection. A reader as body is sent without Content-Length, since nobody knows its length.
func (p *http2Pair) send(t *testing.T, address, method, target string, header http.Header, body io.Reader) answer {
	t.Helper()
	_, port, _ := net.SplitHostPort(address)
	transport := p.transport(address)
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.scheme+"://localhost:"+port+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	// Both sites must see the same authority, or their requests would differ.
	request.Host, request.Header = "localhost", header
	if strings.HasPrefix(target, "//") {
		request.URL.Path = target
	} else {
		request.URL.Opaque = target
	}
	if p.scheme == "http" {
		request.Host = "hub.example"
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		t.Errorf("answered over %s", response.Proto)
	}
	content, _ := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(content)}
}

// unsized hides the length of a body.
func unsized(body string) io.Reader { return io.MultiReader(strings.NewReader(body)) }

// http2Requests are requests over HTTP/2 that hide the length of their body, and whether they pass.
var http2Requests = []struct {
	name, method, target, body string
	sized                      bool // with Content-Length
	contentType                string
	passes                     bool
}{
	{name: "authorize", method: "GET", target: "/oauth2/auth?" + authorizeApp, passes: true},
	{name: "authorize with a DATA frame", method: "GET", target: "/oauth2/auth?" + authorizeApp, body: "x=1"},
	{name: "authorize with a DATA frame and a length", method: "GET", target: "/oauth2/auth?" + authorizeApp, body: "x=1", sized: true},
	{name: "authorize by HEAD with a DATA frame", method: "HEAD", target: "/oauth2/auth?" + authorizeApp, body: "x=1"},
	{name: "userinfo with a DATA frame", method: "GET", target: "/oauth2/userinfo", body: "x=1"},
	{name: "authorize by POST", method: "POST", target: "/oauth2/auth", body: authorizeApp, contentType: "application/x-www-form-urlencoded", passes: true},
	{name: "token", method: "POST", target: "/oauth2/token", body: validToken, contentType: "application/x-www-form-urlencoded", passes: true},
	{name: "token with a length", method: "POST", target: "/oauth2/token", body: validToken, sized: true, contentType: "application/x-www-form-urlencoded", passes: true},
	{name: "invalid token request", method: "POST", target: "/oauth2/token", body: invalidToken, contentType: "application/x-www-form-urlencoded"},
	{name: "token request without type", method: "POST", target: "/oauth2/token", body: validToken},
	{name: "long token request", method: "POST", target: "/oauth2/token", body: validToken + "&x=" + strings.Repeat("a", 60<<10),
		contentType: "application/x-www-form-urlencoded"}, // the value is over its limit
	{name: "token request over the limit", method: "POST", target: "/oauth2/token", body: strings.Repeat(validToken+"&", 2000), contentType: "application/x-www-form-urlencoded"},
	{name: "path parameter", method: "POST", target: "/oauth2/token;x", body: validToken, contentType: "application/x-www-form-urlencoded"},
	{name: "double slash", method: "POST", target: "//oauth2/token", body: validToken, contentType: "application/x-www-form-urlencoded"},
	{name: "encoded slash", method: "POST", target: "/oauth2%2ftoken", body: validToken, contentType: "application/x-www-form-urlencoded"},
	{name: "wrong method", method: "PUT", target: "/oauth2/token", body: validToken, contentType: "application/x-www-form-urlencoded"},
	{name: "resource", method: "PUT", target: "/api/users", body: strings.Repeat("{}", 50<<10), contentType: "application/json", passes: true},
	{name: "form at resource", method: "POST", target: "/api/users", body: "access_token=t", contentType: "application/x-www-form-urlencoded", passes: true},
	{name: "two tokens in a form", method: "POST", target: "/api/users", body: "access_token=t&access_token=u", contentType: "application/x-www-form-urlencoded"},
	{name: "another page", method: "POST", target: "/page", body: invalidToken, contentType: "application/x-www-form-urlencoded", passes: true},
}

// TestHTTP2 sends requests over HTTP/2, where no header tells whether there is a body, to a guard that enforces and to one that reports.
func TestHTTP2(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		for _, mode := range []string{"enforce", "report"} {
			t.Run(scheme+"/"+mode, func(t *testing.T) {
				p := newHTTP2Pair(t, scheme, "profile hub\n"+endpointLines+clientLines+"mode "+mode)
				for _, c := range http2Requests {
					t.Run(c.name, func(t *testing.T) {
						request := func(address string) answer {
							header := http.Header{"User-Agent": {"test"}}
							if c.contentType != "" {
								header.Set("Content-Type", c.contentType)
							}
							var body io.Reader
							switch {
							case c.sized:
								body = strings.NewReader(c.body)
							case c.body != "":
								body = unsized(c.body)
							}
							return p.send(t, address, c.method, c.target, header, body)
						}
						if c.passes || mode == "report" {
							if arrived := p.passesBy(t, request); c.body != "" && c.method != "HEAD" && arrived.body != c.body {
								t.Errorf("%d bytes arrived, want %d", len(arrived.body), len(c.body))
							}
							return
						}
						if got := p.refusedBy(t, request); got.status != 400 && got.status != 405 {
							t.Errorf("status %d", got.status)
						}
					})
				}
			})
		}
	}
}

// TestHTTP2EmptyBody ends a request with an empty DATA frame: that is no body.
func TestHTTP2EmptyBody(t *testing.T) {
	p := newHTTP2Pair(t, "http", "profile hub\n"+endpointLines+clientLines)
	for _, method := range []string{"GET", "HEAD", "POST"} {
		t.Run(method, func(t *testing.T) {
			p.passesBy(t, func(address string) answer {
				// A pipe that ends without a byte makes the client send the frame.
				reader, writer := io.Pipe()
				_ = writer.Close()
				return p.send(t, address, method, "/oauth2/auth?"+authorizeApp, http.Header{"User-Agent": {"test"}}, reader)
			})
		})
	}
}

// TestHTTP2Trailers sends trailers behind a token request.
func TestHTTP2Trailers(t *testing.T) {
	p := newHTTP2Pair(t, "http", "profile hub\n"+endpointLines+clientLines)
	arrived := p.passesBy(t, func(address string) answer {
		transport := p.transport(address)
		defer transport.CloseIdleConnections()
		request, err := http.NewRequest("POST", "http://"+address+"/oauth2/token", unsized(validToken))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "hub.example"
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Trailer = http.Header{"X-Checksum": {"abc"}}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return answer{status: response.StatusCode}
	})
	if arrived.trailer != "X-Checksum: abc\r\n" || arrived.body != validToken {
		t.Errorf("arrived with trailers %q behind %q", arrived.trailer, arrived.body)
	}
}
