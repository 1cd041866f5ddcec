// Package integration tests the module in a running Caddy, over real sockets. Caddy runs inside the test process, made from a Caddyfile as an operator writes
// it. Most tests compare a guarded site with its twin, the same site without the guard: both proxy to one recording upstream, so that
// "passed on unchanged" is a comparison of bytes.
package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"go.uber.org/goleak"

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule"
)

// TestMain runs the tests and then makes sure that no goroutine of Caddy or of the module is left.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := remaining(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// remaining finds goroutines that should have ended. Servers take some time to close their connections.
func remaining(options ...goleak.Option) error {
	options = append(options, ownGoroutines...)
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if err := goleak.Find(options...); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// ownGoroutines are goroutines that Caddy and its libraries start once for the life of a process, with or without the module.
var ownGoroutines = []goleak.Option{
	// The lock of the storage that Caddy takes for a moment at its start is kept fresh by a goroutine that notices its end seconds later.
	goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
}

// registeredURI is the redirect URI R of the bypass corpus.
const registeredURI = "https://app.example/cb"

// endpointLines name the endpoints that most tests use.
const endpointLines = `
	endpoint authorize /oauth2/auth
	endpoint token /oauth2/token
	endpoint par /oauth2/par
	endpoint device /oauth2/device_authorization
	endpoint backchannel /oauth2/bc-authorize
	endpoint revocation /oauth2/revoke
	endpoint introspection /oauth2/introspect
	endpoint registration /oauth2/register
	endpoint logout /oauth2/logout
	endpoint userinfo /oauth2/userinfo
	endpoint resource /api/*
`

// clientLines register the clients that most tests use.
const clientLines = `
	clients static {
		client app {
			client_name Tracker
			redirect_uris ` + registeredURI + `
		}
		client native {
			redirect_uris http://127.0.0.1/cb com.example.app:/cb
			token_endpoint_auth_method none
		}
		client query {
			redirect_uris ` + registeredURI + `?a=1
		}
	}
`

// profiles are the profiles that most tests use. The others differ in modes only, which the corpus shows.
var profiles = []string{"hub", "rfc6749"}

// adapt turns a Caddyfile without its global options into the JSON configuration. Nothing outside of the test's own folder is read or written.
func adapt(t testing.TB, options, sites string) []byte {
	t.Helper()
	if !strings.Contains(options, "log ") {
		options += "\nlog {\n\toutput discard\n}\n"
	}
	if !strings.Contains(options, "auto_https") {
		options += "auto_https off\n"
	}
	text := fmt.Sprintf("{\n\tadmin off\n\tpersist_config off\n\tgrace_period 3s\n\tstorage file_system %s\n%s\n}\n%s",
		storageFolder(t), options, sites)
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("the Caddyfile is not valid: %v\n%s", err, text)
	}
	for _, warning := range warnings {
		if !strings.Contains(warning.Message, "not formatted") {
			t.Errorf("adapting the Caddyfile warns: %s", warning)
		}
	}
	return config
}

func storageFolder(t testing.TB) string {
	t.Helper()
	folder := filepath.Join(os.TempDir(), "oauth-guard-integration-storage", fmt.Sprint(os.Getpid()))
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// load runs Caddy with a Caddyfile until the end of the test.
func load(t testing.TB, options, sites string) {
	t.Helper()
	if err := caddy.Load(adapt(t, options, sites), true); err != nil {
		t.Fatalf("Caddy does not start: %v", err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("Caddy does not stop: %v", err)
		}
	})
}

// logTo is the global option that writes the log of Caddy to a file as JSON, without that of requests, which is Caddy's own.
func logTo(file, level string) string {
	return "log {\noutput file " + file + " {\nroll_disabled\n}\nformat json\nlevel " + level + "\nexclude http.log http.handlers.reverse_proxy\n}\n"
}

// givenAddresses are the addresses that freeAddress returned.
var givenAddresses sync.Map

