// Package osin_test drives golang.org/x/oauth2, a client that nobody here wrote, against osin, an authorization server that nobody here wrote, through Caddy with
// the guard and without it. Caddy runs inside the test process, from a Caddyfile as an operator writes it.
package osin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// TestMain is run, below, with an exit status.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run runs the tests in an empty folder for what Caddy stores, and then makes sure that no goroutine is left.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "oauth-guard-osin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	for _, variable := range []string{"XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		if err := os.Setenv(variable, folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	status := m.Run()
	// The lock of the storage that Caddy takes for a moment at its start is kept fresh by a goroutine that notices its end seconds later.
	if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// side is one address where clients find an authorization server.
type side struct {
	// address is a host with a port.
	address string
	server  *authorizationServer
}

// deployment is one kind of guarded server, with a twin that is not guarded. Each has an osin server of its own.
type deployment struct {
	profile       string
	layout        layout
	bare, guarded *side
	// redirectURI is where codes and errors arrive. It answers with the query that it received.
	redirectURI string
}

// layouts are the paths of the endpoints by profile. The paths of hub are those that the profile has of its own.
var layouts = map[string]layout{
	"rfc6749": {authorize: "/authorize", token: "/token", info: "/info", scope: "everything"},
	"hub":     {authorize: "/api/rest/oauth2/auth", token: "/api/rest/oauth2/token", info: "/api/rest/info", scope: clientID},
}

// endpointLines complete a profile.
var endpointLines = map[string]string{
	"rfc6749": "endpoint authorize /authorize\nendpoint token /token\nendpoint resource /info",
	"hub":     "",
}

// decisionHeader is set by the guarded sites below, so that the tests see what the guard thinks. They remove it from responses.
const decisionHeader = "Guard-Decision"

// guardFormat is the guard of a site: profile, endpoints, redirect URI twice.
const guardFormat = `header {
		` + decisionHeader + ` "{http.oauth_guard.endpoint} {http.oauth_guard.decision} {http.oauth_guard.rule}"
		defer
	}
	oauth_guard {
		profile %s
		%s
		clients static {
			client ` + clientID + ` {
				client_name Example
				redirect_uris %s
				response_types code
				grant_types authorization_code refresh_token client_credentials
				token_endpoint_auth_method client_secret_basic
				trusted
			}
			client ` + publicID + ` {
				redirect_uris %s
				response_types code
				grant_types authorization_code refresh_token
				token_endpoint_auth_method none
			}
		}
	}`

// start runs Caddy with every deployment until the end of the test.
func start(t *testing.T) []*deployment {
	t.Helper()
	redirectURI := callback(t)
	var deployments []*deployment
	var sites []*front.Site
	for _, profile := range []string{"rfc6749", "hub"} {
		d := &deployment{profile: profile, layout: layouts[profile], redirectURI: redirectURI}
		for _, twin := range []**side{&d.bare, &d.guarded} {
			site, err := front.NewSite(false)
			if err != nil {
				t.Fatal(err)
			}
			*twin = &side{address: site.Address, server: newAuthorizationServer(t, d.layout, d.redirectURI)}
			site.Upstream = (*twin).server.Listener.Addr().String()
			if *twin == d.guarded {
				site.Directives = fmt.Sprintf(guardFormat, profile, endpointLines[profile], redirectURI, redirectURI)
			}
			sites = append(sites, site)
		}
		deployments = append(deployments, d)
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
	return deployments
}

// anonymize replaces in a text what differs between two fronts.
func (f *side) anonymize(text string) string {
	return strings.ReplaceAll(f.server.anonymize(text), f.address, "<front>")
}

// traffic returns the requests that reached the server since its last reset.
func (f *side) traffic() []string {
	var texts []string
	for _, arrival := range f.server.arrived() {
		texts = append(texts, f.anonymize(arrival.text))
	}
	return texts
}

// callback starts the client's own server and returns its redirect URI.
func callback(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/cb", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.RawQuery)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/cb"
}
