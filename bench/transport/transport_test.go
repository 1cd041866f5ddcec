package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A guarantee is something that a client or a server relies on. The function says whether the transport keeps it; everything but that ends the test.
type guarantee struct {
	name string
	lean bool // whether fasthttp keeps it
	keep func(t *testing.T, transport func(address string) http.RoundTripper) bool
}

// TestGuarantees shows what the standard transport keeps, and which of it fasthttp loses. If it changes, the experiment is worth to be made again.
func TestGuarantees(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			standard := func(string) http.RoundTripper {
				transport := http.DefaultTransport.(*http.Transport).Clone()
				transport.DisableCompression = true
				t.Cleanup(transport.CloseIdleConnections)
				return transport
			}
			if !g.keep(t, standard) {
				t.Error("the standard transport does not keep it")
			}
			lean := func(address string) http.RoundTripper {
				transport := New(address, nil)
				t.Cleanup(transport.client.CloseIdleConnections)
				return transport
			}
			if got := g.keep(t, lean); got != g.lean {
				t.Errorf("fasthttp keeps it: %v, written down is %v", got, g.lean)
			}
		})
	}
}

var guarantees = []guarantee{
	{"a repeated field of the request stays repeated", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		got := sent(t, transport, http.Header{"X-Token": {"a", "b"}})
		return got["X-Token: a"] == 1 && got["X-Token: b"] == 1
	}},
	{"Content-Type and User-Agent that come twice arrive twice", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		got := sent(t, transport, http.Header{"Content-Type": {"a/b", "c/d"}})
		return got["Content-Type: a/b"] == 1 && got["Content-Type: c/d"] == 1
	}},
	{"a Cookie header arrives byte for byte", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		got := sent(t, transport, http.Header{"Cookie": {"a=1;b=2;  c ;d=\"x y\""}})
		return got["Cookie: a=1;b=2;  c ;d=\"x y\""] == 1
	}},
	{"two Set-Cookie fields of one name and different paths both come back", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		response, _ := received(t, transport, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/x\r\nSet-Cookie: a=2; Path=/y\r\nContent-Length: 0\r\n\r\n")
		return len(response.Header.Values("Set-Cookie")) == 2
	}},
	{"the reason phrase and odd fields of an answer come back", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		response, _ := received(t, transport, "HTTP/1.1 299 Odd\r\nX-Odd: a\r\nX-Odd: b\r\nContent-Length: 0\r\n\r\n")
		return response.Status == "299 Odd" && len(response.Header.Values("X-Odd")) == 2
	}},
	{"an answer without Content-Type gets none", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		response, _ := received(t, transport, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return len(response.Header.Values("Content-Type")) == 0
	}},
	{"early hints (103) do not replace the answer", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		response, text := received(t, transport, "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"+plain)
		return response.StatusCode == http.StatusOK && text == "ok"
	}},
	{"1xx answers are handed to who traces the request, as reverse_proxy does", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			_, _ = readHead(reader)
			_, _ = io.WriteString(connection, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+plain)
		})
		var hints atomic.Int32
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { hints.Add(1); return nil }})
		response, err := transport(address).RoundTrip(newRequest(ctx, t, http.MethodGet, "http://"+address+"/", nil))
		if err == nil {
			_, _ = finish(response)
		}
		return hints.Load() == 1
	}},
	{"trailers of an answer come back", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		response, text := received(t, transport, "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")
		return text == "ok" && response.Trailer.Get("X-Sum") == "7"
	}},
	{"the beginning of a streamed answer comes before its end", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		end := make(chan struct{})
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			_, _ = readHead(reader)
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n")
			<-end
			_, _ = io.WriteString(connection, "0\r\n\r\n")
		})
		came := make(chan error, 1)
		r := newRequest(t.Context(), t, http.MethodGet, "http://"+address+"/", nil)
		go func() {
			response, err := transport(address).RoundTrip(r)
			if err == nil {
				_, err = io.ReadFull(response.Body, make([]byte, 6))
				defer response.Body.Close()
			}
			came <- err
			<-end
		}()
		defer close(end)
		select {
		case err := <-came:
			return err == nil
		case <-time.After(3 * time.Second):
			return false
		}
	}},
	{"an answer that comes before the body was sent is an answer", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		over := make(chan struct{})
		defer close(over)
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			_, _ = readHead(reader)
			_, _ = io.WriteString(connection, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			<-over
		})
		unsent, writer := io.Pipe() // a body that does not go on
		defer writer.Close()
		r := newRequest(t.Context(), t, http.MethodPost, "http://"+address+"/", unsent)
		r.ContentLength = 1 << 20
		came := make(chan int, 1)
		go func() {
			response, err := transport(address).RoundTrip(r)
			if err != nil {
				came <- 0
				return
			}
			_, _ = finish(response)
			came <- response.StatusCode
		}()
		select {
		case status := <-came:
			return status == http.StatusRequestEntityTooLarge
		case <-time.After(2 * time.Second):
			return false
		}
	}},
	{"when a client goes, its request to the server ends", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		began, ended := make(chan struct{}), make(chan struct{})
		address := scripted(t, func(_ int, _ net.Conn, reader *bufio.Reader) {
			_, _ = readHead(reader)
			close(began)
			_, _ = reader.ReadByte()
			close(ended)
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRequest(ctx, t, http.MethodGet, "http://"+address+"/", nil)
		go func() {
			if response, err := transport(address).RoundTrip(r); err == nil {
				_, _ = finish(response)
			}
		}()
		<-began
		cancel()
		select {
		case <-ended:
			return true
		case <-time.After(2 * time.Second):
			return false
		}
	}},
	{"a POST on a connection that the server has just closed is sent on another one, if its body can be had again", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		address := scripted(t, func(number int, connection net.Conn, reader *bufio.Reader) {
			for answers := 0; ; answers++ {
				if _, err := readHead(reader); err != nil {
					return
				}
				if number == 0 && answers == 1 {
					return // read, and closed without an answer: not to be repeated; the test lets the server close before
				}
				_, _ = reader.Discard(3)
				_, _ = io.WriteString(connection, plain)
				if number == 0 {
					return
				}
			}
		})
		through := transport(address)
		for range 2 {
			r := newRequest(t.Context(), t, http.MethodPost, "http://"+address+"/", strings.NewReader("a=b"))
			response, err := through.RoundTrip(r)
			if err != nil {
				t.Log(err)
				return false
			}
			if text, err := finish(response); err != nil || text != "ok" {
				t.Log(text, err)
				return false
			}
			time.Sleep(100 * time.Millisecond)
		}
		return true
	}},
	{"a PUT whose answer was lost is not sent twice", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		var requests atomic.Int32
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			for {
				if _, err := readHead(reader); err != nil {
					return
				}
				if requests.Add(1) > 1 {
					return // the server did what was asked, and its answer is lost
				}
				_, _ = io.WriteString(connection, plain)
			}
		})
		through := transport(address)
		for range 2 {
			r := newRequest(t.Context(), t, http.MethodPut, "http://"+address+"/", nil)
			if response, err := through.RoundTrip(r); err == nil {
				_, _ = finish(response)
			}
		}
		return requests.Load() == 2
	}},
	{"WebSocket: after 101 the connection goes on in both directions", false, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			_, _ = readHead(reader)
			_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(connection, reader)
		})
		r := newRequest(t.Context(), t, http.MethodGet, "http://"+address+"/", nil)
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		response, err := transport(address).RoundTrip(r)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		both, able := response.Body.(io.ReadWriter)
		if !able {
			return false
		}
		if _, err := io.WriteString(both, "ping"); err != nil {
			return false
		}
		echo := make([]byte, 4)
		_, err = io.ReadFull(both, echo)
		return err == nil && string(echo) == "ping"
	}},
	{"a deadline ends the request", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		address := scripted(t, func(_ int, _ net.Conn, reader *bufio.Reader) { _, _ = readHead(reader); _, _ = reader.ReadByte() })
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begin := time.Now()
		response, err := transport(address).RoundTrip(newRequest(ctx, t, http.MethodGet, "http://"+address+"/", nil))
		if err == nil {
			_, err = finish(response)
		}
		return err != nil && time.Since(begin) < 5*time.Second
	}},
	{"a connection is used again", true, func(t *testing.T, transport func(string) http.RoundTripper) bool {
		var connections atomic.Int32
		address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
			connections.Add(1)
			for {
				if _, err := readHead(reader); err != nil {
					return
				}
				_, _ = io.WriteString(connection, plain)
			}
		})
		through := transport(address)
		for range 3 {
			response, err := through.RoundTrip(newRequest(t.Context(), t, http.MethodGet, "http://"+address+"/", nil))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(response); err != nil {
				t.Fatal(err)
			}
		}
		return connections.Load() == 1
	}},
}