// freeAddress returns an address on the loopback that nobody listens on. It stays below the ports that systems give to outgoing connections, so that the
// connections of other tests cannot take it away.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 200 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if _, taken := givenAddresses.LoadOrStore(address, true); taken {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close()
			return address
		}
	}
	t.Fatal("no free port found")
	return ""
}

// site is one site of a Caddyfile, for every host on one address.
func site(address, directives string) string {
	_, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n%s\n}\n", port, directives)
}

// guard is the directive with the given lines.
func guard(lines string) string { return "oauth_guard {\n" + lines + "\n}\n" }

// pair is a guarded site and its twin without the guard, in front of one upstream.
type pair struct {
	guarded, twin string
	upstream      *upstream
}

// newPair runs Caddy with a guarded site and its twin.
func newPair(t testing.TB, guardLines string) *pair {
	t.Helper()
	p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
	load(t, "", site(p.guarded, guard(guardLines)+p.upstream.proxy())+site(p.twin, p.upstream.proxy()))
	return p
}

// profilePair is a pair with the usual endpoints and clients.
func profilePair(t testing.TB, profile, moreLines string) *pair {
	t.Helper()
	return newPair(t, "profile "+profile+"\n"+endpointLines+clientLines+moreLines)
}

// refused sends a request to the guarded site, and fails unless the upstream stays untouched.
func (p *pair) refused(t testing.TB, raw string) answer {
	t.Helper()
	return p.refusedBy(t, func(address string) answer { return send(t, address, raw) })
}

// refusedBy is refused for requests that a function sends to an address.
func (p *pair) refusedBy(t testing.TB, request func(address string) answer) answer {
	t.Helper()
	p.upstream.take()
	got := request(p.guarded)
	if arrived := p.upstream.take(); len(arrived) > 0 {
		t.Errorf("the upstream received a request that must be refused (answer %d): %q", got.status, arrived[0].head)
	}
	if got.status < 300 {
		t.Errorf("status %d, want a refusal", got.status)
	}
	return got
}

// passes sends a request to the guarded site and to the twin, and fails unless the upstream receives the same bytes from both.
func (p *pair) passes(t testing.TB, raw string) exchange {
	t.Helper()
	return p.passesBy(t, func(address string) answer { return send(t, address, raw) })
}

// passesBy is passes for requests that a function sends to an address.
func (p *pair) passesBy(t testing.TB, request func(address string) answer) exchange {
	t.Helper()
	guarded, twin := p.both(t, request)
	compare(t, guarded, twin)
	return guarded
}

// both delivers a request through the guarded site and through the twin.
func (p *pair) both(t testing.TB, request func(address string) answer) (guarded, twin exchange) {
	t.Helper()
	p.upstream.take()
	got := request(p.guarded)
	fromGuarded := p.upstream.take()
	bare := request(p.twin)
	fromTwin := p.upstream.take()
	if len(fromTwin) != 1 {
		t.Fatalf("the twin delivered %d requests (answer %d); the request cannot be compared", len(fromTwin), bare.status)
	}
	if len(fromGuarded) != 1 {
		t.Fatalf("the upstream received %d requests, want 1; the guard answered %d: %s", len(fromGuarded), got.status, got.body)
	}
	if got.status != bare.status {
		t.Errorf("the client received status %d, from the twin %d", got.status, bare.status)
	}
	return fromGuarded[0], fromTwin[0]
}

// compare fails unless two requests are the same, byte by byte. How a transport cuts a chunked body into chunks is not compared.
func compare(t testing.TB, guarded, twin exchange) {
	t.Helper()
	if guarded.head != twin.head {
		t.Errorf("the head differs:\nguarded %q\ntwin    %q", guarded.head, twin.head)
	}
	if guarded.body != twin.body {
		t.Errorf("the body differs:\nguarded %q\ntwin    %q", guarded.body, twin.body)
	}
	if guarded.trailer != twin.trailer {
		t.Errorf("the trailers differ:\nguarded %q\ntwin    %q", guarded.trailer, twin.trailer)
	}
}
