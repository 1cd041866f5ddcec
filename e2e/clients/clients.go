// Package clients runs OAuth flows with client libraries that nobody here wrote: in this process, in programs of other languages, and in a page of a browser.
package clients

import (
	"encoding/json"
	"fmt"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// The flows.
const (
	Code              = "code"
	ClientCredentials = "client_credentials"
	Password          = "password"
	Implicit          = "implicit"
	Device            = "device"
)

// The ways in which clients are registered to authenticate.
const (
	Basic  = "client_secret_basic"
	Post   = "client_secret_post"
	Public = "none"
)

// Library is a client library with the ways to use it.
type Library struct {
	Name   string
	Styles []Style
	start  func(Options) (Driver, error)
}

// Style is a way in which a library authenticates the client.
type Style struct {
	Name string
	// Method is how the client is registered to authenticate.
	Method string
	// Flows are those that the library has an API for and that make sense with such a client.
	Flows []string
}

// Libraries are all that there are.
func Libraries() []Library {
	confidential := []string{Code, ClientCredentials, Password, Device}
	return []Library{
		{
			Name: oauth2Path,
			Styles: []Style{
				{autoDetect, Basic, confidential}, {inHeader, Basic, confidential}, {inParams, Post, confidential}, {Public, Public, []string{Code, Device}},
			},
			start: startOAuth2,
		},
		{
			Name:   "openid-client",
			Styles: []Style{{Basic, Basic, confidential}, {Post, Post, confidential}, {Public, Public, []string{Code, Password, Device}}},
			start:  startNode("openid-client.mjs"),
		},
		{
			Name: "oauth4webapi",
			Styles: []Style{
				{Basic, Basic, confidential}, {Post, Post, confidential}, {Public, Public, []string{Code, Password, Device}}, {"dpop", Basic, confidential},
			},
			start: startNode("oauth4webapi.mjs"),
		},
		{
			Name: "requests-oauthlib",
			Styles: []Style{
				{Basic, Basic, []string{Code, ClientCredentials, Password}}, {Post, Post, []string{Code, ClientCredentials, Password}},
				{Public, Public, []string{Code, Password, Implicit}},
			},
			start: startPython("requests-oauthlib.py"),
		},
		{
			Name:   "oidc-client-ts",
			Styles: []Style{{Public, Public, []string{Code, Password}}, {Basic, Basic, []string{Code, Password}}},
			start:  startPage,
		},
	}
}

// Options are what the drivers need to know.
type Options struct {
	// Authority is the path of a PEM file with the certificate authority that the clients trust.
	Authority   string
	Application *Application
}

// Start starts the driver of the library.
func (l Library) Start(options Options) (Driver, error) {
	driver, err := l.start(options)
	if err != nil {
		return nil, fmt.Errorf("the driver of %s: %w", l.Name, err)
	}
	return driver, nil
}

// Driver runs flows with one library. Several runs may happen at the same time.
type Driver interface {
	// Title names the library with its version.
	Title() string
	// Run runs a flow. An error means that the driver is broken; what servers refuse is in the steps.
	Run(run Run, user User) ([]Step, error)
	Stop() error
}

// User opens a fresh tab of a browser.
type User func() *browser.Tab

// Run is one run of a flow.
type Run struct {
	Flow        string  `json:"flow"`
	Style       string  `json:"style"`
	Client      Client  `json:"client"`
	Server      Server  `json:"server"`
	RedirectURI string  `json:"redirect_uri"`
	Scope       string  `json:"scope"`
	User        Account `json:"user"`
}

// Account is what the user knows.
type Account struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// Client is what a client knows of itself.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret,omitempty"`
}

// Server is what a client knows of the authorization server.
type Server struct {
	Issuer              string `json:"issuer"`
	Authorization       string `json:"authorization_endpoint"`
	Token               string `json:"token_endpoint"`
	DeviceAuthorization string `json:"device_authorization_endpoint"`
	Introspection       string `json:"introspection_endpoint"`
	Revocation          string `json:"revocation_endpoint"`
	Resource            string `json:"resource"`
	// OIDC says that the clients which can do so find the rest out by discovery.
	OIDC bool `json:"oidc"`
}

// Step is one step of a flow.
type Step struct {
	Name string `json:"step"`
	// Result holds what is equal in every run, or an "error".
	Result map[string]any `json:"result"`
}

// Failure is what went wrong, or empty.
func (s Step) Failure() string {
	text, _ := s.Result["error"].(string)
	return text
}

// String returns the step in one line.
func (s Step) String() string {
	text, _ := json.Marshal(s.Result)
	return s.Name + " " + string(text)
}

// authorize sends the browser of the user to an address, and returns where it came back.
func (r Run) authorize(address string, user User) (string, error) {
	callback := r.RedirectURI
	if r.Flow == Device {
		callback = ""
	}
	return user().Authorize(address, callback, browser.User(r.User))
}
