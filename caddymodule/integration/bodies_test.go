package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// ownBody is the body that belongs to an ID: a valid token request of 60 or 150 KiB, in which every few bytes name the ID.
func ownBody(id int) string {
	var body strings.Builder
	body.WriteString(validToken)
	stamp := fmt.Sprintf("-%06d", id)
	for i := range 4 + id%2*6 {
		fmt.Fprintf(&body, "&p%d=%s", i, strings.Repeat(stamp, 15000/len(stamp)))
	}
	return body.String()
}

// hasty is a server that answers as soon as it knows the head, and reads the body later. It compares the body with the ID in the head.
type hasty struct {
	mutex              sync.Mutex
	whole, cut, mixups int
	firstMixup         string
}

func (h *hasty) check(id int, got string, complete bool) {
	want := ownBody(id)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	switch {
	case complete && got == want:
		h.whole++
	case !complete && strings.HasPrefix(want, got):
		h.cut++
	default:
		h.mixups++
		h.firstMixup = fmt.Sprintf("request %d received %d bytes, of which this is not its own: %.80q", id, len(got), firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	for i := range len(got) {
		if i >= len(want) || got[i] != want[i] {
			return got[i:]
		}
	}
	return ""
}

// delay is how long the server waits before it reads. A proxy waits 50 ms for the rest of a request before it gives the connection up.
func delay(id int) time.Duration { return time.Duration(id%8) * 11 * time.Millisecond }

// serve is a hasty server on a socket.
func (h *hasty) serve(conn net.Conn, reader *bufio.Reader, e exchange) bool {
	header := e.header()
	id, _ := strconv.Atoi(header.Get("X-Id"))
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%d", len(strconv.Itoa(id)), id)
	time.Sleep(delay(id))
	complete := e.readBody(reader, header)
	h.check(id, e.body, complete)
	return complete
}

// hastyTransport is a transport of reverse_proxy that returns the response at once and goes on reading the body, as transports may (the contract of
// [http.RoundTripper]). Over a socket the same happens if the kernel takes no more bytes, which cannot be arranged everywhere.
type hastyTransport struct{}

var hastyServer atomic.Pointer[hasty]

func init() { caddy.RegisterModule(hastyTransport{}) }

// CaddyModule returns the Caddy module information.
func (hastyTransport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.transport.hasty", New: func() caddy.Module { return new(hastyTransport) }}
}

// UnmarshalCaddyfile takes no options.
func (*hastyTransport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

// RoundTrip implements [http.RoundTripper].
func (hastyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	id, _ := strconv.Atoi(r.Header.Get("X-Id"))
	go func(body io.ReadCloser) {
		time.Sleep(delay(id))
		content, err := io.ReadAll(body)
		_ = body.Close()
		hastyServer.Load().check(id, string(content), err == nil)
	}(r.Body)
	text := strconv.Itoa(id)
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)), Request: r,
	}, nil
}

// TestBodiesAreNeverMixed lets many requests with long bodies compete for pooled buffers, while the upstream answers before it has read. A buffer that went back
// too early would carry one client's credentials into the request of another.
func TestBodiesAreNeverMixed(t *testing.T) {
	const requests, workers = 600, 24
	for _, kind := range []string{"socket", "transport"} {
		t.Run(kind, func(t *testing.T) {
			h := new(hasty)
			guarded, recording := freeAddress(t), newUpstream(t)
			proxy := recording.proxy()
			if kind == "transport" {
				proxy = "reverse_proxy " + recording.address + " {\ntransport hasty\n}\n"
			}
			recording.behave = h.serve
			hastyServer.Store(h)
			load(t, "", site(guarded, guard("profile rfc6749\nlimits {\nbody 200KiB\n}\n"+endpointLines+clientLines)+proxy))
			var next, wrong atomic.Int64
			var running sync.WaitGroup
			for range workers {
				running.Go(func() {
					for {
						id := int(next.Add(1))
						if id > requests {
							return
						}
						// Every third request is refused, so that its buffer goes back at once.
						body := ownBody(id)
						if id%3 == 0 {
							body += "&grant_type=password"
						}
						got, err := transmit(guarded, form("/oauth2/token", body, fmt.Sprintf("X-Id: %d", id)), false)
						refused := got.status == 400 && id%3 == 0
						passed := got.status == 200 && got.body == strconv.Itoa(id) && id%3 != 0
						if err != nil || !refused && !passed {
							wrong.Add(1)
						}
					}
				})
			}
			running.Wait()
			if n := wrong.Load(); n > 0 {
				t.Errorf("%d requests were answered wrongly", n)
			}
			eventually(t, "the upstream reads the rest", func() bool {
				h.mutex.Lock()
				defer h.mutex.Unlock()
				return h.whole+h.cut+h.mixups >= requests*2/3
			})
			h.mutex.Lock()
			defer h.mutex.Unlock()
			if h.mixups > 0 || h.whole+h.cut != requests*2/3 {
				t.Errorf("%d bodies are mixed up, %d arrived: %s", h.mixups, h.whole+h.cut, h.firstMixup)
			}
			if h.whole == 0 {
				t.Error("no body arrived whole, so the test shows nothing")
			}
		})
	}
}

