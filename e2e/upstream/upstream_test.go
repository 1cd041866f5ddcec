package upstream_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	redirectURI = "https://app.example/cb"
	origin      = "https://app.example"
)

// user has the shortest possible name and password, which no server may find too short.
var user = upstream.User{Login: "a", Password: "b"}

// grants is everything that a client may do anywhere.
var grants = []string{
	"authorization_code", "refresh_token", "client_credentials", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code",
}

// The clients that every server knows.
var (
	basic = upstream.Client{
		ID: "basic-client", Secret: "s3cret", AuthMethod: "client_secret_basic", RedirectURIs: []string{redirectURI, "https://app.example/second"},
		GrantTypes: grants, ResponseTypes: []string{"code", "token"},
	}
	posting = upstream.Client{
		ID: "posting-client", Secret: "s3cret", AuthMethod: "client_secret_post", RedirectURIs: []string{redirectURI},
		GrantTypes: grants, ResponseTypes: []string{"code", "token"},
	}
	public = upstream.Client{
		ID: "public-client", AuthMethod: "none", RedirectURIs: []string{redirectURI, "http://127.0.0.1:8401/cb", "com.example.app:/cb"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}
	// machine has no user.
	machine = upstream.Client{
		ID: "machine", Secret: "s3cret", AuthMethod: "client_secret_basic", GrantTypes: []string{"client_credentials"},
	}
	// unacceptable has a redirect URI that not every server takes, which must not keep it from starting.
	unacceptable = upstream.Client{
		ID: "unacceptable", Secret: "s3cret", AuthMethod: "client_secret_basic", RedirectURIs: []string{"javascript:alert(1)", "/relative"},
		GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
	}
)

// stage is a server with two instances, each behind a proxy.
type stage struct {
	kind    upstream.Kind
	server  *upstream.Server
	proxies []*httptest.Server
}

// start starts a server until the end of the test, behind proxies without a guard.
func start(t *testing.T, kind upstream.Kind) stage {
	t.Helper()
	const instances = 2
	var issuers []string
	var proxies []*httptest.Server
	targets := make([]*url.URL, instances)
	for i := range instances {
		proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.SetURL(targets[i])
			r.Out.Host = r.In.Host
		}})
		t.Cleanup(proxy.Close)
		issuers, proxies = append(issuers, proxy.URL), append(proxies, proxy)
	}
	server, err := kind.Start(upstream.Config{
		Issuers: issuers, Clients: []upstream.Client{basic, posting, public, machine, unacceptable}, User: user, Origins: []string{origin}, Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, address := range server.Addresses {
		targets[i] = &url.URL{Scheme: "http", Host: address}
	}
	t.Cleanup(func() { stop(t, server) })
	return stage{kind, server, proxies}
}

// closes waits until nothing listens on an address, and reports whether that happens.
func closes(address string) bool {
	for range 100 {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return true
		}
		_ = connection.Close()
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// stop expects that a server still runs, that it ends, and that nothing of it stays behind.
func stop(t *testing.T, server *upstream.Server) {
	t.Helper()
	if err := server.Alive(); err != nil {
		t.Errorf("the server did not survive: %v", err)
	}
	if err := server.Stop(); err != nil {
		t.Errorf("the server does not stop: %v", err)
	}
	if server.Alive() == nil {
		t.Error("a stopped server says that it is alive")
	}
	for _, address := range server.Addresses {
		// An instance that is a process of its own may end a moment after the program that started it.
		if !closes(address) {
			t.Errorf("something still listens on %s", address)
		}
	}
}

// session is a new user in front of an instance.
func (s stage) session(instance int) *upstream.Session {
	proxy := s.proxies[instance]
	return upstream.NewSession(s.kind, proxy.URL, user, proxy.Client().Transport)
}

// checks are done with every kind of server.
var checks = []struct {
	name string
	run  func(t *testing.T, s stage)
}{
	{"offers", checkOffers},
	{"redirect URIs", checkRedirectURIs},
	{"wrong password", checkWrongPassword},
	{"instances", checkInstances},
	{"cross origin", checkCrossOrigin},
	{"discovery", checkDiscovery},
}

func TestKinds(t *testing.T) {
	for _, kind := range upstream.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := start(t, kind)
			if !regexp.MustCompile(`^\S+ [0-9]+\.[0-9]+\.[0-9]+ \([\w. ]+\)$`).MatchString(kind.Title) {
				t.Errorf("the title is %q", kind.Title)
			}
			for _, check := range checks {
				t.Run(check.name, func(t *testing.T) { check.run(t, s) })
			}
		})
	}
}

