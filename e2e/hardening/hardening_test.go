// Package hardening_test sends invalid requests, the vectors of the rules, to real authorization servers, alone and with the guard in front of them, and writes down
// what happens: docs/hardening.md.
package hardening_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// patience is how long a server may take for one answer.
const patience = 30 * time.Second

// root is the top of the repository.
const root = "../.."

// The endpoints as the vectors write them.
var paths = upstream.Paths{
	Authorize: "/oauth2/auth", Token: "/oauth2/token", Resource: "/api/users/me", Userinfo: "/oauth2/userinfo",
	DeviceAuthorization: "/oauth2/device", Introspection: "/oauth2/introspect", Revocation: "/oauth2/revoke", PushedAuthorizationRequest: "/oauth2/par",
}

// guard is the configuration in front of every server; the file of clients has to be filled in.
const guard = `oauth_guard {
	profile rfc6749
	endpoint authorize /oauth2/auth
	endpoint token /oauth2/token
	endpoint userinfo /oauth2/userinfo
	endpoint resource /api/*
	clients file %s
}`

// proxy gives each request a connection of its own to the server, so that none suffers from what the one before did to it.
const proxy = "transport http {\nkeepalive off\n}"

// user is the one that the vectors name.
var user = upstream.User{Login: "a", Password: "b"}

// scopes are those that the vectors ask for, besides those that are invalid.
var scopes = []string{"read", "write", "admin", "openid", "email", "s", "x", "a", "b"}

// secret is that of the client app in the vectors.
const secret = "secret"

// registration reads the clients of the vectors, for the servers and as a file for the guard. The client with a script as redirect URI is left out.
func registration(t *testing.T) (clients []upstream.Client, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "validators", "testdata", "clients.json"))
	if err != nil {
		t.Fatal(err)
	}
	var records []map[string]any
	if err := json.Unmarshal(text, &records); err != nil {
		t.Fatal(err)
	}
	records = slices.DeleteFunc(records, func(record map[string]any) bool { return record["client_id"] == "script" })
	file = filepath.Join(t.TempDir(), "clients.json")
	text, err = json.Marshal(records)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err == nil {
		err = json.Unmarshal(text, &clients)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range clients {
		client := &clients[i]
		if client.AuthMethod == "" {
			client.AuthMethod = "client_secret_basic"
		}
		if client.AuthMethod != "none" {
			client.Secret = secret
		}
		if client.GrantTypes == nil {
			client.GrantTypes = []string{"authorization_code", "refresh_token", "password", "client_credentials"}
		}
		switch {
		case len(client.RedirectURIs) == 0:
			client.GrantTypes, client.ResponseTypes = []string{"client_credentials"}, nil
		case client.ResponseTypes == nil:
			client.ResponseTypes = []string{"code"}
		}
	}
	return clients, file
}

// place is one server, reached without the guard and with it.
type place struct {
	kind          upstream.Kind
	server        *upstream.Server
	alone, behind *front.Site
}

// start starts every server, and one Caddy in front of all.
func start(t *testing.T, clients []upstream.Client, file string) []*place {
	t.Helper()
	var places []*place
	var sites []*front.Site
	for _, kind := range upstream.Kinds() {
		p := &place{kind: kind.At(paths)}
		for _, site := range []**front.Site{&p.alone, &p.behind} {
			made, err := front.NewSite(false)
			if err != nil {
				t.Fatal(err)
			}
			made.Proxy, *site = proxy, made
		}
		p.behind.Directives = fmt.Sprintf(guard, file)
		server, err := p.kind.Start(upstream.Config{
			Issuers: []string{p.alone.URL()}, Clients: clients, User: user, Scopes: scopes, Log: t.Output(),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Stop(); err != nil {
				t.Errorf("%s does not stop: %v", kind.Name, err)
			}
		})
		p.server, p.alone.Upstream, p.behind.Upstream = server, server.Addresses[0], server.Addresses[0]
		places = append(places, p)
		sites = append(sites, p.alone, p.behind)
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
	return places
}

// TestHardening sends every sample to every server with the guard in front and without it. With the guard everything must be refused as the standards demand, and
// nothing may reach the server. What the servers do alone is only written down.
func TestHardening(t *testing.T) {
	files, err := vectors.Load(filepath.Join(root, "validators"))
	if err != nil {
		t.Fatal(err)
	}
	chosen := samples(files)
	clients, file := registration(t)
	var redirectURIs []string
	for _, client := range clients {
		redirectURIs = append(redirectURIs, client.RedirectURIs...)
	}
	places := start(t, clients, file)
	reports := make([]report, len(places))
	t.Run("servers", func(t *testing.T) {
		for i, p := range places {
			t.Run(p.kind.Name, func(t *testing.T) {
				t.Parallel()
				reports[i].title = p.kind.Title
				issuer := newGrants(t, p, clients)
				for _, s := range chosen {
					reports[i].rows = append(reports[i].rows, p.try(t, s, issuer, redirectURIs))
				}
				if err := p.server.Alive(); err != nil {
					t.Errorf("the server did not survive: %v", err)
				}
			})
		}
	})
	if !t.Failed() {
		publish(t, reports)
	}
}

// try sends one sample, first to the guard, which must not use up anything, and then to the server alone.
func (p *place) try(t *testing.T, s sample, issuer issuer, redirectURIs []string) row {
	t.Helper()
	bytes := s.message(p.alone.Address, issuer)
	p.behind.Take()
	behind := send(t, p.behind.Address, s, bytes)
	exchanges := p.behind.Take()
	if len(exchanges) != 1 || exchanges[0].Decision != "reject" || exchanges[0].Arrival != nil {
		t.Fatalf("%s, %s: the guard let it through: %+v", s.rule.ID, s.Name, exchanges)
	}
	method, target, _ := strings.Cut(s.Request[0], " ")
	literal, _, _ := strings.Cut(target, "?")
	endpoints := []string{paths.Authorize, paths.Token, paths.Userinfo, paths.Resource}
	q := question{
		endpoint: exchanges[0].Endpoint, method: method, endpoints: endpoints, redirectURIs: redirectURIs,
		elsewhere:     strings.HasPrefix(s.rule.ID, "path.") && !slices.Contains(endpoints, literal),
		authorization: strings.Contains(strings.Join(s.Request, "\n"), "\nAuthorization:"),
	}
	r := row{s, judge(q, send(t, p.alone.Address, s, bytes)), judge(q, behind)}
	// A server that answers before it has read everything may cut off its own answer. Only what happens each time is a crash.
	for tries := 0; tries < 3 && r.alone.quality == crashed; tries++ {
		r.alone = judge(q, send(t, p.alone.Address, s, s.message(p.alone.Address, issuer)))
	}
	if r.behind.quality != right {
		t.Errorf("%s, %s: the guard's answer is not right: %v\n%v", s.rule.ID, s.Name, r.behind, behind)
	}
	return r
}

// send sends bytes over a connection of their own and reads the response, if there is one.
func send(t *testing.T, address string, s sample, bytes string) reply {
	t.Helper()
	connection, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// A server may refuse before it has read everything, so only the response counts.
	_, _ = io.WriteString(connection, bytes)
	method, _, _ := strings.Cut(s.Request[0], " ")
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: method})
	if err != nil {
		return reply{header: http.Header{}, body: err.Error()}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{header: http.Header{}, body: err.Error()}
	}
	return reply{response.StatusCode, response.Header, string(body)}
}
