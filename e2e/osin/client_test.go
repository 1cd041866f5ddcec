package osin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// state must come back as it was sent.
const state = "a+b/c=d&e%f g"

// verifier is the PKCE secret of all runs, so that they can be compared.
var verifier = oauth2.GenerateVerifier()

// authStyles are the ways in which golang.org/x/oauth2 authenticates a client.
var authStyles = map[string]oauth2.AuthStyle{
	"AutoDetect": oauth2.AuthStyleAutoDetect,
	"InHeader":   oauth2.AuthStyleInHeader,
	"InParams":   oauth2.AuthStyleInParams,
}

// visit is one client application together with its user's browser, in front of one server that remembers nothing from before.
type visit struct {
	t       *testing.T
	front   *side
	config  *oauth2.Config
	context context.Context
	// browser keeps cookies and follows redirects; bare does neither.
	browser, bare *http.Client
	watch         *watch
}

// watch is the transport of all clients of a visit.
type watch struct {
	transport *http.Transport
	host      string

	mutex     sync.Mutex
	decisions []string
}

// RoundTrip implements [http.RoundTripper]. It takes the decision of the guard out of the response.
func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.transport.RoundTrip(r)
	if err == nil && r.URL.Host == w.host {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.decisions = append(w.decisions, strings.TrimSpace(response.Header.Get(decisionHeader)))
		response.Header.Del(decisionHeader)
	}
	return response, err
}

