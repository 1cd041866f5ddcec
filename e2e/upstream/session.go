package upstream

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Session is a user with a browser, and the client applications that the user sends there, in front of one server. It needs no real browser: [Session.Browse] fills in
// forms and presses buttons. A session remembers cookies, so that a second login may be faster or not needed; a user who is not known there yet is a new session. It may be
// used by one goroutine at a time.
type Session struct {
	Kind Kind
	// Issuer is where the server is reached.
	Issuer string
	User   User

	browser, application *http.Client
}

// sessionPatience is how long one request may take.
const sessionPatience = time.Minute

// NewSession returns a session without cookies. The transport carries all requests, and must trust the issuer's certificate.
func NewSession(kind Kind, issuer string, user User, transport http.RoundTripper) *Session {
	// Without options there is no error.
	jar, _ := cookiejar.New(nil)
	s := &Session{Kind: kind, Issuer: issuer, User: user}
	s.browser = &http.Client{Transport: transport, Jar: jar, Timeout: sessionPatience, CheckRedirect: s.stay}
	s.application = &http.Client{Transport: transport, Timeout: sessionPatience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return s
}

// stay ends the following of redirects where they leave the server.
func (s *Session) stay(request *http.Request, via []*http.Request) error {
	switch {
	case !s.owns(request.URL):
		return http.ErrUseLastResponse
	case len(via) > 10:
		return errors.New("too many redirects")
	}
	return nil
}

// owns says whether an address belongs to the server.
func (s *Session) owns(address *url.URL) bool { return address.Scheme+"://"+address.Host == s.Issuer }

// Refusal is an answer that is not the wanted one.
type Refusal struct {
	// Status is that of the response, or 0 if the redirect URI received the error.
	Status int
	// Code is the OAuth error code, if there is one.
	Code string
	// Text is the rest of what was answered.
	Text string
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("refused with %d %s: %.500s", r.Status, r.Code, r.Text)
}

// Code lets the user log in and agree, and returns the code that the redirect URI receives. Scope and challenge (for S256) may be empty.
func (s *Session) Code(client Client, redirectURI, scope, challenge string) (string, error) {
	parameters := url.Values{"response_type": {"code"}, "redirect_uri": {redirectURI}}
	if challenge != "" {
		parameters.Set("code_challenge", challenge)
		parameters.Set("code_challenge_method", "S256")
	}
	answer, err := s.granted(client, scope, parameters, "code")
	return answer.Get("code"), err
}

// Implicit lets the user log in and agree, and returns the token response that the redirect URI receives in its fragment.
func (s *Session) Implicit(client Client, redirectURI, scope string) (url.Values, error) {
	return s.granted(client, scope, url.Values{"response_type": {"token"}, "redirect_uri": {redirectURI}}, "access_token")
}

// granted is [Session.Authorize] where a parameter of the answer is wanted, and the state must come back.
func (s *Session) granted(client Client, scope string, parameters url.Values, wanted string) (url.Values, error) {
	state := rand.Text()
	parameters.Set("state", state)
	parameters.Set("client_id", client.ID)
	if scope != "" {
		parameters.Set("scope", scope)
	}
	answer, err := s.Authorize(parameters)
	if err == nil && (answer.Get(wanted) == "" || answer.Get("state") != state) {
		err = &Refusal{Code: answer.Get("error"), Text: answer.Encode()}
	}
	return answer, err
}

// Authorize opens the authorize endpoint, and does what the pages ask for until the browser is sent away. It returns the parameters that the redirect URI receives in its
// query or its fragment. It is no error of this method if they tell of one.
func (s *Session) Authorize(parameters url.Values) (url.Values, error) {
	callback, page, err := s.browse(s.Issuer + s.Kind.Paths.Authorize + "?" + parameters.Encode())
	if err != nil {
		return nil, err
	}
	if callback == nil {
		return nil, &Refusal{Status: http.StatusOK, Text: page}
	}
	answer, err := url.ParseQuery(callback.EscapedFragment())
	if err != nil {
		return nil, err
	}
	for name, values := range callback.Query() {
		answer[name] = append(answer[name], values...)
	}
	return answer, nil
}

// Browse opens a page and goes on until there is nothing to be done. It returns where the browser is sent at the end if that is not the server any more, which is then
// not called, and otherwise nil. A page with an error status is a [Refusal].
func (s *Session) Browse(address string) (*url.URL, error) {
	callback, _, err := s.browse(address)
	return callback, err
}

// browse is [Session.Browse] that also returns the last page.
func (s *Session) browse(address string) (callback *url.URL, page string, err error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil, "", err
	}
	const pages = 10
	for range pages {
		request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		response, err := s.browser.Do(request)
		if err != nil {
			return nil, "", err
		}
		text, err := readAll(response)
		if err != nil {
			return nil, "", err
		}
		if location, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
			return location, "", nil
		}
		if response.StatusCode >= http.StatusBadRequest {
			return nil, "", &Refusal{Status: response.StatusCode, Code: errorCode(text), Text: text}
		}
		if request, err = s.next(response.Request.URL, text); request == nil {
			return nil, text, err
		}
	}
	return nil, "", fmt.Errorf("after %d pages the user is still at %s", pages, request.URL)
}

