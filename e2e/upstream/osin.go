package upstream

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync"

	"github.com/openshift/osin"
)

// osinPaths are those of the examples of osin.
var osinPaths = Paths{
	Authorize: "/authorize", Token: "/token", Resource: "/info", DeviceAuthorization: "/device",
	Introspection: "/introspect", Revocation: "/revoke", PushedAuthorizationRequest: "/par",
}

// Osin is osin as its example "complete" uses it: errors at the token endpoint have the status 200, requests there may use GET, and the login form is posted to the
// authorize path.
func Osin() Kind {
	version, err := goVersion("github.com/openshift/osin")
	return Kind{
		Name: "osin", Title: title("osin", version, err, "Go"), Paths: osinPaths,
		Offers: []string{Code, Refresh, ClientCredentials, Password, Implicit},
		Scopes: []string{"read", "write"},
		start: func(config Config) (*Server, error) {
			return serve(config, func() http.Handler { return newOsin(config) })
		},
		emptySecret: true,
	}
}

// osinServer is one instance.
type osinServer struct {
	*osin.Server
	paths Paths
	user  User
}

// newOsin knows the clients of a configuration.
func newOsin(config Config) http.Handler {
	settings := osin.NewServerConfig()
	settings.AllowedAuthorizeTypes = osin.AllowedAuthorizeType{osin.CODE, osin.TOKEN}
	settings.AllowedAccessTypes = osin.AllowedAccessType{osin.AUTHORIZATION_CODE, osin.REFRESH_TOKEN, osin.PASSWORD, osin.CLIENT_CREDENTIALS}
	settings.AllowGetAccessRequest = true
	settings.AllowClientSecretInParams = true
	settings.RedirectUriSeparator = " "
	storage := &osinStorage{
		clients: map[string]osin.Client{}, codes: map[string]*osin.AuthorizeData{},
		access: map[string]*osin.AccessData{}, refresh: map[string]*osin.AccessData{},
	}
	for _, client := range config.Clients {
		if len(client.RedirectURIs) == 0 {
			// To osin, a client without a redirect URI has no rights, not even one that needs none.
			client.RedirectURIs = []string{"https://client.invalid/"}
		}
		storage.clients[client.ID] = &osin.DefaultClient{
			Id: client.ID, Secret: client.Secret, RedirectUri: strings.Join(client.RedirectURIs, settings.RedirectUriSeparator),
		}
	}
	s := &osinServer{Server: osin.NewServer(settings, storage), paths: config.paths, user: config.User}
	mux := http.NewServeMux()
	mux.HandleFunc(s.paths.Authorize, s.authorize)
	mux.HandleFunc(s.paths.Token, s.token)
	for _, path := range s.paths.resources() {
		mux.HandleFunc(path, s.info)
	}
	return crossOrigin(config.Origins, append(s.paths.resources(), s.paths.Token), mux)
}

// authorize shows a login form that is posted to the authorize path again: the parameters of the request stay in the query, and the body only holds what the user
// wrote. That is how the examples of osin do it.
func (s *osinServer) authorize(w http.ResponseWriter, r *http.Request) {
	response := s.NewResponse()
	defer response.Close()
	if request := s.HandleAuthorizeRequest(response, r); request != nil {
		post := r.Method == http.MethodPost
		switch {
		case post && r.PostFormValue("deny") != "":
		case post && s.user == User{r.PostFormValue("login"), r.PostFormValue("password")}:
			request.Authorized, request.UserData = true, s.user.Login
		default:
			s.loginForm(w, r, request)
			return
		}
		s.FinishAuthorizeRequest(response, r, request)
	}
	_ = osin.OutputJSON(response, w, r)
}

// loginForm writes the form.
func (s *osinServer) loginForm(w http.ResponseWriter, r *http.Request, request *osin.AuthorizeRequest) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Login</title><p>Login for %s</p><form action="%s" method="POST">`+
		`<input name="login"><input type="password" name="password"><button>Log in</button><button name="deny" value="yes">Cancel</button></form>`,
		html.EscapeString(request.Client.GetId()), html.EscapeString(s.paths.Authorize+"?"+r.URL.RawQuery))
}

// token grants whatever osin itself finds nothing wrong with; only the user's password is not its business.
func (s *osinServer) token(w http.ResponseWriter, r *http.Request) {
	response := s.NewResponse()
	defer response.Close()
	if request := s.HandleAccessRequest(response, r); request != nil {
		request.Authorized = true
		if request.Type == osin.PASSWORD {
			request.Authorized = s.user == User{request.Username, request.Password}
			request.UserData = s.user.Login
		}
		s.FinishAccessRequest(response, r, request)
	}
	_ = osin.OutputJSON(response, w, r)
}

// info tells the bearer of a token about it.
func (s *osinServer) info(w http.ResponseWriter, r *http.Request) {
	response := s.NewResponse()
	defer response.Close()
	if request := s.HandleInfoRequest(response, r); request != nil {
		s.FinishInfoRequest(response, r, request)
		response.Output["sub"] = request.AccessData.UserData
	}
	_ = osin.OutputJSON(response, w, r)
}

// osinStorage keeps clients, codes and tokens in memory.
type osinStorage struct {
	clients map[string]osin.Client

	mutex   sync.Mutex
	codes   map[string]*osin.AuthorizeData
	access  map[string]*osin.AccessData
	refresh map[string]*osin.AccessData
}

// load looks a value up.
func load[V any](s *osinStorage, values map[string]V, key string) (V, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, found := values[key]
	if !found {
		return value, osin.ErrNotFound
	}
	return value, nil
}

// remove deletes a value.
func remove[V any](s *osinStorage, values map[string]V, key string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(values, key)
	return nil
}

// Clone implements [osin.Storage].
func (s *osinStorage) Clone() osin.Storage { return s }

// Close implements [osin.Storage].
func (s *osinStorage) Close() {}

// GetClient implements [osin.Storage].
func (s *osinStorage) GetClient(id string) (osin.Client, error) { return load(s, s.clients, id) }

// SaveAuthorize implements [osin.Storage].
func (s *osinStorage) SaveAuthorize(data *osin.AuthorizeData) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.codes[data.Code] = data
	return nil
}

// LoadAuthorize implements [osin.Storage].
func (s *osinStorage) LoadAuthorize(code string) (*osin.AuthorizeData, error) {
	return load(s, s.codes, code)
}

// RemoveAuthorize implements [osin.Storage].
func (s *osinStorage) RemoveAuthorize(code string) error { return remove(s, s.codes, code) }

// SaveAccess implements [osin.Storage].
func (s *osinStorage) SaveAccess(data *osin.AccessData) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.access[data.AccessToken] = data
	if data.RefreshToken != "" {
		s.refresh[data.RefreshToken] = data
	}
	return nil
}

// LoadAccess implements [osin.Storage].
func (s *osinStorage) LoadAccess(token string) (*osin.AccessData, error) {
	return load(s, s.access, token)
}

// RemoveAccess implements [osin.Storage].
func (s *osinStorage) RemoveAccess(token string) error { return remove(s, s.access, token) }

// LoadRefresh implements [osin.Storage].
func (s *osinStorage) LoadRefresh(token string) (*osin.AccessData, error) {
	return load(s, s.refresh, token)
}

// RemoveRefresh implements [osin.Storage].
func (s *osinStorage) RemoveRefresh(token string) error { return remove(s, s.refresh, token) }
