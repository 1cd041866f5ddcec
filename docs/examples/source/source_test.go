package source

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// TestRegistry runs Caddy with the guard and this source, and lets it judge requests.
func TestRegistry(t *testing.T) {
	t.Setenv("REGISTRY_TOKEN", "planted")
	var down atomic.Bool
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case down.Load() || r.Header.Get("Authorization") != "Bearer planted":
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/clients":
			_, _ = io.WriteString(w, `[{"client_id":"wiki","redirect_uris":["https://wiki.example/callback"],"client_secret":"never read"}]`)
		case r.URL.Path == "/clients/new":
			_, _ = io.WriteString(w, `{"client_id":"new","redirect_uris":["https://new.example/callback"]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer registry.Close()
	address := run(t, registry.URL+"/clients")

	ask := func(id, uri string) int {
		t.Helper()
		query := url.Values{"response_type": {"code"}, "client_id": {id}, "redirect_uri": {uri}}
		response, err := http.Get("http://" + address + "/authorize?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	// The list is read in the background, and until then nothing is refused for its sake.
	for deadline := time.Now().Add(10 * time.Second); ask("wiki", "https://evil.example/") == http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the list was never read")
		}
	}
	for _, c := range []struct {
		what, id, uri string
		want          int
	}{
		{"a client of the list", "wiki", "https://wiki.example/callback", http.StatusOK},
		{"another redirect URI", "wiki", "https://wiki.example/other", http.StatusBadRequest},
		{"a client that is newer than the list", "new", "https://new.example/callback", http.StatusOK},
		{"a client that the registry denies", "nobody", "https://wiki.example/callback", http.StatusBadRequest},
	} {
		if status := ask(c.id, c.uri); status != c.want {
			t.Errorf("%s: status %d, want %d", c.what, status, c.want)
		}
	}
	down.Store(true)
	if status := ask("somebody", "https://wiki.example/callback"); status != http.StatusOK {
		t.Errorf("a client of which nothing can be said: status %d, want it to pass", status)
	}
}

// run runs Caddy with a guarded site until the end of the test, and returns its address.
func run(t *testing.T, registry string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	listener.Close()
	text := fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	storage file_system %s
	log {
		output discard
	}
}
http://%s {
	oauth_guard {
		profile rfc6749
		endpoint authorize /authorize
		clients registry %s {
			token {env.REGISTRY_TOKEN}
			refresh 30s
		}
		unknown_client reject
	}
	respond "passed"
}
`, t.TempDir(), address, registry)
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err == nil {
		err = caddy.Load(config, true)
	}
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// TestMistakes expects a message that says what to do.
func TestMistakes(t *testing.T) {
	for lines, want := range map[string]string{
		"clients registry": "wrong argument count",
		"clients registry registry.example.com/clients":       "is not a URL",
		"clients registry https://a.example {\nrefresh 0s\n}": "not a positive duration",
		"clients registry https://a.example {\ncolour red\n}": "unrecognized option colour",
	} {
		text := "{\nadmin off\nauto_https off\n}\nhttp://:1 {\noauth_guard {\n" + lines + "\n}\n}\n"
		config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
		if err == nil {
			var parsed caddy.Config
			if err = caddy.StrictUnmarshalJSON(config, &parsed); err == nil {
				err = caddy.Validate(&parsed)
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", lines, err, want)
		}
	}
}
