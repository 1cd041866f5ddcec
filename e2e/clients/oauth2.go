package clients

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// oauth2Path is the module that this driver drives.
const oauth2Path = "golang.org/x/oauth2"

// How it authenticates a client.
const (
	autoDetect = "AutoDetect"
	inHeader   = "InHeader"
	inParams   = "InParams"
)

// authStyles are the constants of the library. A public client sends its client_id in the body.
var authStyles = map[string]oauth2.AuthStyle{
	autoDetect: oauth2.AuthStyleAutoDetect,
	inHeader:   oauth2.AuthStyleInHeader,
	inParams:   oauth2.AuthStyleInParams,
	Public:     oauth2.AuthStyleInParams,
}

// goOAuth2 is the driver of golang.org/x/oauth2.
type goOAuth2 struct {
	title  string
	client *http.Client
}

// startOAuth2 makes a client that speaks HTTP/2 where the server does.
func startOAuth2(options Options) (Driver, error) {
	var authorities *x509.CertPool
	if options.Authority != "" {
		certificate, err := os.ReadFile(options.Authority)
		if err != nil {
			return nil, err
		}
		authorities = x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(certificate) {
			return nil, fmt.Errorf("no certificate in %s", options.Authority)
		}
	}
	version, err := moduleVersion(oauth2Path)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ForceAttemptHTTP2: true}
	return &goOAuth2{oauth2Path + " " + version + " (Go)", &http.Client{Transport: transport, Timeout: patience}}, nil
}

// moduleVersion looks a module up in go.mod; a test program does not know it.
func moduleVersion(path string) (string, error) {
	root, err := packages.Folder()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == path {
			return strings.TrimPrefix(fields[1], "v"), nil
		}
	}
	return "", fmt.Errorf("%s is not in go.mod", path)
}

// Title implements [Driver].
func (g *goOAuth2) Title() string { return g.title }

// Stop implements [Driver].
func (g *goOAuth2) Stop() error {
	g.client.CloseIdleConnections()
	return nil
}

// oauth2Run is one run of a flow with the steps so far.
type oauth2Run struct {
	Run
	user    User
	context context.Context
	config  *oauth2.Config
	steps   []Step
}

// Run implements [Driver].
func (g *goOAuth2) Run(run Run, user User) ([]Step, error) {
	r := &oauth2Run{
		Run: run, user: user,
		context: context.WithValue(context.Background(), oauth2.HTTPClient, g.client),
		config: &oauth2.Config{
			ClientID: run.Client.ID, ClientSecret: run.Client.Secret, RedirectURL: run.RedirectURI, Scopes: []string{run.Scope},
			Endpoint: oauth2.Endpoint{
				AuthURL: run.Server.Authorization, TokenURL: run.Server.Token, DeviceAuthURL: run.Server.DeviceAuthorization,
				AuthStyle: authStyles[run.Style],
			},
		},
	}
	switch run.Flow {
	case Code:
		r.code()
	case ClientCredentials:
		r.clientCredentials()
	case Password:
		r.granted(r.config.PasswordCredentialsToken(r.context, run.User.Login, run.User.Password))
	case Device:
		r.device()
	default:
		return nil, fmt.Errorf("%s cannot do %s", oauth2Path, run.Flow)
	}
	return r.steps, nil
}

// errNotReached is the error of a step that needs what a step before did not give.
var errNotReached = errors.New("not reached")

// note adds a step.
func (r *oauth2Run) note(name string, result map[string]any, err error) {
	if err != nil {
		result = map[string]any{"error": reason(err)}
	}
	r.steps = append(r.steps, Step{name, result})
}

// reason is the OAuth error code, or the status, or whatever the library says.
func reason(err error) string {
	retrieve := new(oauth2.RetrieveError)
	switch {
	case !errors.As(err, &retrieve):
		return err.Error()
	case retrieve.ErrorCode != "":
		return retrieve.ErrorCode
	default:
		return fmt.Sprint("HTTP ", retrieve.Response.StatusCode)
	}
}

