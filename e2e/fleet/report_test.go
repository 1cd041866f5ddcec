package fleet_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// untrusted are the redirect URIs that an instance told the Hub of, by service.
func untrusted(t *testing.T, hub *hubtest.Process) map[string][]string {
	t.Helper()
	bodies, err := hub.Control.Bodies()
	must(t, err)
	found := make(map[string][]string)
	for _, body := range bodies {
		var uri struct {
			RedirectURI string `json:"redirectURI"`
			TriedFrom   string `json:"triedFrom"`
		}
		if err := json.Unmarshal([]byte(body.Text), &uri); err != nil || body.Kind != hubtest.UntrustedAdd || uri.TriedFrom != "127.0.0.1" {
			t.Errorf("%+v, %v", body, err)
		}
		found[body.ID] = append(found[body.ID], uri.RedirectURI)
	}
	return found
}

// TestReportUntrusted refuses redirect URIs of known services. The Hub hears of those that an administrator could approve, of each one once.
func TestReportUntrusted(t *testing.T) {
	t.Parallel()
	hub := startHub(t, 10)
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(t.TempDir()), refresh: time.Second, source: "on_demand 600\nreport_untrusted {env.REPORT_TOKEN}"})
	i.start()
	i.has(10*time.Second, 10+everyHub)
	must(t, hub.Control.Forget())
	one, two := hubtest.GeneratedID(1), hubtest.GeneratedID(2)
	const fresh, second = "https://new.example.com/callback", "https://second.example.com/callback"
	// What is told first is told first, so when the last ones have arrived, nothing of the others is under way.
	for uri, rule := range map[string]string{
		"javascript:alert(1)": "scheme", "https://evil.example/#" + planted + "fragment": "fragment", "https://user:" + planted + "password@evil.example/": "authority",
		"/relative": "relative", "https://evil.example/a b": "character", "https://evil.example/?code=" + planted + "code": "response_parameter",
	} {
		i.asks("the hostile redirect URI "+uri, authorize(one, uri), verdict{400, "reject", "authorize.redirect_uri." + rule})
	}
	i.asks("a redirect URI of a stranger", authorize("stranger", "https://stranger.example/callback"), unknown)
	i.asks("a registered redirect URI", authorize(one, callback(1)), passed)
	for range 5 {
		i.asks("a new redirect URI", authorize(one, fresh), unregistered)
	}
	i.asks("the same of another service", authorize(two, fresh), unregistered)
	i.asks("another one", authorize(two, second), unregistered)
	within(t, 20*time.Second, "the Hub heard of three redirect URIs", func() (bool, any) {
		found := untrusted(t, hub)
		return len(found[two]) == 2, found
	})
	i.asks("a redirect URI that was told", authorize(one, fresh), unregistered)
	i.asks("a third one", authorize(two, "https://third.example.com/callback"), unregistered)
	within(t, 20*time.Second, "the Hub heard of one more", func() (bool, any) {
		found := untrusted(t, hub)
		return len(found[two]) == 3, found
	})
	if found := untrusted(t, hub); len(found) != 2 || len(found[one]) != 1 || found[one][0] != fresh {
		t.Errorf("the Hub heard of %v", found)
	}
	requests, err := hub.Control.Requests()
	must(t, err)
	for _, r := range requests {
		switch reports := r.Kind == hubtest.UntrustedAdd; {
		case reports && (r.Permission != hubtest.Write || r.Status != 200), !reports && r.Permission != hubtest.ReadAll:
			t.Errorf("a request with the token of the other kind, or refused: %+v", r)
		}
	}
	// The administrator approves one. It is accepted after the next refresh.
	service, err := hub.Control.Service(one)
	must(t, err)
	service.RedirectURIs = append(service.RedirectURIs, service.UntrustedRedirectURIs[0].RedirectURI)
	must(t, hub.Control.AddServices(service))
	client := direct()
	defer client.CloseIdleConnections()
	within(t, 5*time.Second, "a redirect URI that was approved is accepted", func() (bool, any) {
		found, err := ask(client, i, authorize(one, fresh))
		return err == nil && found == passed, found
	})
	if text := i.log(); strings.Contains(text, "second.example.com/callback?") {
		t.Error("a query is in the log")
	}
}
