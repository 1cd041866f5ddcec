package upstream

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-oauth2/oauth2/v4"
	oautherrors "github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
)

// goOAuth2Paths are those of the example of go-oauth2.
var goOAuth2Paths = Paths{
	Authorize: "/oauth/authorize", Token: "/oauth/token", Resource: "/test", DeviceAuthorization: "/oauth/device",
	Introspection: "/oauth/introspect", Revocation: "/oauth/revoke", PushedAuthorizationRequest: "/oauth/par",
}

// GoOAuth2 is go-oauth2 as its example server uses it: it remembers the authorization request, sends the browser to a login page and on to a page that asks for
// consent, whose form is posted to the authorize path without any parameter.
func GoOAuth2() Kind {
	version, err := goVersion("github.com/go-oauth2/oauth2/v4")
	return Kind{
		Name: "go-oauth2", Title: title("go-oauth2", version, err, "Go"), Paths: goOAuth2Paths,
		Offers: []string{Code, Refresh, ClientCredentials, Password, Implicit},
		Scopes: []string{"read", "write"},
		start: func(config Config) (*Server, error) {
			return serve(config, func() http.Handler { return newGoOAuth2(config) })
		},
	}
}

// goOAuth2Server is one instance.
type goOAuth2Server struct {
	*server.Server
	user  User
	paths Paths

	mutex  sync.Mutex
	visits map[string]*visit
}

// visit is what the server remembers of a browser between two pages.
type visit struct {
	request url.Values
	user    string
}

// newGoOAuth2 knows the clients of a configuration.
func newGoOAuth2(config Config) http.Handler {
	manager := manage.NewDefaultManager()
	manager.SetAuthorizeCodeTokenCfg(manage.DefaultAuthorizeCodeTokenCfg)
	manager.MapTokenStorage(&goOAuth2Tokens{
		byCode: map[string]models.Token{}, byAccess: map[string]models.Token{}, byRefresh: map[string]models.Token{},
	})
	// The library knows one domain for each client. One with several is for the deployment to take apart.
	manager.SetValidateURIHandler(func(domains, redirectURI string) error {
		err := oautherrors.ErrInvalidRedirectURI
		for _, domain := range strings.Fields(domains) {
			if err = manage.DefaultValidateURI(domain, redirectURI); err == nil {
				break
			}
		}
		return err
	})
	clients := store.NewClientStore()
	for _, client := range config.Clients {
		_ = clients.Set(client.ID, &models.Client{
			ID: client.ID, Secret: client.Secret, Domain: strings.Join(client.RedirectURIs, " "), Public: client.AuthMethod == "none",
		})
	}
	manager.MapClientStorage(clients)
	s := &goOAuth2Server{Server: server.NewServer(server.NewConfig(), manager), user: config.User, paths: config.paths, visits: map[string]*visit{}}
	// The library has a function for either place of the credentials. A server with clients of both kinds needs both.
	s.SetClientInfoHandler(func(r *http.Request) (id, secret string, err error) {
		if _, _, sent := r.BasicAuth(); sent {
			return server.ClientBasicHandler(r)
		}
		return server.ClientFormHandler(r)
	})
	s.SetPasswordAuthorizationHandler(func(_ context.Context, _, login, password string) (string, error) {
		if s.user != (User{login, password}) {
			return "", errors.New("invalid username or password")
		}
		return login, nil
	})
	s.SetUserAuthorizationHandler(s.loggedIn)
	s.SetInternalErrorHandler(func(err error) *oautherrors.Response {
		_, _ = fmt.Fprintln(config.Log, "go-oauth2:", err)
		return nil
	})
	mux := http.NewServeMux()
	mux.HandleFunc(config.paths.Authorize, s.authorize)
	mux.HandleFunc(config.paths.Token, s.token)
	for _, path := range config.paths.resources() {
		mux.HandleFunc(path, s.resource)
	}
	mux.HandleFunc("/login", s.login)
	mux.HandleFunc("/auth", s.consent)
	return crossOrigin(config.Origins, append(config.paths.resources(), config.paths.Token), mux)
}

