package integration

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	validToken   = "grant_type=client_credentials&client_id=app&client_secret=x"
	invalidToken = "grant_type=client_credentials&grant_type=password&client_id=app&client_secret=x"
	authorizeApp = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"
	formType     = "Content-Type: application/x-www-form-urlencoded"
)

// chunked frames a body in chunks of a size, with trailer lines behind.
func chunked(body string, size int, trailer ...string) string {
	var text strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&text, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	text.WriteString("0\r\n")
	for _, line := range trailer {
		text.WriteString(line + "\r\n")
	}
	return text.String() + "\r\n"
}

// framings are the ways to send one body.
var framings = map[string]func(method, target, body string) string{
	"content length": func(method, target, body string) string { return message(method, target, []string{formType}, body) },
	"one chunk": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked"}, chunked(body, 1<<20))
	},
	"chunks of one byte": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked"}, chunked(body, 1))
	},
	"chunk extension": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked"},
			fmt.Sprintf("%x;name=value;x=\"y\"\r\n%s\r\n0;last\r\n\r\n", len(body), body))
	},
	"announced trailers": func(method, target, body string) string {
		return message(method, target, []string{formType, "TE: trailers", "Transfer-Encoding: chunked", "Trailer: X-Checksum, X-Other"},
			chunked(body, 20, "X-Checksum: abc", "X-Other: d"))
	},
	"trailers in other order and case": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked", "Trailer: x-checksum,x-other,x-missing"},
			chunked(body, 20, "x-other: 1", "x-checksum: 2"))
	},
	"unannounced trailers": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked"}, chunked(body, 20, "X-Surprise: yes"))
	},
	"parameters in trailers": func(method, target, body string) string {
		return message(method, target, []string{formType, "Transfer-Encoding: chunked", "Trailer: Grant_type"}, chunked(body, 20, "grant_type: password"))
	},
}

// TestFraming sends a body in every framing: the upstream receives it as without the guard, trailers included, and what is wrong in it is found in every one.
func TestFraming(t *testing.T) {
	for _, mode := range []string{"enforce", "report"} {
		t.Run(mode, func(t *testing.T) {
			p := profilePair(t, "rfc6749", "mode "+mode)
			for name, frame := range framings {
				for target, body := range map[string]string{"/oauth2/token": validToken, "/oauth2/auth": authorizeApp, "/api/users": "access_token=t", "/oauth2/userinfo": "access_token=t"} {
					t.Run(name+target, func(t *testing.T) {
						if arrived := p.passes(t, frame("POST", target, body)); arrived.body != body {
							t.Errorf("body %q arrived, want %q", arrived.body, body)
						}
					})
				}
				t.Run(name+"/invalid", func(t *testing.T) {
					if raw := frame("POST", "/oauth2/token", invalidToken); mode == "enforce" {
						p.refused(t, raw)
					} else {
						p.passes(t, raw)
					}
				})
			}
		})
	}
}

// TestTrailersArrive makes sure that the trailers of TestFraming are really there, and not lost on both sides.
func TestTrailersArrive(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	arrived := p.passes(t, framings["announced trailers"]("POST", "/oauth2/token", validToken))
	if arrived.trailer != "X-Checksum: abc\r\nX-Other: d\r\n" {
		t.Errorf("trailers %q", arrived.trailer)
	}
	// With a report of every kind of body, the trailers still come behind it.
	q := profilePair(t, "rfc6749", "mode report")
	for name, body := range map[string]string{"invalid": invalidToken, "over the limit": "x=" + strings.Repeat("a", 70<<10), "empty": ""} {
		t.Run(name, func(t *testing.T) {
			raw := framings["announced trailers"]("POST", "/oauth2/token", body)
			if arrived := q.passes(t, raw); arrived.trailer != "X-Checksum: abc\r\nX-Other: d\r\n" || arrived.body != body {
				t.Errorf("trailers %q behind %d bytes, want them behind %d", arrived.trailer, len(arrived.body), len(body))
			}
		})
	}
}

// TestEmptyBodies sends bodies of no bytes. They are no body, and are framed to the upstream as without the guard.
func TestEmptyBodies(t *testing.T) {
	p := profilePair(t, "hub", "")
	empties := map[string]string{
		"chunked":               message("POST", "/oauth2/token?"+validToken, []string{formType, "Transfer-Encoding: chunked"}, chunked("", 1)),
		"chunked with trailers": message("POST", "/oauth2/token?"+validToken, []string{formType, "Transfer-Encoding: chunked", "Trailer: X-A"}, chunked("", 1, "X-A: b")),
		"content length":        message("POST", "/oauth2/token?"+validToken, []string{formType, "Content-Length: 0"}, ""),
		"no length":             message("POST", "/oauth2/token?"+validToken, []string{formType}, ""),
		"GET, chunked":          message("GET", "/oauth2/auth?"+authorizeApp, []string{"Transfer-Encoding: chunked"}, chunked("", 1)),
		"GET, content length":   message("GET", "/oauth2/auth?"+authorizeApp, []string{"Content-Length: 0"}, ""),
		"preflight, chunked": message("OPTIONS", "/oauth2/token",
			[]string{"Origin: https://a.example", "Access-Control-Request-Method: POST", "Transfer-Encoding: chunked"}, chunked("", 1)),
	}
	for name, raw := range empties {
		t.Run(name, func(t *testing.T) { p.passes(t, raw) })
	}
}

