package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Entry is one entry of an HTTP archive (HAR 1.2), as far as it is of use.
type Entry struct {
	Started time.Time `json:"startedDateTime"`
	Request struct {
		Method   string  `json:"method"`
		URL      string  `json:"url"`
		Headers  []field `json:"headers"`
		BodySize int     `json:"bodySize"`
		PostData *struct {
			MimeType string  `json:"mimeType"`
			Text     string  `json:"text"`
			Params   []field `json:"params"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status      int     `json:"status"`
		RedirectURL string  `json:"redirectURL"`
		Headers     []field `json:"headers"`
	} `json:"response"`
}

type field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Location is where the response redirects to; empty if it does not.
func (e *Entry) Location() string {
	for _, f := range e.Response.Headers {
		if strings.EqualFold(f.Name, "Location") {
			return f.Value
		}
	}
	return e.Response.RedirectURL
}

// Entries reads an HTTP archive entry by entry. It ends without an error if visit returns false. An entry, or what else has to be read at once, may have [MaxSize] bytes.
func Entries(from io.Reader, visit func(*Entry) bool) error { return entries(from, MaxSize, visit) }

func entries(from io.Reader, limit int, visit func(*Entry) bool) error {
	piece := &bounded{from: from, left: limit}
	decoder := json.NewDecoder(piece)
	for _, name := range []string{"log", "entries"} {
		if err := enter(decoder, name); err != nil {
			return fmt.Errorf("not an HTTP archive: %w", err)
		}
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return errors.New("not an HTTP archive: entries is not an array")
	}
	for decoder.More() {
		var entry Entry
		if err := decoder.Decode(&entry); err != nil {
			return fmt.Errorf("HTTP archive: %w", err)
		}
		piece.left = limit
		if !visit(&entry) {
			return nil
		}
	}
	if _, err := decoder.Token(); err != nil {
		return fmt.Errorf("HTTP archive: %w", err)
	}
	return nil
}

// bounded reads so many bytes and no more. A decoder keeps all of a value that it has not read to its end, and a small packed archive can hold one that never ends.
type bounded struct {
	from io.Reader
	left int
}

var errTooLong = fmt.Errorf("a piece of it has more than %d MiB", MaxSize>>20)

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// enter goes to the value of a member of the object that comes next.
func enter(decoder *json.Decoder, name string) error {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("there is no object with the member %s", name)
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		if token == name {
			return nil
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
	}
	return fmt.Errorf("there is no member %s", name)
}

// FromHAR makes the request of an entry of an HTTP archive; the first is number 1.
func FromHAR(from io.Reader, number int) (*Message, error) {
	if number < 1 {
		return nil, fmt.Errorf("entry %d: the first entry is number 1", number)
	}
	var message *Message
	var failure error
	count := 0
	err := Entries(from, func(entry *Entry) bool {
		if count++; count < number {
			return true
		}
		message, failure = entry.Message()
		return false
	})
	switch {
	case err != nil:
		return nil, err
	case failure != nil:
		return nil, fmt.Errorf("entry %d: %w", number, failure)
	case message == nil:
		return nil, fmt.Errorf("entry %d: the archive has %d entries", number, count)
	}
	return message, nil
}

// Message is the request of the entry.
func (e *Entry) Message() (*Message, error) {
	address, _, _ := strings.Cut(e.Request.URL, "#")
	scheme, host, target, err := splitURL(address)
	if err != nil {
		return nil, err
	}
	text := strings.Builder{}
	text.WriteString(flat(e.Request.Method+" "+target) + " HTTP/1.1\r\nHost: " + flat(host) + "\r\n")
	typed := false
	for _, f := range e.Request.Headers {
		name := strings.ToLower(f.Name)
		if strings.HasPrefix(name, ":") || name == "host" || name == "content-length" || name == "transfer-encoding" || name == "connection" {
			continue // of HTTP/2, or about how the bytes were sent
		}
		typed = typed || name == "content-type"
		text.WriteString(flat(f.Name+": "+f.Value) + "\r\n")
	}
	body := ""
	if data := e.Request.PostData; data != nil {
		body = data.Text
		if body == "" {
			pairs := make([]string, len(data.Params))
			for i, p := range data.Params {
				pairs[i] = url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
			}
			body = strings.Join(pairs, "&")
		}
		if !typed && data.MimeType != "" {
			text.WriteString("Content-Type: " + flat(data.MimeType) + "\r\n")
		}
	}
	if body != "" {
		text.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	m, err := parse([]byte(text.String()+"\r\n"+body), scheme)
	if err == nil {
		m.BodyMissing = body == "" && (e.Request.BodySize > 0 || e.Request.PostData == nil && e.Request.Method == "POST")
	}
	return m, err
}