// TestHTTP2 shows that a server that speaks HTTP/2 is asked in HTTP/1.1 by fasthttp.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.ProtoMajor) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	standard := server.Client().Transport.(*http.Transport)
	lean := New(strings.TrimPrefix(server.URL, "https://"), &tls.Config{RootCAs: standard.TLSClientConfig.RootCAs})
	defer lean.client.CloseIdleConnections()
	for version, transport := range map[string]http.RoundTripper{"2": standard, "1": lean} {
		response, err := transport.RoundTrip(newRequest(t.Context(), t, http.MethodGet, server.URL, nil))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := finish(response); err != nil || text != version {
			t.Errorf("HTTP/%s, %v; want HTTP/%s", text, err, version)
		}
	}
}

// TestLosses expects the list of the document to be what the tests show.
func TestLosses(t *testing.T) {
	var lost []string
	for _, g := range guarantees {
		if !g.lean {
			lost = append(lost, g.name)
		}
	}
	if !slices.Equal(lost, Losses) {
		t.Errorf("the losses are %q, written down are %q", lost, Losses)
	}
}

// TestCost measures both for a moment.
func TestCost(t *testing.T) {
	address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
		for {
			if _, err := readHead(reader); err != nil {
				return
			}
			if _, err := io.WriteString(connection, plain); err != nil {
				return
			}
		}
	})
	lean := New(address, nil)
	defer lean.client.CloseIdleConnections()
	for name, transport := range map[string]http.RoundTripper{"standard": http.DefaultTransport, "fasthttp": lean} {
		if cost, err := Cost(t.Context(), transport, "http://"+address+"/", 2, 50*time.Millisecond); err != nil || cost <= 0 {
			t.Errorf("%s: %.1f us, %v", name, cost, err)
		}
	}
}