// next fills in the first form of a page and presses its first button. It returns nil if there is no form.
func (s *Session) next(page *url.URL, text string) (*http.Request, error) {
	form, err := firstForm(text)
	if form == nil {
		return nil, err
	}
	for name, value := range map[string]string{"login": s.User.Login, "password": s.User.Password} {
		if form.fields.Has(name) {
			form.fields.Set(name, value)
		}
	}
	target, err := page.Parse(form.action)
	if err != nil {
		return nil, err
	}
	if form.method != http.MethodPost {
		target.RawQuery = form.fields.Encode()
		return http.NewRequest(http.MethodGet, target.String(), nil)
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), strings.NewReader(form.fields.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", s.Issuer)
	}
	return request, err
}

// Token asks for a token with a form that has everything but the client.
func (s *Session) Token(form url.Values, client Client) (map[string]any, error) {
	return s.Post(s.Kind.Paths.Token, form, client)
}

// Redeem exchanges a code for a token. The verifier may be empty.
func (s *Session) Redeem(code string, client Client, redirectURI, verifier string) (map[string]any, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}}
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return s.Token(form, client)
}

// Device lets a device without a browser ask for a token, while the user agrees in the browser.
func (s *Session) Device(client Client, scope string) (map[string]any, error) {
	device, err := s.Post(s.Kind.Paths.DeviceAuthorization, url.Values{"scope": {scope}}, client)
	if err != nil {
		return nil, err
	}
	address, _ := device["verification_uri_complete"].(string)
	code, _ := device["device_code"].(string)
	if _, err := s.Browse(address); err != nil {
		return nil, err
	}
	return s.Token(url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code}}, client)
}

// Post sends a form to a path of the server in the name of a client, which is authenticated by its own method. What is not a JSON object, or has an error, is a [Refusal].
// An empty answer of success, as a revocation may give it, is an empty object.
func (s *Session) Post(path string, form url.Values, client Client) (map[string]any, error) {
	request, err := s.Request(path, form, client)
	if err != nil {
		return nil, err
	}
	return s.do(request)
}

// Request builds the request of [Session.Post] without sending it.
func (s *Session) Request(path string, form url.Values, client Client) (*http.Request, error) {
	body := url.Values{}
	for name, values := range form {
		body[name] = slices.Clone(values)
	}
	if client.AuthMethod != "client_secret_basic" {
		body.Set("client_id", client.ID)
		if client.Secret != "" || s.Kind.emptySecret {
			body.Set("client_secret", client.Secret)
		}
	}
	request, err := http.NewRequest(http.MethodPost, s.Issuer+path, strings.NewReader(body.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	if client.AuthMethod == "client_secret_basic" {
		request.SetBasicAuth(url.QueryEscape(client.ID), url.QueryEscape(client.Secret))
	}
	return request, nil
}

// Resource calls the protected resource with an access token. The user's login is in the member "sub".
func (s *Session) Resource(token string) (map[string]any, error) {
	request, err := http.NewRequest(http.MethodGet, s.Issuer+s.Kind.Paths.Resource, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	return s.do(request)
}

// do sends a request without cookies and without following a redirect.
func (s *Session) do(request *http.Request) (map[string]any, error) {
	response, err := s.application.Do(request)
	if err != nil {
		return nil, err
	}
	text, err := readAll(response)
	if err != nil {
		return nil, err
	}
	result := map[string]any{}
	success := response.StatusCode/100 == 2
	if success && text == "" {
		return result, nil
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil || !success || result["error"] != nil {
		return nil, &Refusal{Status: response.StatusCode, Code: errorCode(text), Text: text}
	}
	return result, nil
}

// readAll reads a response to its end.
func readAll(response *http.Response) (string, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// errorCode is that of a JSON object, or empty.
func errorCode(text string) string {
	var message struct{ Error string }
	_ = json.Unmarshal([]byte(text), &message)
	return message.Error
}