// newVisit resets the server and gives a new client.
func newVisit(t *testing.T, d *deployment, f *side, style oauth2.AuthStyle) *visit {
	t.Helper()
	f.server.reset()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	watch := &watch{transport: new(http.Transport), host: f.address}
	t.Cleanup(watch.transport.CloseIdleConnections)
	const patience = time.Minute
	v := &visit{
		t: t, front: f, watch: watch,
		browser: &http.Client{Transport: watch, Jar: jar, Timeout: patience},
		bare: &http.Client{Transport: watch, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		config: &oauth2.Config{
			ClientID:     clientID,
			ClientSecret: clientSecret,
			Endpoint: oauth2.Endpoint{
				AuthURL:   "http://" + f.address + d.layout.authorize,
				TokenURL:  "http://" + f.address + d.layout.token,
				AuthStyle: style,
			},
			RedirectURL: d.redirectURI,
			Scopes:      []string{d.layout.scope},
		},
	}
	v.context = context.WithValue(t.Context(), oauth2.HTTPClient, v.bare)
	return v
}

// infoURL is the address of the protected resource.
func (v *visit) infoURL() string { return "http://" + v.front.address + v.front.server.layout.info }

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// read reads a response to its end.
func (v *visit) read(response *http.Response, err error) answer {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// authorizeURL is where the client sends the browser.
func (v *visit) authorizeURL() string {
	return v.config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
}

// The parts of the login form.
var (
	formAction = regexp.MustCompile(`<form action="([^"]*)" method="POST">`)
	formID     = regexp.MustCompile(`name="login_id" value="([^"]*)"`)
)

// form opens the login form, and returns the address that it is posted to with its hidden field.
func (v *visit) form() (action string, fields url.Values) {
	v.t.Helper()
	page := v.read(v.browser.Get(v.authorizeURL())).body
	target, id := formAction.FindStringSubmatch(page), formID.FindStringSubmatch(page)
	if target == nil || id == nil {
		v.t.Fatalf("the browser sees no login form: %s", page)
	}
	return "http://" + v.front.address + html.UnescapeString(target[1]), url.Values{"login_id": {id[1]}}
}

// login logs the user in and returns the code that the redirect URI received, if the state came back with it.
func (v *visit) login() string {
	v.t.Helper()
	action, fields := v.form()
	fields.Set("login", "test")
	fields.Set("password", "test")
	received, err := url.ParseQuery(v.read(v.browser.PostForm(action, fields)).body)
	if err != nil {
		v.t.Fatal(err)
	}
	if received.Get("state") != state || received.Get("code") == "" {
		v.t.Fatalf("the redirect URI received %v", received)
	}
	return received.Get("code")
}

// exchange logs the user in and redeems the code.
func (v *visit) exchange() (*oauth2.Token, error) {
	v.t.Helper()
	return v.config.Exchange(v.context, v.login(), oauth2.VerifierOption(verifier))
}

// granted is exchange where nothing may go wrong.
func (v *visit) granted() *oauth2.Token {
	v.t.Helper()
	token, err := v.exchange()
	if err != nil {
		v.t.Fatal(err)
	}
	return token
}

// expired is a copy of a token whose time is over.
func expired(token *oauth2.Token) *oauth2.Token {
	stale := *token
	stale.Expiry = time.Now().Add(-time.Hour)
	return &stale
}

// clientCredentials asks for a token of the client's own.
func (v *visit) clientCredentials() (*oauth2.Token, error) {
	config := clientcredentials.Config{
		ClientID: v.config.ClientID, ClientSecret: v.config.ClientSecret,
		TokenURL: v.config.Endpoint.TokenURL, AuthStyle: v.config.Endpoint.AuthStyle, Scopes: v.config.Scopes,
	}
	return config.Token(v.context)
}

// outcome is what a client has at the end of a flow.
type outcome struct {
	// Error is the OAuth error code, if no token was granted.
	Error string
	// TokenType, Scope and ExpiresIn are from the token response.
	TokenType, Scope string
	ExpiresIn        float64
	// Refreshable says that there is a refresh token.
	Refreshable bool
	// Rotated says that a refresh gave a new access token and a new refresh token.
	Rotated bool
	// Replay is the error for the old refresh token.
	Replay string
	// Owner is the client that the protected resource names to the bearer of the token.
	Owner string
}

// outcome describes a token or an error, and shows the token to the protected resource.
func (v *visit) outcome(token *oauth2.Token, err error) outcome {
	v.t.Helper()
	if err != nil {
		return outcome{Error: v.errorCode(err)}
	}
	scope, _ := token.Extra("scope").(string)
	seconds, _ := token.Extra("expires_in").(float64)
	return outcome{
		TokenType: token.TokenType, Scope: scope, ExpiresIn: seconds, Refreshable: token.RefreshToken != "",
		Owner: v.owner(v.config.Client(v.context, token)),
	}
}

// errorCode is the OAuth error code of an answer.
func (v *visit) errorCode(err error) string {
	v.t.Helper()
	if retrieve := new(oauth2.RetrieveError); errors.As(err, &retrieve) {
		return retrieve.ErrorCode
	}
	v.t.Fatalf("not an OAuth error: %v", err)
	return ""
}

// owner calls the protected resource.
func (v *visit) owner(client *http.Client) string {
	v.t.Helper()
	text := v.read(client.Get(v.infoURL())).body
	var info struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil || info.ClientID == "" {
		v.t.Fatalf("the protected resource answered %s", text)
	}
	return info.ClientID
}

// send sends a request as it is, without cookies and without following a redirect.
func (v *visit) send(request *http.Request) answer {
	v.t.Helper()
	return v.read(v.bare.Do(request))
}

// dump writes an answer down, with random values by their names. The date is left out.
func (v *visit) dump(a answer) string {
	text := fmt.Sprintln("status", a.status)
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" {
			text += fmt.Sprintf("%s: %q\n", name, a.header[name])
		}
	}
	return v.front.anonymize(text + "\n" + a.body)
}

// request builds a request; a body is a form.
func (v *visit) request(method, address, body string) *http.Request {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.context, method, address, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Accept", "application/json")
	return request
}

// authenticated is a token request of the confidential client.
func (v *visit) authenticated(address, body string) *http.Request {
	v.t.Helper()
	request := v.request(http.MethodPost, address, body)
	request.SetBasicAuth(clientID, clientSecret)
	return request
}

// redemption is the body that redeems a code.
func (v *visit) redemption(code string) string {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {v.config.RedirectURL}, "code_verifier": {verifier},
	}.Encode()
}
