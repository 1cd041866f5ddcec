package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// TestPlaceholdersOutliveTheDecision: of many clients each is made in the memory of a decision, which is used again while the request is still under way. What handlers behind the guard
// and error routes read does not change by that.
func TestPlaceholdersOutliveTheDecision(t *testing.T) {
	handler := watchedGuard(t, "rfc6749", "one")
	handler.delivery.settings.OnReject = "error"
	registered := make(clients.Static, 10_000)
	for i := range registered {
		registered[i] = clients.Client{ClientID: fmt.Sprint("client-", i), RedirectURIs: []string{"https://app.example/cb"}}
	}
	feed := clients.NewFeed("static", registered, 0)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	handler.chain = clients.NewChain(feed)
	target := func(client int) string {
		return fmt.Sprint("https://hub.example/auth?response_type=code&redirect_uri=https://app.example/cb&state=x&client_id=client-", client)
	}
	others := func() {
		for i := range 50 {
			if !ask(t, handler, "GET", target(100+i), "") {
				t.Fatal("a valid request is refused")
			}
		}
	}
	for _, c := range []struct {
		name, more, want string
		refused          bool
	}{
		{"passed", "", "authorize pass client-7", false},
		{"refused", "&redirect_uri=x", "authorize reject client-7", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			const all = "{http.oauth_guard.endpoint} {http.oauth_guard.decision} {http.oauth_guard.client_id}"
			replacer, w := caddy.NewReplacer(), httptest.NewRecorder()
			r := caddyhttp.PrepareRequest(httptest.NewRequest("GET", target(7)+c.more, nil), replacer, w, new(caddyhttp.Server))
			behind := ""
			err := handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
				others()
				behind = replacer.ReplaceAll(all, "")
				return nil
			}))
			others()
			if after := replacer.ReplaceAll(all, ""); after != c.want || (err != nil) != c.refused || !c.refused && behind != c.want {
				t.Errorf("behind the guard %q, afterwards %q, want %q; error %v", behind, after, c.want, err)
			}
		})
	}
}
