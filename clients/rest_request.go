package clients

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The bounds of an answer, after decompression.
const (
	maxAnswer = 16 << 20
	// maxErrorAnswer is enough for Hub's own errors.
	maxErrorAnswer = 64 << 10
)

// restPath leads from the address of a Hub to its REST API.
const restPath = "/api/rest"

// longestDelay bounds what is believed of a Retry-After.
const longestDelay = 24 * time.Hour

// HubError is an answer of a Hub, or of something in front of it, that holds no data.
type HubError struct {
	// Status is the HTTP status.
	Status int
	// Delay is how long the Hub wants to be left alone (Retry-After); zero if it did not say. It is at most a day.
	Delay time.Duration

	text string
	// hubsOwn says that the answer is in Hub's form, so that no other server or proxy sent it.
	hubsOwn bool
}

// Error says what the Hub answered and what to do about it. It holds neither the token nor more of the answer than the reason.
func (e *HubError) Error() string { return e.text }

// RetryAfter is how long the Hub wants to be left alone; zero if it did not say.
func (e *HubError) RetryAfter() time.Duration { return e.Delay }

var errTooLarge = errors.New("the answer is too large")

// session is a server during one load.
type session struct {
	// kind is what the server is, for errors.
	kind string
	// address is the base URL without a slash at its end.
	address string
	client  *http.Client
	token   string
	// limit bounds an answer, in bytes; zero means maxAnswer.
	limit int64

	pageSize, maxServices int
}

// answer is a response that holds data, with all of its body.
type answer struct {
	header http.Header
	body   []byte
	// unchanged says that the condition of the request holds, and that there is no body.
	unchanged bool
}

// The kinds of servers.
const (
	kindHub    = "hub"
	kindServer = "authorization server"
)

// fail names the server in an error.
func (s *session) fail(err error) error { return fmt.Errorf("%s %s: %w", s.kind, s.address, err) }

// addressOf checks a base URL. It may be that somebody wrote a password into it, so no error shows it.
func addressOf(kind, base string) (string, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return "", fmt.Errorf("%s: the base URL is not an http or https URL; write it as in https://hub.example.com or https://www.example.com/hub", kind)
	case u.User != nil:
		return "", fmt.Errorf("%s: the base URL holds a user name or password; remove it, and give a permanent token instead", kind)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("%s: the base URL holds a query or fragment; end it with the path", kind)
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// cleanToken removes the line end that files have, and makes sure that the token can be sent. Access tokens of Hub hold blanks.
func cleanToken(token string) (string, error) {
	token = strings.TrimSpace(token)
	for i := 0; i < len(token); i++ {
		if token[i] < ' ' || token[i] > '~' {
			return "", errors.New("it holds a character that is not printable ASCII; save the token alone, in UTF-8 and without further lines")
		}
	}
	return token, nil
}

// withoutRedirects is a client that returns a redirect instead of following it.
func withoutRedirects(client *http.Client) *http.Client {
	var c http.Client
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// get reads a resource of the REST API.
func (s *session) get(ctx context.Context, path, query string, unless *condition) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+restPath+path, nil)
	if err != nil {
		return nil, s.fail(err)
	}
	request.URL.RawQuery = query
	unless.set(request.Header)
	return s.do(request)
}

// post sends an object to the REST API; what comes back is not of interest.
func (s *session) post(ctx context.Context, path string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address+restPath+path, bytes.NewReader(body))
	if err != nil {
		return s.fail(err)
	}
	request.Header.Set("Content-Type", "application/json")
	a, err := s.do(request)
	if err != nil || len(a.body) == 0 {
		return err
	}
	// A login page in front of the Hub takes everything.
	return s.decode(a, new(struct{}))
}

func (s *session) do(request *http.Request) (*answer, error) {
	request.Header.Set("Accept", "application/json")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, s.fail(s.because(request.Context(), err))
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && conditional(request):
		return &answer{header: response.Header, unchanged: true}, nil
	case response.StatusCode == http.StatusOK, request.Method == http.MethodPost && response.StatusCode/100 == 2:
	default:
		return nil, s.refused(request, response)
	}
	body, err := readAll(response, cmp.Or(s.limit, maxAnswer))
	if err != nil {
		return nil, s.fail(s.because(request.Context(), err))
	}
	return &answer{header: response.Header, body: body}, nil
}

// readAll reads a body up to a limit. The limit counts what comes out of the decompression that the transport does.
func readAll(response *http.Response, limit int64) ([]byte, error) {
	if coding := response.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, fmt.Errorf("the answer has the Content-Encoding %s, which was not asked for", quote(coding))
	}
	if response.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(body)) > limit:
		return nil, tooLarge(limit)
	}
	return body, nil
}

func tooLarge(limit int64) error { return fmt.Errorf("%w: more than %d KiB", errTooLarge, limit>>10) }

// because says in few words why there is no answer. Errors of the client repeat the whole URL.
func (s *session) because(ctx context.Context, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no complete answer in time: %w", context.DeadlineExceeded)
	}
	if errors.Is(err, errTooLarge) {
		return err
	}
	text := err.Error()
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		text = "no complete answer in time: " + text
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		text = "the answer was cut off: " + text
	}
	return &shortError{text: s.short(text), err: err}
}

// shortError is an error of the transport, which may quote what the server sent.
type shortError struct {
	text string
	err  error
}

func (e *shortError) Error() string { return e.text }
func (e *shortError) Unwrap() error { return e.err }

func (s *session) short(text string) string {
	const longest = 300
	text = strings.ToValidUTF8(s.redact(text), "?")
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}

