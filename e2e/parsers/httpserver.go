package parsers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// server is a parser that can only be asked over HTTP/1.1. All requests go over one connection, each without waiting for the answers to those before it.
type server struct {
	address    string
	parsers    int
	connection net.Conn
	answers    *bufio.Reader
}

// read implements [Source].
func (s *server) read(requests []*Forwarded) ([][]Reading, error) {
	readings := make([][]Reading, 0, len(requests))
	alone := false
	for len(readings) < len(requests) {
		rest := requests[len(readings):]
		if alone {
			rest = rest[:1]
		}
		if err := s.connect(); err != nil {
			return nil, err
		}
		sent := make(chan struct{})
		go func(connection net.Conn) {
			defer close(sent)
			out := bufio.NewWriter(connection)
			for _, request := range rest {
				// If the server closed the connection, its last answer says why.
				if _, err := out.WriteString(request.message()); err != nil {
					return
				}
			}
			_ = out.Flush()
		}(s.connection)
		answered, err := s.answer(rest, alone, &readings)
		if err != nil {
			s.disconnect()
		}
		<-sent
		var closed *closedError
		if err != nil && !errors.As(err, &closed) {
			return nil, err
		}
		if err != nil && answered == 0 && alone {
			readings = append(readings, s.refused("closes the connection"))
		}
		// A server that refuses a request may do so before it answered those before it, or may tear the answer away with the rest that it does not read. Only what comes alone is sure.
		alone = err != nil && !alone
	}
	return readings, nil
}

// closedError is the end of a connection.
type closedError struct{ error }

// answer reads the answers to requests until the connection ends, and counts them. The last answer before the end only counts if it is to a request that was sent alone.
func (s *server) answer(requests []*Forwarded, alone bool, readings *[][]Reading) (answered int, err error) {
	for _, request := range requests {
		response, err := http.ReadResponse(s.answers, &http.Request{Method: request.Method})
		if err != nil {
			return answered, &closedError{err}
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return answered, &closedError{err}
		}
		if response.Close && !alone {
			return answered, &closedError{io.EOF}
		}
		answered++
		if response.StatusCode == http.StatusOK {
			decoded, err := decode(body, s.parsers)
			if err != nil {
				return answered, fmt.Errorf("%s: %w: %q", s.address, err, body)
			}
			*readings = append(*readings, decoded)
		} else {
			*readings = append(*readings, s.refused(response.Status))
		}
		if response.Close {
			return answered, &closedError{io.EOF}
		}
	}
	return answered, nil
}

// refused is a refusal by all parsers of the server.
func (s *server) refused(reason string) []Reading {
	readings := make([]Reading, s.parsers)
	for i := range readings {
		readings[i] = refused(strings.TrimSpace(reason))
	}
	return readings
}

// connect connects if there is no connection.
func (s *server) connect() error {
	if s.connection != nil {
		return nil
	}
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	s.connection, s.answers = connection, bufio.NewReader(connection)
	return nil
}

// disconnect closes the connection.
func (s *server) disconnect() {
	if s.connection != nil {
		_ = s.connection.Close()
		s.connection = nil
	}
}
