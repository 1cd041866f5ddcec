package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"
)

// hubWith is a server with one page of services, which it answers with unless it is told to fail.
func hubWith(t *testing.T, services string, failing *atomic.Bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case failing.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/api/rest/services":
			_, _ = io.WriteString(w, services)
		case r.URL.Path == "/.well-known/openid-configuration":
			_, _ = fmt.Fprintf(w, `{"issuer":"http://%[1]s","token_endpoint":"http://%[1]s/token","authorization_response_iss_parameter_supported":true}`, r.Host)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"Not Found"}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// hubServices is a page of two services.
const hubServices = `{"skip":0,"top":500,"total":2,"services":[
	{"id":"0-0-0-0-0","name":"Hub","key":"hub","homeUrl":"http://hub.example","baseUrls":[],"redirectUris":["http://hub.example/"],"trusted":true},
	{"id":"tracker","name":"Tracker","key":"tracker","homeUrl":"https://tracker.example","baseUrls":["https://t.example"],"redirectUris":["oauth"],"trusted":false}]}`

// withAdmin runs Caddy with its admin endpoint, and returns that one's address.
func withAdmin(t *testing.T, sites string) (address string) {
	t.Helper()
	address = freeAddress(t)
	var config caddy.Config
	if err := json.Unmarshal(adapt(t, "", sites), &config); err != nil {
		t.Fatal(err)
	}
	config.Admin = &caddy.AdminConfig{Listen: address}
	text, err := json.Marshal(config)
	if err == nil {
		err = caddy.Load(text, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// admin asks the admin endpoint.
func admin(t *testing.T, address, method, path string, into any) (status int) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return response.StatusCode
}

// sourceState is the state of a source as JSON has it.
type sourceState struct {
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Clients   int       `json:"clients"`
	Fetching  bool      `json:"fetching"`
	LastError string    `json:"last_error"`
	Success   time.Time `json:"last_success"`
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func TestAdmin(t *testing.T) {
	var failing atomic.Bool
	hub := hubWith(t, hubServices, &failing)
	file := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(file, []byte(`[{"client_id":"app","redirect_uris":["https://app.example/cb"],"client_secret":"planted"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	guarded := freeAddress(t)
	_, port, _ := net.SplitHostPort(guarded)
	lines := fmt.Sprintf("clients hub %s {\nrefresh 1h\n}\nclients file %s\nunknown_client reject\n", hub, file)
	address := withAdmin(t, fmt.Sprintf("http://:%s {\nbind 127.0.0.1\n%srespond ok\n}\n", port, guard(lines)))
	var states []sourceState
	until(t, "the Hub is read", func() bool {
		states = nil
		admin(t, address, "GET", "/oauth_guard/sources", &states)
		return len(states) == 2 && states[1].State == "fresh"
	})
	if states[0].Name != "file:"+file || states[0].Clients != 1 || states[1].Name != "hub:"+hub || states[1].Clients != 2 || !states[1].Fetching {
		t.Errorf("sources: %+v", states)
	}
	type client struct {
		ID      string   `json:"client_id"`
		Name    string   `json:"client_name"`
		URIs    []string `json:"redirect_uris"`
		Trusted *bool    `json:"trusted"`
		Source  string   `json:"source"`
	}
	yes, no := true, false
	system := client{"0-0-0-0-0", "Hub", []string{"http://hub.example/"}, &yes, "hub:" + hub}
	app := client{"app", "", []string{"https://app.example/cb"}, nil, "file:" + file}
	tracker := client{"tracker", "Tracker", []string{"https://tracker.example/oauth", "https://t.example/oauth"}, &no, "hub:" + hub}
	for _, c := range []struct {
		query string
		want  []client
	}{
		{"", []client{system, app, tracker}},
		{"?limit=1", []client{system}},
		{"?limit=1&after=app", []client{tracker}},
		{"?after=b", []client{tracker}},
		{"?after=tracker", []client{}},
	} {
		var page struct {
			Clients []client
			Total   int
		}
		if status := admin(t, address, "GET", "/oauth_guard/clients"+c.query, &page); status != http.StatusOK || page.Total != 3 {
			t.Errorf("%q: status %d, total %d", c.query, status, page.Total)
		}
		if difference := cmp.Diff(c.want, page.Clients); difference != "" {
			t.Errorf("%q (-want, +got):\n%s", c.query, difference)
		}
	}
	var one client
	if status := admin(t, address, "GET", "/oauth_guard/clients/app", &one); status != http.StatusOK || !cmp.Equal(one, app) {
		t.Errorf("status %d: %+v", status, one)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/oauth_guard/clients/nobody", 404}, {"GET", "/oauth_guard/clients/a/b", 404}, {"GET", "/oauth_guard/nothing", 404},
		{"GET", "/oauth_guard/sources/x", 404}, {"GET", "/oauth_guard/refresh", 405}, {"POST", "/oauth_guard/sources", 405},
		{"DELETE", "/oauth_guard/clients/app", 405}, {"GET", "/oauth_guard/clients?limit=many", 400}, {"GET", "/oauth_guard/clients?limit=0", 400},
	} {
		if status := admin(t, address, c.method, c.path, nil); status != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, status, c.status)
		}
	}
	failing.Store(true)
	if status := admin(t, address, "POST", "/oauth_guard/refresh", &states); status != http.StatusOK || states[1].State != "failing" ||
		!strings.Contains(states[1].LastError, "500") || states[1].Clients != 2 {
		t.Errorf("status %d: %+v", status, states)
	}
	failing.Store(false)
	if status := admin(t, address, "POST", "/oauth_guard/refresh", &states); status != http.StatusOK || states[1].State != "fresh" {
		t.Errorf("status %d: %+v", status, states)
	}
}

// TestHubSource judges by the services of a Hub, and asks it for a client that is not in the list.
func TestHubSource(t *testing.T) {
	var failing atomic.Bool
	hub := hubWith(t, hubServices, &failing)
	up := newUpstream(t)
	guarded := freeAddress(t)
	load(t, "", site(guarded, guard("clients hub "+hub+" {\nrefresh 1h\n}\nunknown_client reject\n")+up.proxy()))
	ask := func(id, uri string) int {
		return send(t, guarded, get("/api/rest/oauth2/auth?response_type=code&scope=hub&client_id="+id+"&redirect_uri="+uri)).status
	}
	until(t, "the Hub is read", func() bool { return ask("tracker", "https://evil.example/") == http.StatusBadRequest })
	for _, c := range []struct {
		id, uri string
		status  int
	}{
		{"tracker", "https://tracker.example/oauth", http.StatusOK},
		{"tracker", "https://t.example/oauth", http.StatusOK},
		{"tracker", "https://tracker.example/other", http.StatusBadRequest},
		{"nobody", "https://tracker.example/oauth", http.StatusBadRequest},
		{"a%20b", "https://tracker.example/oauth", http.StatusOK}, // not asked for, so unjudged
	} {
		if status := ask(c.id, c.uri); status != c.status {
			t.Errorf("%s, %s: status %d, want %d", c.id, c.uri, status, c.status)
		}
	}
	// The issuer is the one that the Hub says it sends.
	until(t, "the metadata are read", func() bool {
		location := send(t, guarded, get("/api/rest/oauth2/auth?response_type=code&client_id=0-0-0-0-0&redirect_uri=http://hub.example/&code_challenge_method=S256")).header.Get("Location")
		return strings.HasPrefix(location, "http://hub.example/?error=invalid_request") && strings.Contains(location, "&iss="+url.QueryEscape(hub))
	})
	failing.Store(true)
	if status := ask("stranger", "https://tracker.example/oauth"); status != http.StatusOK {
		t.Errorf("unjudged: status %d", status)
	}
}