// refused says whether an error is the server's.
func refused(err error) bool { return errors.As(err, new(*upstream.Refusal)) }

// checkOffers expects that a server does what it offers, and nothing else.
func checkOffers(t *testing.T, s stage) {
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			for _, client := range f.clients {
				err := f.run(s.session(0), client)
				switch {
				case s.kind.Offer(f.name) && err != nil:
					t.Errorf("%s: %v", client.ID, err)
				case !s.kind.Offer(f.name) && !refused(err):
					t.Errorf("%s: not offered, but the result is %v", client.ID, err)
				}
			}
		})
	}
	for _, name := range s.kind.Offers {
		if !slices.ContainsFunc(flows, func(f flow) bool { return f.name == name }) {
			t.Errorf("nothing tries %q", name)
		}
	}
}

// checkRedirectURIs expects that every registered redirect URI receives a code.
func checkRedirectURIs(t *testing.T, s stage) {
	for _, client := range []upstream.Client{basic, posting, public} {
		for _, uri := range client.RedirectURIs {
			if _, err := codeGrant(s.session(0), client, uri); err != nil {
				t.Errorf("%s: %v", uri, err)
			}
		}
	}
}

// checkWrongPassword expects that the password matters.
func checkWrongPassword(t *testing.T, s stage) {
	session := s.session(0)
	session.User.Password += "x"
	if code, err := session.Code(basic, redirectURI, "", ""); err == nil {
		t.Errorf("a user with a wrong password gets the code %s", code)
	}
	if err := passwordGrant(session, basic); !refused(err) {
		t.Errorf("a wrong password is answered with %v", err)
	}
}

// checkInstances expects that an instance does not know the tokens of another.
func checkInstances(t *testing.T, s stage) {
	token, err := codeGrant(s.session(0), basic, redirectURI)
	if err != nil {
		t.Fatal(err)
	}
	if owner, err := s.session(1).Resource(accessToken(token)); !refused(err) {
		t.Errorf("another instance answers %v, %v", owner, err)
	}
}

// checkCrossOrigin expects that a browser application can call what it needs, if its origin is known.
func checkCrossOrigin(t *testing.T, s stage) {
	session := s.session(0)
	paths := []string{s.kind.Paths.Token, s.kind.Paths.Resource}
	if s.kind.Offer(upstream.Revocation) {
		paths = append(paths, s.kind.Paths.Revocation)
	}
	for _, path := range paths {
		preflight, _ := http.NewRequest(http.MethodOptions, session.Issuer+path, nil)
		preflight.Header.Set("Access-Control-Request-Method", http.MethodPost)
		preflight.Header.Set("Access-Control-Request-Headers", "authorization")
		status, header := s.call(t, preflight, origin)
		if status/100 != 2 || header.Get("Access-Control-Allow-Origin") != origin || header.Get("Access-Control-Allow-Headers") != "authorization" {
			t.Errorf("%s: the preflight is answered with %d %v", path, status, header)
		}
	}
	for from, want := range map[string]string{origin: origin, "https://other.example": ""} {
		request, err := session.Request(s.kind.Paths.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"unknown"}}, basic)
		if err != nil {
			t.Fatal(err)
		}
		_, header := s.call(t, request, from)
		if got := header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("a token request from %s may be read by %q, want %q", from, got, want)
		}
	}
}

// checkDiscovery expects that an OpenID provider tells its endpoints as clients see them.
func checkDiscovery(t *testing.T, s stage) {
	request, _ := http.NewRequest(http.MethodGet, s.proxies[0].URL+"/.well-known/openid-configuration", nil)
	response, err := s.proxies[0].Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if !s.kind.OpenID {
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("discovery is answered with %d", response.StatusCode)
		}
		return
	}
	var got map[string]any
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"authorization_endpoint": s.kind.Paths.Authorize, "token_endpoint": s.kind.Paths.Token, "userinfo_endpoint": s.kind.Paths.Resource,
		"device_authorization_endpoint": s.kind.Paths.DeviceAuthorization, "introspection_endpoint": s.kind.Paths.Introspection,
		"revocation_endpoint": s.kind.Paths.Revocation, "pushed_authorization_request_endpoint": s.kind.Paths.PushedAuthorizationRequest,
	} {
		if want := s.proxies[0].URL + path; got[name] != want {
			t.Errorf("%s is %v, want %s", name, got[name], want)
		}
	}
}

// call sends a request from a page of an origin.
func (s stage) call(t *testing.T, request *http.Request, origin string) (status int, header http.Header) {
	t.Helper()
	request.Header.Set("Origin", origin)
	response, err := s.proxies[0].Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode, response.Header
}
