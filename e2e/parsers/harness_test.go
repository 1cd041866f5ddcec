package parsers

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// expectation is one request of which it is known what each parser makes.
type expectation struct {
	// Name says what is special about the request.
	Name string `json:"name"`
	// Request is the request: the request line without version, the header lines, an empty line, and the body. Every code point up to U+00FF is one byte.
	Request []string `json:"request"`
	// Reads says what parsers read: the endpoint, and the parameters in alphabetical order, or "refuses". Parsers that are not named read what stands under "others".
	Reads map[string]string `json:"reads"`
}

func loadExpectations(t *testing.T) []expectation {
	t.Helper()
	text, err := os.ReadFile("testdata/known.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []expectation
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// forward is the request as the servers get it.
func (e *expectation) forward(t *testing.T) *Forwarded {
	t.Helper()
	text := make([]byte, 0, 200)
	for _, c := range strings.Join(e.Request, "\r\n") {
		text = append(text, byte(c))
	}
	head, body, _ := strings.Cut(string(text), "\r\n\r\n")
	line, header, _ := strings.Cut(head, "\r\n")
	message := fmt.Sprintf("%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n\r\n%s", line, len(body), header, body)
	forwarded, err := Forward(strings.ReplaceAll(message, "\r\n\r\n\r\n", "\r\n\r\n"))
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	return forwarded
}

// line writes a reading for comparison.
func (r *Reading) line() string {
	if r.Refused != "" {
		return "refuses"
	}
	parts := make([]string, len(r.Pairs))
	for i, pair := range r.Pairs {
		parts[i] = fmt.Sprintf("%+q=%+q", pair.Name, pair.Value)
	}
	slices.Sort(parts)
	return strings.TrimSpace(r.Endpoint + " " + strings.Join(parts, " "))
}

// TestHarnesses asks every parser for what is known of it, so that a harness that reads nothing, or reads otherwise than the real server, is noticed: the property would hold for it, and
// say nothing.
func TestHarnesses(t *testing.T) {
	laboratory, _ := start(t)
	expectations := loadExpectations(t)
	requests := make([]*Forwarded, len(expectations))
	for i := range expectations {
		requests[i] = expectations[i].forward(t)
	}
	readings, err := laboratory.Read(requests)
	if err != nil {
		t.Fatal(err)
	}
	for i := range expectations {
		for k, parser := range laboratory.Parsers() {
			want, found := expectations[i].Reads[parser]
			if !found {
				want = expectations[i].Reads["others"]
			}
			if got := readings[i][k].line(); got != want {
				t.Errorf("%s: %s reads\n\t%s, want\n\t%s", expectations[i].Name, parser, got, want)
			}
		}
	}
}

// TestOrder gives all parsers requests of which some end the connection, and expects each answer to belong to its request.
func TestOrder(t *testing.T) {
	laboratory, _ := start(t)
	var requests []*Forwarded
	for i := range 200 {
		value := fmt.Sprintf("state=%d", i)
		if i%7 == 3 {
			value += "&x=%zz\xff{"
		}
		forwarded, err := Forward((&Request{Method: "GET", Path: authorizePath, Query: []string{value}}).Message())
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, forwarded)
	}
	readings, err := laboratory.Read(requests)
	if err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		for k, parser := range laboratory.Parsers() {
			reading := &readings[i][k]
			if reading.Refused != "" {
				if i%7 != 3 {
					t.Errorf("request %d: %s refuses it: %s", i, parser, reading.Refused)
				}
				continue
			}
			if !slices.Contains(reading.Pairs, Pair{"state", fmt.Sprint(i)}) {
				t.Errorf("request %d: %s reads %q", i, parser, reading.Pairs)
			}
		}
	}
}
