// Package ringui_test signs people in with ring-ui, the client that JetBrains' own web applications use, in a real browser, at a server that is shaped like
// JetBrains Hub, through Caddy with the guard and without it.
package ringui_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// place is one way to deploy the Hub and an application.
type place struct {
	// hub is the server below /hub of the site, and also serves the applications below /app.
	hub  *hub
	site *front.Site
	// origin is that of the application: the one of the site, or another.
	origin string
}

// pair is a deployment without and with the guard.
type pair struct {
	name          string
	bare, guarded place
}

var (
	// chromium is the one browser that all tests share.
	chromium *browser.Browser
	// pairs are over plain HTTP and TLS, and with the application on the Hub's origin and on another.
	pairs []pair
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts everything, runs the tests and stops it.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "oauth-guard-ringui-")
	if err == nil {
		defer os.RemoveAll(folder)
		var stop func()
		if stop, err = start(folder); err == nil {
			defer stop()
			return m.Run()
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// start starts the Hubs, Caddy and Chromium.
func start(folder string) (stop func(), err error) {
	bundle, err := bundleApplication(folder)
	if err != nil {
		return nil, err
	}
	var sites []*front.Site
	var hubs []*hub
	for _, scheme := range []string{"http", "https"} {
		same, other := pair{name: scheme + " same origin"}, pair{name: scheme + " other origin"}
		for _, guarded := range []bool{false, true} {
			host, err := front.NewSite(scheme == "https")
			if err != nil {
				return nil, err
			}
			application, err := front.NewSite(scheme == "https")
			if err != nil {
				return nil, err
			}
			h := startHub(host.URL(), []string{host.URL(), application.URL()}, bundle)
			hubs = append(hubs, h)
			host.Upstream, application.Upstream = h.address(), h.address()
			if guarded {
				if host.Directives, err = guard(folder, h); err != nil {
					return nil, err
				}
				same.guarded, other.guarded = place{h, host, host.URL()}, place{h, host, application.URL()}
			} else {
				same.bare, other.bare = place{h, host, host.URL()}, place{h, host, application.URL()}
			}
			sites = append(sites, host, application)
		}
		pairs = append(pairs, same, other)
	}
	caddy, err := front.Start(folder, sites...)
	if err != nil {
		return nil, err
	}
	chromium, err = browser.Start(browser.Options{Authority: caddy.Root()})
	if err != nil {
		return nil, err
	}
	return func() {
		chromium.Stop()
		if err := caddy.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		for _, h := range hubs {
			h.server.Close()
		}
	}, nil
}

// guardFormat is the guard as an operator of a Hub below /hub writes it: two services by hand, which are trusted with errors, and all services of the Hub as a saved page.
// The implicit flow is allowed for the wiki alone.
const guardFormat = `oauth_guard {
	profile hub
	base_path /hub
	clients static {
		client ` + wiki + ` {
			client_name "Team Wiki"
			redirect_uris %s
			response_types token
			trusted
		}
		client ` + desk + ` {
			client_name "Help Desk"
			redirect_uris %s
		}
	}
	clients file %s
	rule authorize.response_type.implicit enforce
	exempt ` + wiki + ` authorize.response_type.implicit
}`

// guard writes the directive of the guard for a Hub, and the file of its services.
func guard(folder string, h *hub) (string, error) {
	file := filepath.Join(folder, strings.NewReplacer(":", "-", "/", "").Replace(h.origin)+".json")
	page, err := json.Marshal(h.page())
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(file, page, 0o644); err != nil {
		return "", err
	}
	return fmt.Sprintf(guardFormat, strings.Join(h.services[wiki].redirectURIs, " "), strings.Join(h.services[desk].redirectURIs, " "), file), nil
}