// TestBodyLimits sends bodies around the limit, framed both ways: over it they are refused, and in report mode prefix and rest arrive as one.
func TestBodyLimits(t *testing.T) {
	const limit = 8 << 10
	enforcing := profilePair(t, "rfc6749", "limits {\nbody 8KiB\n}")
	sizes := map[string]int{"below": limit - 1, "at": limit, "above": limit + 1, "far above": 5 << 20}
	bodies := make(map[string]string)
	for name, size := range sizes {
		bodies[name] = validToken + "&x=" + strings.Repeat("a", size-len(validToken)-3)
	}
	raws := func(body string) map[string]string {
		return map[string]string{
			"length":  form("/oauth2/token", body),
			"chunked": message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, chunked(body, 4000)),
		}
	}
	for name, body := range bodies {
		for framing, raw := range raws(body) {
			t.Run("enforce/"+name+"/"+framing, func(t *testing.T) {
				if sizes[name] <= limit {
					enforcing.passes(t, raw)
				} else if got := enforcing.refused(t, raw); got.status != 400 || !strings.Contains(got.body, "invalid_request") {
					t.Errorf("status %d: %s", got.status, got.body)
				}
			})
		}
	}
	reporting := profilePair(t, "rfc6749", "mode report\nlimits {\nbody 8KiB\n}")
	for name, body := range bodies {
		for framing, raw := range raws(body) {
			t.Run("report/"+name+"/"+framing, func(t *testing.T) {
				if arrived := reporting.passes(t, raw); arrived.body != body {
					t.Errorf("%d bytes arrived, want %d", len(arrived.body), len(body))
				}
			})
		}
	}
}

// TestRequestBodyLimit stands behind Caddy's own limit on bodies: what that answers stays what it is.
func TestRequestBodyLimit(t *testing.T) {
	for _, mode := range []string{"enforce", "report"} {
		t.Run(mode, func(t *testing.T) {
			p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
			limit := "request_body {\nmax_size 1KiB\n}\n"
			load(t, "", site(p.guarded, limit+guard("profile rfc6749\nmode "+mode+"\n"+endpointLines+clientLines)+p.upstream.proxy())+
				site(p.twin, limit+p.upstream.proxy()))
			p.passes(t, form("/oauth2/token", validToken))
			for framing, raw := range map[string]string{
				"length":  form("/oauth2/token", validToken+"&x="+strings.Repeat("a", 4000)),
				"chunked": message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, chunked(validToken+"&x="+strings.Repeat("a", 4000), 500)),
			} {
				got, bare := p.refused(t, raw), send(t, p.twin, raw)
				p.upstream.take()
				if got.status != 413 || bare.status != 413 {
					t.Errorf("%s: status %d, without the guard %d, want 413", framing, got.status, bare.status)
				}
			}
		})
	}
}

// TestAbortedBody lets clients go away in the middle of a body. Nothing of it arrives as a whole request, and the next request is served.
func TestAbortedBody(t *testing.T) {
	for _, mode := range []string{"enforce", "report"} {
		t.Run(mode, func(t *testing.T) {
			p := profilePair(t, "rfc6749", "mode "+mode)
			starts := map[string]string{
				"length":         message("POST", "/oauth2/token", []string{formType, "Content-Length: 60000"}, validToken),
				"length, long":   message("POST", "/oauth2/token", []string{formType, "Content-Length: 6000000"}, validToken+strings.Repeat("&x=a", 20000)),
				"chunked":        message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, "3b\r\n"+validToken+"\r\n"),
				"inside chunk":   message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, "ff\r\n"+validToken),
				"no body at all": message("POST", "/oauth2/token", []string{formType, "Content-Length: 59"}, ""),
			}
			for name, raw := range starts {
				for how, leave := range map[string]func(*net.TCPConn){
					"closes": func(conn *net.TCPConn) { _ = conn.Close() },
					"resets": func(conn *net.TCPConn) { _ = conn.SetLinger(0); _ = conn.Close() },
					"halts":  func(conn *net.TCPConn) { _ = conn.CloseWrite(); _, _ = io.Copy(io.Discard, conn); _ = conn.Close() },
				} {
					t.Run(name+"/"+how, func(t *testing.T) {
						conn, err := net.DialTimeout("tcp", p.guarded, patience)
						if err != nil {
							t.Fatal(err)
						}
						_ = conn.SetDeadline(time.Now().Add(patience))
						if _, err := io.WriteString(conn, raw); err != nil && how != "halts" {
							t.Fatal(err)
						}
						leave(conn.(*net.TCPConn))
						p.passes(t, form("/oauth2/token", validToken))
					})
				}
			}
			if whole := p.upstream.take(); len(whole) > 0 {
				t.Errorf("%d aborted requests arrived whole", len(whole))
			}
			if mode == "enforce" {
				if broken := p.upstream.takeBroken(); len(broken) > 0 {
					t.Errorf("the beginning of %d aborted requests arrived: %q", len(broken), broken[0].head)
				}
			}
		})
	}
}