// code logs the user in, uses the token, refreshes it and uses the new one.
func (r *oauth2Run) code() {
	token, err := r.exchange()
	r.note("code", describe(token), err)
	r.bearer("bearer", token)
	if token == nil || token.RefreshToken == "" {
		r.note("refresh", nil, errNotReached)
		r.bearer("bearer after refresh", nil)
		return
	}
	expired := *token
	expired.Expiry = time.Now().Add(-time.Hour)
	fresh, err := r.config.TokenSource(r.context, &expired).Token()
	result := describe(fresh)
	if fresh != nil {
		result["rotated"] = map[string]any{
			"access_token": fresh.AccessToken != token.AccessToken, "refresh_token": fresh.RefreshToken != token.RefreshToken,
		}
	}
	r.note("refresh", result, err)
	r.bearer("bearer after refresh", fresh)
}

// exchange logs the user in and redeems the code.
func (r *oauth2Run) exchange() (*oauth2.Token, error) {
	verifier, state := oauth2.GenerateVerifier(), rand.Text()
	callback, err := r.authorize(r.config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), r.user)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(callback)
	if err != nil {
		return nil, err
	}
	received := address.Query()
	switch {
	case received.Get("state") != state:
		return nil, fmt.Errorf("the state came back as %q", received.Get("state"))
	case received.Get("error") != "":
		return nil, errors.New(received.Get("error"))
	}
	return r.config.Exchange(r.context, received.Get("code"), oauth2.VerifierOption(verifier))
}

// clientCredentials asks for a token of the client's own.
func (r *oauth2Run) clientCredentials() {
	config := clientcredentials.Config{
		ClientID: r.config.ClientID, ClientSecret: r.config.ClientSecret,
		TokenURL: r.config.Endpoint.TokenURL, AuthStyle: r.config.Endpoint.AuthStyle, Scopes: r.config.Scopes,
	}
	r.granted(config.Token(r.context))
}

// granted notes a token and uses it.
func (r *oauth2Run) granted(token *oauth2.Token, err error) {
	r.note("token", describe(token), err)
	r.bearer("bearer", token)
}

// device lets the user agree at another device.
func (r *oauth2Run) device() {
	started, err := r.config.DeviceAuth(r.context)
	if err != nil {
		r.note("device authorization", nil, err)
		r.note("device token", nil, errNotReached)
		r.bearer("bearer", nil)
		return
	}
	r.note("device authorization", map[string]any{"verification_uri_complete": started.VerificationURIComplete != ""}, nil)
	var token *oauth2.Token
	if _, err = r.authorize(started.VerificationURIComplete, r.user); err == nil {
		// The user is through, so that there is little to wait for; the library knows whole seconds only.
		started.Interval = 1
		token, err = r.config.DeviceAccessToken(r.context, started)
	}
	r.note("device token", describe(token), err)
	r.bearer("bearer", token)
}

// describe returns what is the same in every token response.
func describe(token *oauth2.Token) map[string]any {
	if token == nil {
		return nil
	}
	return map[string]any{
		"token_type": token.TokenType, "scope": token.Extra("scope"), "expires_in": token.Extra("expires_in"),
		"refresh_token": token.RefreshToken != "", "id_token": token.Extra("id_token") != nil,
	}
}

// bearer calls the protected resource.
func (r *oauth2Run) bearer(name string, token *oauth2.Token) {
	if token == nil {
		r.note(name, nil, errNotReached)
		return
	}
	// The library would refresh a token that is too old; none is.
	response, err := oauth2.NewClient(r.context, oauth2.StaticTokenSource(token)).Get(r.Server.Resource)
	if err != nil {
		r.note(name, nil, err)
		return
	}
	result, err := owner(response)
	r.note(name, result, err)
}

// owner reads what a protected resource says about whom the token belongs to.
func owner(response *http.Response) (map[string]any, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var said map[string]any
	err = json.Unmarshal(text, &said)
	// There are servers that answer an error with status 200.
	if code, given := said["error"].(string); given {
		return nil, errors.New(code)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %d", response.StatusCode)
	}
	result := map[string]any{}
	for _, name := range []string{"sub", "login", "client_id", "scope"} {
		if value, given := said[name]; given {
			result[name] = value
		}
	}
	return result, err
}
