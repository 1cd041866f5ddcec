// Package upstream is the server behind every peer. It reads HTTP/1.1 without judging it, so that whatever a peer lets through arrives, and answers at once with
// little work, so that it takes little of the machine from what is measured.
package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strconv"
	"strings"
)

// Mark is the header of every answer. Its value is the CRC-32 (IEEE) of the request's body in hexadecimal digits, so that a client can see that its own body arrived.
const Mark = "X-Upstream"

// Answers, without the mark and the end of the head. The authorization endpoint sends the browser to a login page, the token endpoint gives a token.
var (
	login = "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n"
	token = `{"access_token":"mF_9.B5f-4.1JqM.pZ8sVn2qL0xTg7cR3uYk6HdWj1oXe","token_type":"Bearer","expires_in":3600,` +
		`"refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA.nB7rUe4mC9sLq1yVfA3hDk6ZpJ0wTt5iXgR8oMuE","scope":"openid profile email",` +
		`"id_token_hint_supported":false,"session_state":"b2f1c9d4-7a60-4c1e-9a55-1f0f6f0a9c11"}`
)

// Serve answers connections until the listener is closed.
func Serve(listener net.Listener) error {
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			s := session{reader: bufio.NewReaderSize(connection, 64<<10), writer: connection}
			for s.answer() == nil {
			}
		}()
	}
}

// session is one connection. Its buffers are kept from request to request.
type session struct {
	reader *bufio.Reader
	writer io.Writer
	body   bytes.Buffer
	out    []byte
}

// head is what the server must know of a request to read and answer it.
type head struct {
	method  string
	length  int64
	chunked bool
	goOn    bool
}

// answer reads one request and answers it.
func (s *session) answer() error {
	h, err := s.readHead()
	if err != nil {
		return err
	}
	if h.goOn {
		if _, err := io.WriteString(s.writer, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	s.body.Reset()
	if h.chunked {
		err = s.readChunks()
	} else {
		_, err = io.CopyN(&s.body, s.reader, h.length)
	}
	if err != nil {
		return err
	}
	isToken := h.method == "POST"
	s.out = s.out[:0]
	if isToken {
		s.out = append(s.out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: "...)
		s.out = strconv.AppendInt(s.out, int64(len(token)), 10)
		s.out = append(s.out, "\r\n"...)
	} else {
		s.out = append(s.out, login...)
	}
	s.out = fmt.Appendf(s.out, "%s: %08x\r\n\r\n", Mark, crc32.ChecksumIEEE(s.body.Bytes()))
	if isToken {
		s.out = append(s.out, token...)
	}
	_, err = s.writer.Write(s.out)
	return err
}

// readHead reads a request line and the header.
func (s *session) readHead() (h head, err error) {
	for first := true; ; first = false {
		line, err := s.reader.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			method, _, _ := bytes.Cut(line, []byte(" "))
			h.method = string(method)
			continue
		}
		if len(line) == 0 {
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case is(name, "Content-Length"):
			if h.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return h, err
			}
		case is(name, "Transfer-Encoding"):
			h.chunked = true
		case is(name, "Expect"):
			h.goOn = true
		}
	}
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// readChunks reads a chunked body.
func (s *session) readChunks() error {
	for {
		line, err := s.reader.ReadString('\n')
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		length, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return err
		}
		if length > 0 {
			if _, err := io.CopyN(&s.body, s.reader, length); err != nil {
				return err
			}
			if _, err := s.reader.Discard(2); err != nil {
				return err
			}
			continue
		}
		for { // trailers
			line, err := s.reader.ReadSlice('\n')
			if err != nil {
				return err
			}
			if len(bytes.TrimRight(line, "\r\n")) == 0 {
				return nil
			}
		}
	}
}
