package integration

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// exchange is one request as the upstream received it.
type exchange struct {
	// head is the request line and the header lines, byte by byte, with the empty line.
	head string
	// body is the content, without the framing of chunks.
	body string
	// trailer is what follows the last chunk, byte by byte.
	trailer string
}

// target is the request target.
func (e *exchange) target() string {
	if fields := strings.SplitN(e.head, " ", 3); len(fields) == 3 {
		return fields[1]
	}
	return ""
}

// header parses the header fields.
func (e *exchange) header() http.Header {
	_, fields, _ := strings.Cut(e.head, "\r\n")
	header, _ := textproto.NewReader(bufio.NewReader(strings.NewReader(fields))).ReadMIMEHeader()
	return http.Header(header)
}

// upstream is an HTTP/1.1 server on a raw socket that keeps every request as it came. It is written without net/http, which would hide what it
// reads in its own way.
type upstream struct {
	address string
	// behave, if set before the first request, takes over when a head has arrived, and reports whether the connection serves another request.
	behave func(conn net.Conn, reader *bufio.Reader, head exchange) bool

	// plain, if set before the first request, does not speak WebSocket.
	plain bool

	mutex     sync.Mutex
	exchanges []exchange // whole ones
	broken    []exchange // those whose body did not end as its framing announced
	open      map[net.Conn]struct{}
	running   sync.WaitGroup
}

// newUpstream starts an upstream until the end of the test.
func newUpstream(t testing.TB) *upstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newUpstreamOn(t, listener)
}

// newUpstreamOn is newUpstream on a listener of a special kind.
func newUpstreamOn(t testing.TB, listener net.Listener) *upstream {
	t.Helper()
	u := &upstream{address: listener.Addr().String(), open: make(map[net.Conn]struct{})}
	u.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			u.mutex.Lock()
			u.open[conn] = struct{}{}
			u.mutex.Unlock()
			u.running.Go(func() { u.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		u.mutex.Lock()
		for conn := range u.open {
			_ = conn.Close()
		}
		u.mutex.Unlock()
		u.running.Wait()
	})
	return u
}

// proxy is the directive that passes requests on to the upstream.
func (u *upstream) proxy() string { return "reverse_proxy " + u.address + "\n" }

// take returns the whole requests that arrived since the last call. They are recorded before they are answered.
func (u *upstream) take() []exchange {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	taken := u.exchanges
	u.exchanges = nil
	return taken
}

// takeBroken returns the requests with incomplete bodies that arrived since the last call.
func (u *upstream) takeBroken() []exchange {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	taken := u.broken
	u.broken = nil
	return taken
}

func (u *upstream) record(e exchange, complete bool) {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if complete {
		u.exchanges = append(u.exchanges, e)
	} else {
		u.broken = append(u.broken, e)
	}
}

// serve answers the requests of one connection.
func (u *upstream) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		u.mutex.Lock()
		delete(u.open, conn)
		u.mutex.Unlock()
	}()
	reader := bufio.NewReader(conn)
	for {
		head, err := readHead(reader)
		if err != nil {
			return
		}
		e := exchange{head: head}
		if u.behave != nil {
			if !u.behave(conn, reader, e) {
				return
			}
			continue
		}
		header := e.header()
		if !u.plain && strings.EqualFold(header.Get("Upgrade"), "websocket") {
			u.record(e, true)
			echo(conn, reader)
			return
		}
		if header.Get("Expect") != "" {
			_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		complete := e.readBody(reader, header)
		u.record(e, complete)
		if !complete {
			return
		}
		if !respond(conn, head) {
			return
		}
	}
}

// respond writes the usual answer.
func respond(conn net.Conn, head string) bool {
	text := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n"
	if !strings.HasPrefix(head, "HEAD ") {
		text += "arrived"
	}
	_, err := io.WriteString(conn, text)
	return err == nil
}

// readHead reads up to and with the empty line.
func readHead(reader *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := reader.ReadString('\n')
		head.WriteString(line)
		if err != nil {
			return head.String(), err
		}
		if line == "\r\n" && head.Len() > 2 {
			return head.String(), nil
		}
	}
}

// readBody reads the content as its framing says, and reports whether it ended so.
func (e *exchange) readBody(reader *bufio.Reader, header http.Header) bool {
	var content strings.Builder
	if strings.EqualFold(header.Get("Transfer-Encoding"), "chunked") {
		_, err := io.Copy(&content, httputil.NewChunkedReader(reader))
		e.body = content.String()
		if err != nil {
			return false
		}
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				return false
			}
			if line == "\r\n" {
				return true
			}
			e.trailer += line
		}
	}
	length, _ := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	n, _ := io.CopyN(&content, reader, length)
	e.body = content.String()
	return n == length
}

// echo accepts a WebSocket and sends back every byte.
func echo(conn net.Conn, reader *bufio.Reader) {
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_, _ = io.Copy(conn, reader)
}