// TestGetWithBody refuses a GET with a body at endpoints, however it is framed; at resources it streams.
func TestGetWithBody(t *testing.T) {
	p := profilePair(t, "hub", "")
	for name, frame := range framings {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				p.refused(t, frame(method, "/oauth2/auth?"+authorizeApp, "x=1"))
				p.refused(t, frame(method, "/oauth2/auth?"+authorizeApp, "client_id=native"))
				p.refused(t, frame(method, "/oauth2/userinfo", "x=1"))
				p.passes(t, frame(method, "/api/users?query=x", "x=1"))
			})
		}
	}
}

// TestFramingRefusals are framings that net/http refuses or settles before any handler. None of them leads around the guard.
func TestFramingRefusals(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	refusals := map[string]string{
		"two lengths":                 message("POST", "/oauth2/token", []string{formType, "Content-Length: 5", "Content-Length: 59"}, validToken),
		"list of lengths":             message("POST", "/oauth2/token", []string{formType, "Content-Length: 5, 59"}, validToken),
		"signed length":               message("POST", "/oauth2/token", []string{formType, "Content-Length: +59"}, validToken),
		"two transfer codings":        message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, chunked(validToken, 9)),
		"gzip, chunked":               message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: gzip, chunked"}, chunked(validToken, 9)),
		"unknown coding":              message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: xchunked"}, chunked(validToken, 9)),
		"blank before the colon":      message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding : chunked"}, chunked(validToken, 9)),
		"vertical tab in the coding":  message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: \x0bchunked"}, chunked(validToken, 9)),
		"trailer Content-Length":      message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked", "Trailer: Content-Length"}, chunked(validToken, 9)),
		"trailer Transfer-Encoding":   message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked", "Trailer: Transfer-Encoding"}, chunked(validToken, 9)),
		"chunk size not hexadecimal":  message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, "zz\r\n"+validToken+"\r\n0\r\n\r\n"),
		"chunk size too small":        message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, "5\r\n"+validToken+"\r\n0\r\n\r\n"),
		"chunk without line end":      message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, "3b\n"+validToken+"0\n\n"),
		"HTTP/1.0 without any length": strings.Replace(message("POST", "/oauth2/token", []string{formType, "Content-Length: 0"}, validToken), "HTTP/1.1", "HTTP/1.0", 1),
	}
	for name, raw := range refusals {
		t.Run(name, func(t *testing.T) {
			if got := p.refused(t, raw); got.status < 400 {
				t.Errorf("status %d", got.status)
			}
		})
	}
	// With both framings net/http takes the chunks and drops the length, so the upstream sees what was judged.
	both := []string{formType, "Content-Length: 5", "Transfer-Encoding: chunked"}
	if arrived := p.passes(t, message("POST", "/oauth2/token", both, chunked(validToken, 9))); arrived.header()["Content-Length"] != nil || arrived.body != validToken {
		t.Errorf("arrived as %q with the body %q", arrived.head, arrived.body)
	}
	p.refused(t, message("POST", "/oauth2/token", both, chunked(invalidToken, 9)))
	p.passes(t, message("POST", "/oauth2/token", []string{formType, "Content-Length: 59", "Content-Length: 59"}, validToken))
}

// TestSmuggledRequest hides a second request behind the first one on the same connection. The upstream must not see one that was not judged.
func TestSmuggledRequest(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	p.upstream.plain = true
	hidden := form("/oauth2/token", invalidToken, "Connection: close")
	hides := 0
	for name, raw := range map[string]string{
		"behind the length":    message("POST", "/oauth2/token", []string{formType, fmt.Sprintf("Content-Length: %d", len(validToken))}, validToken+hidden),
		"behind the chunks":    message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, chunked(validToken, 9)+hidden),
		"behind both":          message("POST", "/oauth2/token", []string{formType, "Content-Length: 5", "Transfer-Encoding: chunked"}, chunked(validToken, 9)+hidden),
		"behind a refusal":     form("/oauth2/token", invalidToken+"&first=yes") + hidden,
		"behind a GET":         get("/oauth2/auth?"+authorizeApp) + hidden,
		"behind an upgrade":    get("/page", "Upgrade: h2c", "Connection: Upgrade") + hidden,
		"behind another body":  form("/oauth2/auth", authorizeApp) + hidden,
		"behind a long target": get("/page?"+strings.Repeat("a", 5000)) + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			deliver := func(address string) (hiddenArrived bool) {
				p.upstream.take()
				conn, err := net.DialTimeout("tcp", address, patience)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				if _, err := io.WriteString(conn, raw); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadAll(conn); err != nil {
					t.Fatal(err)
				}
				for _, e := range p.upstream.take() {
					hiddenArrived = hiddenArrived || e.body == invalidToken
				}
				return hiddenArrived
			}
			if deliver(p.guarded) {
				t.Error("the hidden request arrived")
			}
			if deliver(p.twin) {
				hides++
			}
		})
	}
	// A pipelined request is nothing special: without the guard most of them do arrive.
	if hides < 5 {
		t.Errorf("only %d hidden requests arrive without the guard, so the test shows nothing", hides)
	}
}
