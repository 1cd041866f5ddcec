package osin_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openshift/osin"

	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// layout says where the endpoints of an authorization server are, and which scope its clients ask for.
type layout struct {
	authorize, token, info string
	scope                  string
}

// endpointOf names the endpoint of a path as the guard does.
func (l layout) endpointOf(path string) string {
	return map[string]string{l.authorize: "authorize", l.token: "token", l.info: "resource"}[path]
}

// The clients that every server knows.
const (
	clientID     = "1234"
	clientSecret = "aabbccdd"
	// publicID is a client with an empty secret.
	publicID = "native"
)

// authorizationServer is an osin server on a port of its own, which notes every request that arrives, whatever its path.
type authorizationServer struct {
	*httptest.Server
	layout layout
	osin   *osin.Server

	mutex    sync.Mutex
	storage  *upstream.OsinStorage
	arrivals []arrival
	// names replaces what is random by what it is, so that two runs can be compared.
	names map[string]string
}

// arrival is one request as the server received it.
type arrival struct {
	path string
	// text is the request line, the header fields in the order of their names, and the body.
	text string
}

// newAuthorizationServer starts a server until the end of the test.
func newAuthorizationServer(t *testing.T, where layout, redirectURI string) *authorizationServer {
	t.Helper()
	s := &authorizationServer{layout: where, names: map[string]string{}, storage: upstream.NewOsinStorage([]upstream.Client{
		{ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURI}}, {ID: publicID, RedirectURIs: []string{redirectURI}},
	})}
	config := osin.NewServerConfig()
	config.AllowedAuthorizeTypes = osin.AllowedAuthorizeType{osin.CODE, osin.TOKEN}
	config.AllowedAccessTypes = osin.AllowedAccessType{osin.AUTHORIZATION_CODE, osin.REFRESH_TOKEN, osin.CLIENT_CREDENTIALS}
	config.AllowGetAccessRequest = true
	config.AllowClientSecretInParams = true
	s.osin = osin.NewServer(config, s.storage)
	s.osin.AuthorizeTokenGen = namedCodes{s.osin.AuthorizeTokenGen, s}
	s.osin.AccessTokenGen = namedTokens{s.osin.AccessTokenGen, s}
	mux := http.NewServeMux()
	mux.HandleFunc(where.authorize, s.authorize)
	mux.HandleFunc(where.token, s.token)
	mux.HandleFunc(where.info, s.info)
	s.Server = httptest.NewServer(s.note(mux))
	t.Cleanup(s.Close)
	return s
}

// note keeps each request before it is served.
func (s *authorizationServer) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		text := fmt.Sprintf("%s %s %s\nHost: %s\n", r.Method, r.RequestURI, r.Proto, r.Host)
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			text += fmt.Sprintf("%s: %q\n", name, r.Header[name])
		}
		s.mutex.Lock()
		s.arrivals = append(s.arrivals, arrival{r.URL.Path, text + fmt.Sprintf("%d bytes\n%s", r.ContentLength, body)})
		s.mutex.Unlock()
		next.ServeHTTP(w, r)
	})
}

// reset forgets all requests, codes and tokens.
func (s *authorizationServer) reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.arrivals, s.names = nil, map[string]string{}
	s.storage.Reset()
}

// arrived returns the requests since the last reset.
func (s *authorizationServer) arrived() []arrival {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.arrivals)
}

// name remembers that a random value is for example the second code.
func (s *authorizationServer) name(kind, value string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	number := 1
	for _, name := range s.names {
		if strings.HasPrefix(name, "<"+kind+" ") {
			number++
		}
	}
	s.names[value] = fmt.Sprintf("<%s %d>", kind, number)
	return value
}

// anonymize replaces all random values in a text by their names.
func (s *authorizationServer) anonymize(text string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for value, name := range s.names {
		text = strings.ReplaceAll(text, value, name)
	}
	return text
}

// namedCodes are osin's own codes.
type namedCodes struct {
	osin.AuthorizeTokenGen
	server *authorizationServer
}

// GenerateAuthorizeToken implements [osin.AuthorizeTokenGen].
func (n namedCodes) GenerateAuthorizeToken(data *osin.AuthorizeData) (string, error) {
	code, err := n.AuthorizeTokenGen.GenerateAuthorizeToken(data)
	return n.server.name("code", code), err
}

// namedTokens are osin's own tokens.
type namedTokens struct {
	osin.AccessTokenGen
	server *authorizationServer
}

// GenerateAccessToken implements [osin.AccessTokenGen].
func (n namedTokens) GenerateAccessToken(data *osin.AccessData, refreshable bool) (access, refresh string, err error) {
	access, refresh, err = n.AccessTokenGen.GenerateAccessToken(data, refreshable)
	n.server.name("access token", access)
	if refreshable {
		n.server.name("refresh token", refresh)
	}
	return access, refresh, err
}

// loginCookie binds the login form to the browser that asked for it.
const loginCookie = "login"

// authorize shows a login form that is posted to the authorize path again: the parameters of the request stay in the query, and the body only holds what the user
// wrote. That is how the examples of osin do it.
func (s *authorizationServer) authorize(w http.ResponseWriter, r *http.Request) {
	response := s.osin.NewResponse()
	defer response.Close()
	if request := s.osin.HandleAuthorizeRequest(response, r); request != nil {
		cookie, err := r.Cookie(loginCookie)
		same := r.Method == http.MethodPost && err == nil && cookie.Value == r.PostFormValue("login_id")
		switch {
		case same && r.PostFormValue("deny") != "":
		case same && r.PostFormValue("login") == "test" && r.PostFormValue("password") == "test":
			request.Authorized = true
		default:
			s.loginForm(w, r, request)
			return
		}
		s.osin.FinishAuthorizeRequest(response, r, request)
	}
	_ = osin.OutputJSON(response, w, r)
}

// loginForm writes the form.
func (s *authorizationServer) loginForm(w http.ResponseWriter, r *http.Request, request *osin.AuthorizeRequest) {
	id := s.name("login", rand.Text())
	http.SetCookie(w, &http.Cookie{Name: loginCookie, Value: id, Path: s.layout.authorize, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><title>Login</title><p>Login for %s</p><form action="%s" method="POST">`+
		`<input type="hidden" name="login_id" value="%s"><input name="login"><input type="password" name="password"><button>Log in</button></form>`,
		html.EscapeString(request.Client.GetId()), html.EscapeString(s.layout.authorize+"?"+r.URL.RawQuery), id)
}

// token grants whatever osin itself finds nothing wrong with.
func (s *authorizationServer) token(w http.ResponseWriter, r *http.Request) {
	response := s.osin.NewResponse()
	defer response.Close()
	if request := s.osin.HandleAccessRequest(response, r); request != nil {
		request.Authorized = true
		s.osin.FinishAccessRequest(response, r, request)
	}
	_ = osin.OutputJSON(response, w, r)
}

// info tells the bearer of a token about it.
func (s *authorizationServer) info(w http.ResponseWriter, r *http.Request) {
	response := s.osin.NewResponse()
	defer response.Close()
	if request := s.osin.HandleInfoRequest(response, r); request != nil {
		s.osin.FinishInfoRequest(response, r, request)
		// What is left of its time depends on the clock.
		delete(response.Output, "expires_in")
	}
	_ = osin.OutputJSON(response, w, r)
}
