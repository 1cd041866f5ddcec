package transport

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scripted is an upstream that does what a function says with each connection. It counts them from 0.
func scripted(t *testing.T, serve func(number int, connection net.Conn, reader *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for number := 0; ; number++ {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
				serve(number, connection, bufio.NewReader(connection))
			}()
		}
	}()
	return listener.Addr().String()
}

// readHead reads the lines of a request up to the empty one.
func readHead(reader *bufio.Reader) ([]string, error) {
	var lines []string
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return lines, err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return lines, nil
		}
		lines = append(lines, line)
	}
}

// newRequest is a request as reverse_proxy hands it to a transport.
func newRequest(ctx context.Context, t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test")
	return r
}

// finish reads the rest of an answer.
func finish(response *http.Response) (string, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

const plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// sent says how the header of a request arrives, without its order.
func sent(t *testing.T, transport func(string) http.RoundTripper, header http.Header) map[string]int {
	t.Helper()
	arrived := make(chan []string, 1)
	address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
		lines, _ := readHead(reader)
		arrived <- lines
		_, _ = io.WriteString(connection, plain)
	})
	r := newRequest(t.Context(), t, http.MethodGet, "http://"+address+"/", nil)
	r.Header = header
	response, err := transport(address).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := finish(response); err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for _, line := range <-arrived {
		count[line]++
	}
	return count
}

// received is the header of an answer.
func received(t *testing.T, transport func(string) http.RoundTripper, answer string) (*http.Response, string) {
	t.Helper()
	address := scripted(t, func(_ int, connection net.Conn, reader *bufio.Reader) {
		_, _ = readHead(reader)
		_, _ = io.WriteString(connection, answer)
	})
	response, err := transport(address).RoundTrip(newRequest(t.Context(), t, http.MethodGet, "http://"+address+"/", nil))
	if err != nil {
		t.Log(err)
		return &http.Response{Header: http.Header{}}, ""
	}
	text, err := finish(response)
	if err != nil {
		t.Log(err)
	}
	return response, text
}
