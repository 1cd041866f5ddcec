package upstream

import (
	"fmt"
	"html"
	"net/http"

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
	settings.RedirectUriSeparator = osinSeparator
	s := &osinServer{Server: osin.NewServer(settings, NewOsinStorage(config.Clients)), paths: config.paths, user: config.User}
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
