package matrix_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// stage is everything that a run needs: servers, Caddy in front of them, drivers, and a browser.
type stage struct {
	browser     *browser.Browser
	application *clients.Application
	drivers     map[string]clients.Driver // by the name of the library
	lanes       []*lane
}

// lane is one kind of server at one transport. It has an instance of its own for each of its sites.
type lane struct {
	kind upstream.Kind
	tls  bool
	// bare is without the guard.
	bare, guarded *front.Site
}

// name is the name of the lane in the tests.
func (l *lane) name() string {
	if l.tls {
		return l.kind.Name + "/TLS"
	}
	return l.kind.Name + "/plain"
}

// account is the one user of all servers.
var account = clients.Account{Login: "alice", Password: "wonderland"}

// registered are the clients that all servers and all guards know, by the way in which they authenticate.
var registered = map[string]clients.Client{
	clients.Basic:  {ID: "webapp", Secret: "dGhlIHNlY3JldA"},
	clients.Post:   {ID: "backend", Secret: "YW5vdGhlciBvbmU"},
	clients.Public: {ID: "native"},
}

// methods are the keys of registered.
var methods = []string{clients.Basic, clients.Post, clients.Public}

// What every client is registered for. A server takes of it what it knows.
var (
	grantTypes    = []string{"authorization_code", "refresh_token", "client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"}
	responseTypes = []string{"code", "token"}
)

// start starts everything until the end of the test. The extra directives go into the guards.
func start(t *testing.T, kinds []upstream.Kind, extra string) *stage {
	t.Helper()
	s := &stage{drivers: map[string]clients.Driver{}}
	var err error
	if s.application, err = clients.StartApplication(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.application.Stop)
	var sites []*front.Site
	for _, kind := range kinds {
		lanes := s.serve(t, kind, extra)
		s.lanes = append(s.lanes, lanes...)
		for _, l := range lanes {
			sites = append(sites, l.bare, l.guarded)
		}
	}
	caddy, err := front.Start(t.TempDir(), sites...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	if s.browser, err = browser.Start(browser.Options{Authority: caddy.Root()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.browser.Stop)
	for _, library := range clients.Libraries() {
		driver, err := library.Start(clients.Options{Authority: caddy.Root(), Application: s.application})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := driver.Stop(); err != nil {
				t.Errorf("%s: %v", library.Name, err)
			}
		})
		s.drivers[library.Name] = driver
	}
	return s
}

// serve starts a server for all sites of a kind.
func (s *stage) serve(t *testing.T, kind upstream.Kind, extra string) []*lane {
	t.Helper()
	lanes := []*lane{{kind: kind}, {kind: kind, tls: true}}
	config := upstream.Config{
		User: upstream.User(account), Origins: []string{s.application.Origin()}, Log: t.Output(),
	}
	for _, method := range methods {
		client := registered[method]
		config.Clients = append(config.Clients, upstream.Client{
			ID: client.ID, Secret: client.Secret, AuthMethod: method, Scope: strings.Join(kind.Scopes, " "),
			RedirectURIs: []string{s.application.RedirectURI()}, GrantTypes: grantTypes, ResponseTypes: responseTypes,
		})
	}
	var sites []*front.Site
	for _, l := range lanes {
		for _, site := range []**front.Site{&l.bare, &l.guarded} {
			made, err := front.NewSite(l.tls)
			if err != nil {
				t.Fatal(err)
			}
			*site = made
			sites, config.Issuers = append(sites, made), append(config.Issuers, made.URL())
		}
		l.guarded.Directives = s.guard(kind, extra)
	}
	server, err := kind.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("%s: %v", kind.Title, err)
		}
	})
	for i, site := range sites {
		site.Upstream = server.Addresses[i]
	}
	return lanes
}

// guard is the block of the guard for a kind of server. It knows all about the clients, so that every rule about them applies.
func (s *stage) guard(kind upstream.Kind, extra string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "oauth_guard {\nprofile rfc6749\nendpoint authorize %s\nendpoint token %s\nendpoint %s %s\n%s\nclients static {\n",
		kind.Paths.Authorize, kind.Paths.Token, resourceEndpoint(kind), kind.Paths.Resource, extra)
	for _, method := range methods {
		fmt.Fprintf(&text, "client %s {\nredirect_uris %s\nresponse_types %s\ngrant_types %s\ntoken_endpoint_auth_method %s\nscope %s\n}\n",
			registered[method].ID, s.application.RedirectURI(), strings.Join(responseTypes, " "), strings.Join(grantTypes, " "), method,
			strings.Join(kind.Scopes, " "))
	}
	text.WriteString("}\n}")
	return text.String()
}

// resourceEndpoint is the guard's name for what access tokens are good for. At an OpenID provider that is the userinfo endpoint.
func resourceEndpoint(kind upstream.Kind) string {
	if kind.OpenID {
		return "userinfo"
	}
	return "resource"
}

// String names the programs.
func (s *stage) String() string {
	var titles []string
	for _, l := range s.lanes {
		titles = append(titles, l.kind.Title)
	}
	for _, driver := range s.drivers {
		titles = append(titles, driver.Title())
	}
	slices.Sort(titles)
	return strings.Join(slices.Compact(titles), "\n") + "\n"
}
