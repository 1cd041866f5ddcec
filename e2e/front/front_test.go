package front_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

const guard = `oauth_guard {
	profile rfc6749
	endpoint token /token
	clients static {
		client app {
			redirect_uris https://app.example/cb
		}
	}
}`

// newSite makes a site in front of an upstream.
func newSite(t *testing.T, upstream, directives string, tls bool) *front.Site {
	t.Helper()
	site, err := front.NewSite(tls)
	if err != nil {
		t.Fatal(err)
	}
	site.Upstream, site.Directives = upstream, directives
	return site
}

// TestSites sends the same valid and the same invalid request to sites of all kinds.
func TestSites(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	}))
	t.Cleanup(server.Close)
	upstream := strings.TrimPrefix(server.URL, "http://")
	sites := []*front.Site{
		newSite(t, upstream, "", false),
		newSite(t, upstream, "", true),
		newSite(t, upstream, guard, false),
		newSite(t, upstream, guard, true),
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
	root, err := os.ReadFile(caddy.Root())
	if err != nil {
		t.Fatal(err)
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(root)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}

	const valid, invalid = "grant_type=client_credentials&client_id=app&client_secret=s", "grant_type=password&grant_type=password"
	for i, site := range sites {
		guarded, protocol := i >= 2, "HTTP/1.1"
		if site.TLS {
			protocol = "HTTP/2.0"
		}
		want := []exchange{
			{"POST", "/token?x=1", protocol, "", "", "", http.StatusOK, "POST /token?x=1 " + valid},
			{"POST", "/token", protocol, "", "", "", http.StatusOK, "POST /token " + invalid},
		}
		if guarded {
			want[0].Endpoint, want[0].Decision = "token", "pass"
			want[1] = exchange{"POST", "/token", protocol, "token", "reject", "token.parameter.repeated", http.StatusBadRequest, ""}
		}
		for _, request := range [][2]string{{"/token?x=1", valid}, {"/token", invalid}} {
			response, err := client.Post(site.URL()+request[0], "application/x-www-form-urlencoded", strings.NewReader(request[1]))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Error(err)
			}
			_ = response.Body.Close()
		}
		var got []exchange
		for _, e := range site.Take() {
			arrived := ""
			if e.Arrival != nil {
				arrived = e.Arrival.Method + " " + e.Arrival.Target + " " + e.Arrival.Body()
			}
			got = append(got, exchange{e.Method, e.Target, e.Protocol, e.Endpoint, e.Decision, e.Rule, e.Status, arrived})
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("site %d (-want, +got):\n%s", i, difference)
		}
		if rest := site.Take(); rest != nil {
			t.Errorf("exchanges are returned twice: %v", rest)
		}
	}
}

// exchange is an exchange that can be compared.
type exchange struct {
	Method, Target, Protocol, Endpoint, Decision, Rule string
	Status                                             int
	Arrived                                            string
}
