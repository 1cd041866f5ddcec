// Package hubtest is a stand-in for the REST API of JetBrains Hub, for tests. It is no Hub: it knows no users, issues no tokens and signs nobody in. It answers what Hub's
// documentation describes and what real clients rely on: the registry of services with paging, fields and permissions, the list of untrusted redirect URIs and the
// metadata of OpenID Connect. On command it misbehaves in all the ways in which a server can, and it counts what it was asked.
package hubtest

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Permission is what the owner of a token may do.
type Permission string

// The permissions.
const (
	// Denied is answered with 403.
	Denied Permission = "denied"
	// ReadSome sees the services that are not restricted.
	ReadSome Permission = "read_some"
	// ReadAll sees all services, as Hub's "Low-level Admin Read" does.
	ReadAll Permission = "read_all"
	// Write may also change them.
	Write Permission = "write"
)

// Config is how a stand-in begins. All of it can be left out.
type Config struct {
	// Address and ControlAddress are where it listens. Default: a free port of 127.0.0.1.
	Address        string `json:"address,omitempty"`
	ControlAddress string `json:"control_address,omitempty"`
	// Path is where the Hub begins, as in /hub.
	Path string `json:"path,omitempty"`
	// TLS serves HTTPS with a certificate of an own authority. ClientCertificates demands certificates of the same authority from clients.
	TLS                bool `json:"tls,omitempty"`
	ClientCertificates bool `json:"client_certificates,omitempty"`
	// Issuer is the issuer in the metadata. Default: the URL of the Hub.
	Issuer string `json:"issuer,omitempty"`

	// Tokens are the known tokens; "user:password" is one of Basic. Others are answered with 401.
	Tokens map[string]Permission `json:"tokens,omitempty"`
	// Anonymous is what may be done without a token. Default: 401.
	Anonymous Permission `json:"anonymous,omitempty"`
	// OpenRegistration lets anybody create a service, as old Hubs did.
	OpenRegistration bool `json:"open_registration,omitempty"`
	// HiddenStatus answers the question for a single service that the token may not see. Default: 403.
	HiddenStatus int `json:"hidden_status,omitempty"`
	// CountHidden counts services that the token may not see.
	CountHidden bool `json:"count_hidden,omitempty"`

	// DefaultTop is the size of a page if the request does not say. Default: 100, as Hub's.
	DefaultTop int `json:"default_top,omitempty"`
	// MaxTop is the largest size of a page, whatever the request says. Default: none.
	MaxTop int `json:"max_top,omitempty"`
	// OmitEmpty leaves out members that are empty arrays.
	OmitEmpty bool `json:"omit_empty,omitempty"`
	// ETag and LastModified name versions of pages, and answer 304.
	ETag         bool `json:"etag,omitempty"`
	LastModified bool `json:"last_modified,omitempty"`

	// Services are there from the beginning. Default: those of a fresh YouTrack, see [DefaultServices].
	Services []Service `json:"services,omitempty"`
	// Generate is how many made-up services there are besides, see [Generated].
	Generate int `json:"generate,omitempty"`
}

// PlantedSecret is in the secret of each service that was given none, so that a test can find out whether it got anywhere.
const PlantedSecret = "planted-secret-of-"

// Server is a running stand-in. All methods may be called at any time.
type Server struct {
	config Config
	// address and control are where it listens, also while it is down.
	address, control string
	authority        *authority

	mutex    sync.Mutex
	hub      *http.Server
	admin    *http.Server
	services []*Service
	index    map[string]*Service
	changed  time.Time
	tokens   map[string]Permission
	faults   []*Fault
	// released ends the waiting of requests that hang.
	released chan struct{}
	counts   Counts
	requests []Request
	bodies   []Body
	key      *rsa.PrivateKey
}

// Start runs a stand-in until [Server.Close].
func Start(config Config) (*Server, error) {
	s := &Server{config: config, index: make(map[string]*Service), tokens: make(map[string]Permission), released: make(chan struct{})}
	for token, permission := range config.Tokens {
		s.tokens[token] = permission
	}
	s.counts = newCounts()
	if config.TLS {
		var err error
		if s.authority, err = newAuthority(); err != nil {
			return nil, err
		}
	}
	initial := config.Services
	if initial == nil {
		initial = DefaultServices()
	}
	s.AddServices(initial...)
	for i := range config.Generate {
		s.AddServices(Generated(i))
	}
	var err error
	if s.control, err = s.serve(&s.admin, orLoopback(config.ControlAddress), http.HandlerFunc(s.serveControl), false); err != nil {
		return nil, err
	}
	s.address = orLoopback(config.Address)
	if err := s.Up(); err != nil {
		return nil, errors.Join(err, s.admin.Close())
	}
	return s, nil
}

func orLoopback(address string) string {
	if address == "" {
		return "127.0.0.1:0"
	}
	return address
}

// serve listens and serves, and returns the address.
func (s *Server) serve(server **http.Server, address string, handler http.Handler, secure bool) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("hub stand-in: %w", err)
	}
	running := &http.Server{Handler: handler, ErrorLog: quiet()}
	*server = running
	if secure {
		running.TLSConfig = s.authority.config(s.config.ClientCertificates)
		go func() { _ = running.ServeTLS(listener, "", "") }()
	} else {
		go func() { _ = running.Serve(listener) }()
	}
	return listener.Addr().String(), nil
}

// URL is the base URL of the Hub, without a slash at its end.
func (s *Server) URL() string {
	scheme := "http"
	if s.config.TLS {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: s.address, Path: s.config.Path}).String()
}

// ControlURL is where the stand-in takes commands over HTTP, see [Control].
func (s *Server) ControlURL() string { return "http://" + s.control }

// Authority is the certificate of the authority that signs those of the stand-in, in PEM; nil without TLS.
func (s *Server) Authority() []byte {
	if s.authority == nil {
		return nil
	}
	return s.authority.certificate
}

// ClientCertificate makes a certificate that the stand-in accepts, in PEM, with its key.
func (s *Server) ClientCertificate() (certificate, key []byte, err error) {
	if s.authority == nil {
		return nil, nil, errors.New("hub stand-in: without TLS there are no certificates")
	}
	return s.authority.issue("client")
}

// Down makes the Hub unreachable: connections are closed, new ones are refused.
func (s *Server) Down() {
	s.mutex.Lock()
	hub := s.hub
	s.hub = nil
	s.release()
	s.mutex.Unlock()
	if hub != nil {
		_ = hub.Close()
	}
}

// Up makes the Hub reachable again, at the address that it had.
func (s *Server) Up() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.hub != nil {
		return nil
	}
	address, err := s.serve(&s.hub, s.address, http.HandlerFunc(s.serveHub), s.config.TLS)
	if err == nil {
		s.address = address
	}
	return err
}

// Close ends the stand-in.
func (s *Server) Close() error {
	s.Down()
	return s.admin.Close()
}

// release lets the requests go that hang.
func (s *Server) release() {
	close(s.released)
	s.released = make(chan struct{})
}
