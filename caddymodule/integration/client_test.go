package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// message writes an HTTP/1.1 request. Host and, if there is a body that the fields do not frame, Content-Length are added. Nothing is escaped or checked.
func message(method, target string, fields []string, body string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\n", method, target)
	host, framed := false, false
	for _, field := range fields {
		name, _, _ := strings.Cut(strings.ToLower(field), ":")
		host = host || name == "host"
		framed = framed || name == "content-length" || name == "transfer-encoding"
	}
	if !host {
		text.WriteString("Host: hub.example\r\n")
	}
	for _, field := range fields {
		text.WriteString(field + "\r\n")
	}
	if body != "" && !framed {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(body))
	}
	text.WriteString("\r\n" + body)
	return text.String()
}

// get is a GET request.
func get(target string, fields ...string) string { return message("GET", target, fields, "") }

// form is a POST of a form.
func form(target, body string, fields ...string) string {
	return message("POST", target, append([]string{"Content-Type: application/x-www-form-urlencoded"}, fields...), body)
}

// answer is a response.
type answer struct {
	// interim are the informational statuses before it.
	interim []int
	// status is zero if the connection ended without a response.
	status int
	header http.Header
	body   string
}

// send writes the bytes to the address on a connection of its own and reads the response.
func send(t testing.TB, address, raw string) answer {
	t.Helper()
	return sendAs(t, address, raw, false)
}

// sendAs is send that, if broken is set, ends the connection for writing behind the bytes, as a client does that dies.
func sendAs(t testing.TB, address, raw string, broken bool) answer {
	t.Helper()
	got, err := transmit(address, raw, broken)
	if err != nil {
		t.Fatalf("%.60q: %v", raw, err)
	}
	return got
}

// transmit is send for goroutines. An end of the connection without a response is an answer, too.
func transmit(address, raw string, broken bool) (answer, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(conn, raw) // a server may answer and close before it has read everything
		if broken {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	method, _, _ := strings.Cut(raw, " ")
	got, err := receive(bufio.NewReader(conn), method)
	_ = conn.Close()
	<-written
	return got, err
}

// insist sends until there is a response, and counts the attempts in vain. At a reload Caddy may drop a connection that it has not read from yet, with or
// without the guard; clients try again then.
func insist(address, raw string) (got answer, vain int, err error) {
	for range 10 {
		if got, err = transmit(address, raw, false); err == nil && got.status != 0 {
			return got, vain, nil
		}
		vain++
	}
	return got, vain, fmt.Errorf("no response in %d attempts: %w", vain, err)
}

// receive reads one response and the informational ones before it.
func receive(reader *bufio.Reader, method string) (answer, error) {
	var got answer
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				return got, fmt.Errorf("no answer within %v", patience)
			}
			return got, nil
		}
		if response.StatusCode < 200 && response.StatusCode != http.StatusSwitchingProtocols {
			got.interim = append(got.interim, response.StatusCode)
			continue
		}
		got.status, got.header = response.StatusCode, response.Header
		if response.StatusCode != http.StatusSwitchingProtocols {
			content, _ := io.ReadAll(response.Body)
			got.body = string(content)
		}
		return got, response.Body.Close()
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}
