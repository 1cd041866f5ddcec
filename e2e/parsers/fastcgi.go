package parsers

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// The types of FastCGI records, FastCGI specification section 8.
const (
	fastCGIBegin  = 1
	fastCGIEnd    = 3
	fastCGIParams = 4
	fastCGIStdin  = 5
	fastCGIStdout = 6
)

// fastCGI asks a FastCGI program over one connection, without waiting for the answers to earlier requests.
type fastCGI struct {
	address, script string
	connection      net.Conn
	answers         *bufio.Reader
}

// read implements [Source].
func (f *fastCGI) read(requests []*Forwarded) ([][]Reading, error) {
	if f.connection == nil {
		connection, err := net.Dial("unix", f.address)
		if err != nil {
			return nil, err
		}
		f.connection, f.answers = connection, bufio.NewReader(connection)
	}
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriter(f.connection)
		for _, request := range requests {
			if _, err := out.Write(f.records(request)); err != nil {
				sent <- err
				return
			}
		}
		sent <- out.Flush()
	}()
	readings := make([][]Reading, len(requests))
	for i := range readings {
		output, err := f.answer()
		if err != nil {
			f.disconnect()
			return nil, fmt.Errorf("php: %w", errors.Join(err, <-sent))
		}
		head, body, _ := strings.Cut(output, "\r\n\r\n")
		if status, found := strings.CutPrefix(head, "Status: "); found {
			readings[i] = []Reading{refused(firstLine(status))}
			continue
		}
		if readings[i], err = decode([]byte(body), 1); err != nil {
			return nil, fmt.Errorf("php: %w: %q", err, output)
		}
	}
	return readings, <-sent
}

// records are a request as a web server hands it over.
func (f *fastCGI) records(request *Forwarded) []byte {
	var parameters []byte
	for _, parameter := range [][2]string{
		{"SCRIPT_FILENAME", f.script}, {"REQUEST_METHOD", request.Method}, {"REQUEST_URI", request.target()}, {"QUERY_STRING", request.Query},
		{"CONTENT_TYPE", request.contentType()}, {"CONTENT_LENGTH", strconv.Itoa(len(request.Body))}, {"SERVER_PROTOCOL", "HTTP/1.1"},
		{"REDIRECT_STATUS", "200"}, {"AUTHORIZE", authorizePath}, {"TOKEN", tokenPath},
	} {
		for _, text := range parameter {
			if len(text) < 0x80 {
				parameters = append(parameters, byte(len(text)))
			} else {
				parameters = binary.BigEndian.AppendUint32(parameters, uint32(len(text))|1<<31)
			}
		}
		parameters = append(append(parameters, parameter[0]...), parameter[1]...)
	}
	const responder, keepConnection = 1, 1
	records := record(nil, fastCGIBegin, []byte{0, responder, keepConnection, 0, 0, 0, 0, 0})
	records = stream(records, fastCGIParams, parameters)
	return stream(records, fastCGIStdin, []byte(request.Body))
}

// stream appends content as records, and the empty record that ends it.
func stream(records []byte, kind byte, content []byte) []byte {
	const most = 0xFFFF
	for len(content) > most {
		records = record(records, kind, content[:most])
		content = content[most:]
	}
	if len(content) > 0 {
		records = record(records, kind, content)
	}
	return record(records, kind, nil)
}

// record appends one record of request number 1.
func record(records []byte, kind byte, content []byte) []byte {
	records = append(records, 1, kind, 0, 1, byte(len(content)>>8), byte(len(content)), 0, 0)
	return append(records, content...)
}

// answer reads the output for one request.
func (f *fastCGI) answer() (string, error) {
	var output []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(f.answers, head[:]); err != nil {
			return "", err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:6]))+int(head[6]))
		if _, err := io.ReadFull(f.answers, content); err != nil {
			return "", err
		}
		switch content = content[:len(content)-int(head[6])]; head[1] {
		case fastCGIStdout:
			output = append(output, content...)
		case fastCGIEnd:
			return string(output), nil
		}
	}
}

// disconnect closes the connection.
func (f *fastCGI) disconnect() {
	if f.connection != nil {
		_ = f.connection.Close()
		f.connection = nil
	}
}