// refused turns a response without data into an error.
func (s *session) refused(request *http.Request, response *http.Response) *HubError {
	status := response.StatusCode
	e := &HubError{Status: status, Delay: delayOf(response.Header.Get("Retry-After"), time.Now())}
	reason := ""
	if body, err := readAll(response, maxErrorAnswer); err == nil {
		reason, e.hubsOwn = s.reason(body)
	}
	text := fmt.Sprintf("%s %s: %s %s: %d %s", s.kind, s.address, request.Method, request.URL.EscapedPath(), status, http.StatusText(status))
	if reason != "" {
		text += " " + reason
	}
	if advice := s.advice(request, response); advice != "" {
		text += "; " + advice
	}
	if e.Delay > 0 {
		text += "; it wants to be left alone for " + e.Delay.String()
	}
	e.text = text
	return e
}

// reason is what an error of Hub says about itself, quoted, and whether it is one.
func (s *session) reason(body []byte) (string, bool) {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil || e.Error == "" {
		return "", false
	}
	text := e.Error
	if e.Description != "" {
		text += ": " + e.Description
	}
	return "(" + quote(s.redact(text)) + ")", true
}

// redact removes the token, and what would be enough to know it again, from what somebody else wrote.
func (s *session) redact(text string) string {
	const recognisable = 8
	if s.token == "" {
		return text
	}
	text = strings.ReplaceAll(text, s.token, "[token]")
	for _, part := range strings.FieldsFunc(s.token, func(c rune) bool { return strings.ContainsRune(".;: ", c) }) {
		if len(part) >= recognisable {
			text = strings.ReplaceAll(text, part, "[token]")
		}
	}
	return text
}

// advice is what the administrator can do about a refusal.
func (s *session) advice(request *http.Request, response *http.Response) string {
	switch status := response.StatusCode; {
	case status >= 300 && status < 400 && status != http.StatusNotModified:
		where := ""
		// Only where it leads is of interest; a query may hold secrets.
		if target, err := response.Location(); err == nil {
			where = " to " + quote(s.redact(target.Scheme+"://"+target.Host+target.EscapedPath()))
		}
		return "it redirects" + where + ", which is not followed; correct the base URL (https instead of http? the path?)"
	case s.kind != kindHub:
	case status == http.StatusUnauthorized && s.token == "":
		return "the Hub wants a token; create a permanent one with the scope Hub"
	case status == http.StatusUnauthorized:
		return "the token is wrong, expired or revoked, or its scope does not name Hub; create a permanent one with the scope Hub"
	case status == http.StatusForbidden && request.Method == http.MethodPost:
		return "the owner of the token may not change the service; give the permission to update services"
	case status == http.StatusForbidden:
		return "the owner of the token may not read services; give the global permission Low-level Admin Read, or access to each service"
	case status == http.StatusNotFound && strings.HasSuffix(request.URL.Path, "/services"):
		return "no REST API of a Hub is there; the Hub inside of YouTrack has a base URL that ends with /hub"
	}
	return ""
}

// delayOf reads a Retry-After, RFC 9110 section 10.2.3: seconds, or a date.
func delayOf(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds > int(longestDelay/time.Second) {
			return longestDelay
		}
		return time.Duration(seconds) * time.Second
	}
	when, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, min(when.Sub(now).Round(time.Second), longestDelay))
}

// object makes sure that an answer looks like a JSON object. Proxies in front of a server answer with HTML pages and the status 200.
func (s *session) object(a *answer) ([]byte, error) {
	body := bytes.TrimPrefix(a.body, []byte("\xEF\xBB\xBF"))
	text := bytes.TrimLeft(body, " \t\r\n")
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case len(text) == 0:
		return nil, s.fail(errors.New("the answer is empty"))
	case text[0] == '{':
		return body, nil
	case text[0] == '<' || kind == "text/html":
		return nil, s.fail(errors.New("the answer is an HTML page instead of JSON; is that a login page in front of it, or is the base URL wrong?"))
	}
	return nil, s.fail(errors.New("the answer is not a JSON object; is the base URL wrong?"))
}

// decode reads the object of an answer.
func (s *session) decode(a *answer, value any) error {
	body, err := s.object(a)
	if err != nil {
		return err
	}
	if err := decode(body, value); err != nil {
		return s.fail(fmt.Errorf("the answer is not as documented: %w", err))
	}
	return nil
}

// condition is by what a server can tell whether a page is still the same, RFC 9110 section 13.
type condition struct {
	path, query        string
	etag, lastModified string
}

// conditionOf is nil if the server does not name versions of the page.
func conditionOf(path, query string, header http.Header) *condition {
	c := &condition{path: path, query: query, etag: header.Get("ETag"), lastModified: header.Get("Last-Modified")}
	if c.etag != "" {
		c.lastModified = ""
		return c
	}
	// RFC 9110 section 8.8.2.2: a page that changed a moment ago may change again within the same second.
	changed, err := http.ParseTime(c.lastModified)
	sent, errDate := http.ParseTime(header.Get("Date"))
	if err != nil || errDate != nil || sent.Sub(changed) < settled {
		return nil
	}
	return c
}

// set asks for the page only if it has changed.
func (c *condition) set(header http.Header) {
	switch {
	case c == nil:
	case c.etag != "":
		header.Set("If-None-Match", c.etag)
	default:
		header.Set("If-Modified-Since", c.lastModified)
	}
}

func conditional(request *http.Request) bool {
	return request.Header.Get("If-None-Match") != "" || request.Header.Get("If-Modified-Since") != ""
}
