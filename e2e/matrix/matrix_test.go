// Package matrix_test runs every flow of every client library with every authorization server, without the guard and with it, and demands that nobody can tell the
// difference: neither the client nor the server, and the guard finds nothing.
package matrix_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// A lane waits for others most of the time, so that there may be more of them than processors.
	const lanesAtOnce = "4"
	if err := flag.Set("test.parallel", lanesAtOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// The lock of the storage that Caddy takes for a moment at its start is kept fresh by a goroutine that notices its end seconds later.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}

// cell is one run of the matrix: a server at a transport, a library, a way to authenticate, and a flow.
type cell struct {
	*lane
	library string
	style   clients.Style
	flow    string
}

// cells are all that run in a lane.
func (l *lane) cells() []cell {
	var all []cell
	for _, library := range clients.Libraries() {
		for _, style := range library.Styles {
			for _, flow := range style.Flows {
				all = append(all, cell{l, library.Name, style, flow})
			}
		}
	}
	return all
}

// visit is what one run gave.
type visit struct {
	steps     []clients.Step
	exchanges []*front.Exchange
}

// visit runs a cell at a site.
func (s *stage) visit(t *testing.T, c cell, site *front.Site) visit {
	t.Helper()
	at, paths := site.URL(), c.kind.Paths
	site.Take()
	steps, err := s.drivers[c.library].Run(clients.Run{
		Flow: c.flow, Style: c.style.Name, Client: registered[c.style.Method], RedirectURI: s.application.RedirectURI(),
		Scope: strings.Join(c.kind.Scopes, " "), User: account,
		Server: clients.Server{
			Issuer: at, Authorization: at + paths.Authorize, Token: at + paths.Token, Resource: at + paths.Resource,
			DeviceAuthorization: at + paths.DeviceAuthorization, Introspection: at + paths.Introspection, Revocation: at + paths.Revocation,
			OIDC: c.kind.OpenID,
		},
	}, func() *browser.Tab { return s.browser.Open(t) })
	if err != nil {
		t.Fatal(err)
	}
	return visit{steps, site.Take()}
}

// TestMatrix runs all cells.
func TestMatrix(t *testing.T) {
	s := start(t, upstream.Kinds(), "")
	results := newTable()
	begin := time.Now()
	t.Run("cells", func(t *testing.T) {
		for _, l := range s.lanes {
			t.Run(l.name(), func(t *testing.T) {
				t.Parallel()
				for _, c := range l.cells() {
					t.Run(c.library+"/"+c.style.Name+"/"+c.flow, func(t *testing.T) {
						bare, guarded := s.visit(t, c, l.bare), s.visit(t, c, l.guarded)
						results.add(c, bare.steps)
						for _, problem := range append(c.unexpected(bare.steps), c.problems(bare, guarded)...) {
							t.Error(problem)
						}
					})
				}
			})
		}
	})
	t.Logf("%d cells in %s\n%s%s", results.cells, time.Since(begin).Round(time.Second), s, results)
	if difference := cmp.Diff(wantCells, results.counts); difference != "" {
		t.Errorf("the matrix is not complete (-want, +got):\n%s", difference)
	}
	for i, e := range exceptions {
		if !results.used[i] {
			t.Errorf("nothing needs the exception %+v", e)
		}
	}
}

// wantCells is how many cells each flow of each library has: its styles times two transports times five servers.
var wantCells = map[string]int{
	"golang.org/x/oauth2 code": 40, "golang.org/x/oauth2 client_credentials": 30, "golang.org/x/oauth2 password": 30, "golang.org/x/oauth2 device": 40,
	"openid-client code": 30, "openid-client client_credentials": 20, "openid-client password": 30, "openid-client device": 30,
	"oauth4webapi code": 40, "oauth4webapi client_credentials": 30, "oauth4webapi password": 40, "oauth4webapi device": 40,
	"requests-oauthlib code": 30, "requests-oauthlib client_credentials": 20, "requests-oauthlib password": 30, "requests-oauthlib implicit": 10,
	"oidc-client-ts code": 20, "oidc-client-ts password": 20,
}