// visit finds what is known of a browser, by a cookie.
func (s *goOAuth2Server) visit(w http.ResponseWriter, r *http.Request) *visit {
	const name = "session"
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if cookie, err := r.Cookie(name); err == nil && s.visits[cookie.Value] != nil {
		return s.visits[cookie.Value]
	}
	id := rand.Text()
	s.visits[id] = new(visit)
	http.SetCookie(w, &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return s.visits[id]
}

// authorize lets the library answer a request, or the one before the login if this is the form of the consent page.
func (s *goOAuth2Server) authorize(w http.ResponseWriter, r *http.Request) {
	visit := s.visit(w, r)
	s.mutex.Lock()
	if r.Method == http.MethodPost && visit.request != nil {
		r.Form, visit.request = visit.request, nil
	}
	s.mutex.Unlock()
	if err := s.HandleAuthorizeRequest(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// loggedIn tells the library who the user is, once for each login. Without a login it sends the browser there.
func (s *goOAuth2Server) loggedIn(w http.ResponseWriter, r *http.Request) (user string, err error) {
	visit := s.visit(w, r)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if visit.user == "" {
		visit.request = r.Form
		http.Redirect(w, r, "/login", http.StatusFound)
	}
	user, visit.user = visit.user, ""
	return user, nil
}

// login is the login page.
func (s *goOAuth2Server) login(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		page(w, "Login", `<form action="/login" method="POST"><input name="login"><input type="password" name="password"><button type="submit">Log in</button></form>`)
	case s.user != User{r.PostFormValue("login"), r.PostFormValue("password")}:
		http.Error(w, "Invalid username or password", http.StatusUnauthorized)
	default:
		visit := s.visit(w, r)
		s.mutex.Lock()
		defer s.mutex.Unlock()
		visit.user = s.user.Login
		http.Redirect(w, r, "/auth", http.StatusFound)
	}
}

// consent is the page that asks for consent.
func (s *goOAuth2Server) consent(w http.ResponseWriter, _ *http.Request) {
	page(w, "Authorize", `<form action="`+html.EscapeString(s.paths.Authorize)+`" method="POST"><button type="submit">Allow</button></form>`)
}

// page writes a page.
func page(w http.ResponseWriter, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>`+title+`</title>`+body)
}

// token lets the library answer.
func (s *goOAuth2Server) token(w http.ResponseWriter, r *http.Request) {
	if err := s.HandleTokenRequest(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// resource tells the bearer of a token about it.
func (s *goOAuth2Server) resource(w http.ResponseWriter, r *http.Request) {
	token, err := s.ValidationBearerToken(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"expires_in": int64(time.Until(token.GetAccessCreateAt().Add(token.GetAccessExpiresIn())).Seconds()),
		"client_id":  token.GetClientID(), "sub": token.GetUserID(),
	})
}

// goOAuth2Tokens keeps codes and tokens in memory. The store of the library does that with a goroutine that never ends.
type goOAuth2Tokens struct {
	mutex                       sync.Mutex
	byCode, byAccess, byRefresh map[string]models.Token
}

// Create implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) Create(_ context.Context, info oauth2.TokenInfo) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	token := *info.(*models.Token)
	if code := info.GetCode(); code != "" {
		g.byCode[code] = token
		return nil
	}
	g.byAccess[info.GetAccess()] = token
	if refresh := info.GetRefresh(); refresh != "" {
		g.byRefresh[refresh] = token
	}
	return nil
}

// remove deletes a token.
func (g *goOAuth2Tokens) remove(from map[string]models.Token, key string) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	delete(from, key)
	return nil
}

// get finds a token. One that is not there is no error for the library.
func (g *goOAuth2Tokens) get(from map[string]models.Token, key string) (oauth2.TokenInfo, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	token, found := from[key]
	if !found {
		return nil, nil
	}
	return &token, nil
}

// RemoveByCode implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) RemoveByCode(_ context.Context, code string) error {
	return g.remove(g.byCode, code)
}

// RemoveByAccess implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) RemoveByAccess(_ context.Context, token string) error {
	return g.remove(g.byAccess, token)
}

// RemoveByRefresh implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) RemoveByRefresh(_ context.Context, token string) error {
	return g.remove(g.byRefresh, token)
}

// GetByCode implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) GetByCode(_ context.Context, code string) (oauth2.TokenInfo, error) {
	return g.get(g.byCode, code)
}

// GetByAccess implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) GetByAccess(_ context.Context, token string) (oauth2.TokenInfo, error) {
	return g.get(g.byAccess, token)
}

// GetByRefresh implements [oauth2.TokenStore].
func (g *goOAuth2Tokens) GetByRefresh(_ context.Context, token string) (oauth2.TokenInfo, error) {
	return g.get(g.byRefresh, token)
}
