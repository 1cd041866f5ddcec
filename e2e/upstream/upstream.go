// Package upstream starts authorization servers that nobody here wrote, so that tests can put the guard in front of them. Each is set up as the documentation of its
// library shows it: neither hardened nor weakened.
//
// A server stands behind a reverse proxy at the address of its issuer. The proxy connects to one of [Server.Addresses], keeps the Host header, and says with
// X-Forwarded-Proto and X-Forwarded-Host how the client reached it.
package upstream

import (
	"encoding/json"
	"io"
	"slices"
)

// Client is a registered client in the terms of RFC 7591, with its secret. Libraries that have no such notion ignore its grant types, response types and scope.
type Client struct {
	ID            string   `json:"client_id"`
	Secret        string   `json:"client_secret,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	// AuthMethod is client_secret_basic, client_secret_post or none.
	AuthMethod string `json:"token_endpoint_auth_method"`
	Scope      string `json:"scope,omitempty"`
}

// User can log in.
type User struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// Config is what a deployment of any server needs to be told.
type Config struct {
	// Issuers are the addresses under which clients see the server, without a path: "https://127.0.0.1:23456". Each gets an instance with a port and a memory of its own.
	Issuers []string `json:"issuers"`
	Clients []Client `json:"clients"`
	// User is the only one.
	User User `json:"user"`
	// Origins of browser applications may call everything but the pages, by CORS.
	Origins []string `json:"origins"`
	// Scopes are further ones that a client may ask for, at servers that know which there are.
	Scopes []string `json:"scopes"`
	// Log gets what the server says of itself, from several goroutines. It may be nil.
	Log io.Writer `json:"-"`

	paths Paths
}

// MarshalJSON adds the paths, for servers in other languages.
func (c Config) MarshalJSON() ([]byte, error) {
	type fields Config
	return json.Marshal(struct {
		fields
		Paths Paths `json:"paths"`
	}{fields(c), c.paths})
}

// complete replaces what may be left out.
func (c Config) complete() Config {
	if c.Log == nil {
		c.Log = io.Discard
	}
	c.Issuers, c.Origins, c.Scopes, c.Clients = list(c.Issuers), list(c.Origins), list(c.Scopes), list(c.Clients)
	for i, client := range c.Clients {
		client.RedirectURIs, client.GrantTypes, client.ResponseTypes = list(client.RedirectURIs), list(client.GrantTypes), list(client.ResponseTypes)
		c.Clients[i] = client
	}
	return c
}

// list copies a list. What was nil becomes an empty list, not null, for the servers that read JSON.
func list[E any](values []E) []E { return append([]E{}, values...) }

// Paths are the endpoints of a server. What it lacks has a conventional path, which answers 404.
type Paths struct {
	Authorize string `json:"authorize"`
	Token     string `json:"token"`
	Resource  string `json:"resource"`
	// Userinfo is a second path of the resource, if there is one.
	Userinfo                   string `json:"userinfo,omitempty"`
	DeviceAuthorization        string `json:"device_authorization"`
	Introspection              string `json:"introspection"`
	Revocation                 string `json:"revocation"`
	PushedAuthorizationRequest string `json:"pushed_authorization_request"`
}

// resources are the paths of the resource.
func (p Paths) resources() []string {
	if p.Userinfo == "" {
		return []string{p.Resource}
	}
	return []string{p.Resource, p.Userinfo}
}

// What a server can do for a client, see [Kind.Offers].
const (
	Code              = "code"
	Refresh           = "refresh"
	ClientCredentials = "client_credentials"
	Password          = "password"
	Implicit          = "implicit"
	Device            = "device"
	Introspection     = "introspection"
	Revocation        = "revocation"
)

// Kind is one library with the program around it.
type Kind struct {
	// Name is made of lower-case letters, digits and hyphens.
	Name string
	// Title is for people, with the version that is installed.
	Title string
	Paths Paths
	// Offers lists flows and endpoints: [Code], [Refresh] and so on.
	Offers []string
	// Scopes are what a client asks for that wants to get on with the user's data.
	Scopes []string
	// OpenID says that the server is an OpenID provider with discovery.
	OpenID bool

	start func(Config) (*Server, error)
	// emptySecret says that a client without a secret must send an empty one.
	emptySecret bool
}

// At is the same kind with its endpoints at other paths.
func (k Kind) At(paths Paths) Kind {
	k.Paths = paths
	return k
}

// Start starts a server. It returns when all addresses accept connections.
func (k Kind) Start(config Config) (*Server, error) {
	config = config.complete()
	config.paths = k.Paths
	return k.start(config)
}

// Offer says whether the server has a flow or an endpoint.
func (k Kind) Offer(name string) bool { return slices.Contains(k.Offers, name) }

// Kinds returns all that there are, without starting anything.
func Kinds() []Kind {
	return []Kind{OIDCProvider(), Osin(), GoOAuth2(), OAuth2Server(), Doorkeeper()}
}

// Server is one that was started.
type Server struct {
	// Addresses is where a proxy connects to: host and port, one for each issuer, in the same order.
	Addresses []string

	stop  func() error
	alive func() error
}

// Stop ends the server and waits for its end. It fails if the server had ended before by itself, or did not end when it was asked.
func (s *Server) Stop() error { return s.stop() }

// Alive returns nil while the server runs, and then how it ended.
func (s *Server) Alive() error { return s.alive() }
