// Package conformance asks every peer requests whose right answer is known: invalid ones, from the test vectors of the rules, and valid ones, from the near misses of the
// vectors and from what real clients sent. So nobody is called fast for what he does not do.
package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/upstream"
)

// Request is one request with its right answer.
type Request struct {
	// Name tells it from the others: the rule and the vector, or the record of the corpus.
	Name string
	// Valid requests must reach the server, others must not.
	Valid bool
	// Common says that an invalid request breaks one of the rules that every peer was configured to check, as well as it can.
	Common bool
	// Error is the error code that fits best; "" for valid requests.
	Error string
	// Message is the request as bytes. It lacks only the Host, which is added.
	Message func(host string) string
}

// Outcome is what a peer made of a request.
type Outcome int

// The outcomes.
const (
	// Passed says that the server received the request.
	Passed Outcome = iota
	// Refused says that it did not, and that the answer is not the one of the standard.
	Refused
	// Explained says that it did not, and that the client is told the error code that the rule names.
	Explained
)

// Result is what a peer made of all requests of a list.
type Result struct {
	// Invalid and Valid count the requests.
	Invalid, Valid int
	// Common counts the invalid requests that break a rule which every peer was configured to check, CommonRefused those of them that did not reach the server.
	Common, CommonRefused int
	// Refused counts the invalid requests that did not reach the server, Explained those of them whose answer has the error code of the rule.
	Refused, Explained int
	// Broken counts the valid requests that did not reach the server.
	Broken int
	// Let are the names of invalid requests that reached the server, Harmed those of valid ones that did not.
	Let, Harmed []string
}

// Add adds another result.
func (r *Result) Add(other Result) {
	r.Invalid += other.Invalid
	r.Valid += other.Valid
	r.Refused += other.Refused
	r.Common += other.Common
	r.CommonRefused += other.CommonRefused
	r.Explained += other.Explained
	r.Broken += other.Broken
	r.Let = append(r.Let, other.Let...)
	r.Harmed = append(r.Harmed, other.Harmed...)
}

// Ask sends all requests to an address.
func Ask(address string, requests []Request) (Result, error) {
	var result Result
	for _, request := range requests {
		outcome, err := send(address, request)
		if err != nil {
			return result, err
		}
		if request.Common {
			result.Common++
			if outcome != Passed {
				result.CommonRefused++
			}
		}
		switch {
		case request.Valid:
			result.Valid++
			if outcome != Passed {
				result.Broken++
				result.Harmed = append(result.Harmed, request.Name)
			}
		case outcome == Passed:
			result.Invalid++
			result.Let = append(result.Let, request.Name)
		default:
			result.Invalid++
			result.Refused++
			if outcome == Explained {
				result.Explained++
			}
		}
	}
	return result, nil
}

// patience is how long a peer may take to answer.
const patience = 5 * time.Second

// send sends one request over a connection of its own. Only a connection that cannot be made is an error: a peer may close it without an answer, which refuses the request.
func send(address string, request Request) (Outcome, error) {
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return Passed, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return Passed, err
	}
	message := request.Message(address)
	if _, err := io.WriteString(connection, message); err != nil {
		return Refused, nil
	}
	method, _, _ := strings.Cut(message, " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		return Refused, nil
	}
	defer response.Body.Close()
	if response.Header.Get(upstream.Mark) != "" {
		return Passed, nil
	}
	if code := errorCode(response); code != "" && code == request.Error {
		return Explained, nil
	}
	return Refused, nil
}

// errorCode is the error of an answer: in its JSON, or in the redirect URI that it leads to.
func errorCode(response *http.Response) string {
	if response.StatusCode/100 == 3 {
		target, err := url.Parse(response.Header.Get("Location"))
		if err != nil {
			return ""
		}
		if code := target.Query().Get("error"); code != "" {
			return code
		}
		fragment, _ := url.ParseQuery(target.EscapedFragment())
		return fragment.Get("error")
	}
	var answer struct {
		Error string `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer)
	return answer.Error
}
