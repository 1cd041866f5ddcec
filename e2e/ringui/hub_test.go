package ringui_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// The services that are registered in the Hub. Its own has a fixed identifier.
const (
	hubService = "0-0-0-0-0"
	wiki       = "6ab631e2-4d0f-4a2e-9a58-0c5be1f0b7c2"
	tracker    = "1f3a8a5e-58d1-4a4b-a1b1-5c06a0d1f0aa"
	desk       = "be561191-6f0d-4f5f-9e1b-7c1f9a3f2d10"
	// stranger is a service that somebody registered without being asked for more, as old Hubs allow.
	stranger = "c311a74e-98f1-44a5-8d3c-2b8f0e7a6c55"
)

// ann is the only person with an account.
var ann = browser.User{Login: "ann", Password: "correct horse"}

// annID is her identifier.
const annID = "1e31bb66-0d7c-4b4f-9a31-5f2a1c9b8e77"

// service is a registered client.
type service struct {
	id, key, name string
	redirectURIs  []string
	trusted       bool
	// implicit allows response_type=token, a switch of each client since Hub 2026.2.
	implicit bool
}

// record is the service in the REST interface.
func (s *service) record() map[string]any {
	return map[string]any{"id": s.id, "key": s.key, "name": s.name, "homeUrl": nil, "baseUrls": []string{}, "redirectUris": s.redirectURIs, "trusted": s.trusted}
}

// page is the page of all services in the REST interface.
func (h *hub) page() map[string]any {
	var records []any
	for _, id := range slices.Sorted(maps.Keys(h.services)) {
		records = append(records, h.services[id].record())
	}
	return map[string]any{"skip": 0, "top": 100, "total": len(records), "services": records}
}

// refusal is how the REST interface refuses a bad access token. Hub's way, and what proxies, gateways and older servers do.
type refusal struct {
	status    int
	error     string // of the JSON body; without it, there is no body
	challenge bool   // WWW-Authenticate
	hideCORS  bool   // other origins may not read the answer
}

// hubRefusal is Hub's own.
var hubRefusal = refusal{status: http.StatusUnauthorized, error: "invalid_token", challenge: true}

// hub is a server with the paths, parameters, tokens and errors of JetBrains Hub, mounted below /hub. Guests are banned.
type hub struct {
	server   *httptest.Server
	origin   string
	origins  []string
	services map[string]*service

	mutex    sync.Mutex
	sessions map[string]bool // by cookie
	tokens   map[string]bool // valid access tokens
	refusal  refusal
}

// startHub starts a Hub that browsers see at an origin, and that serves applications at others too.
func startHub(origin string, origins []string, bundle []byte) *hub {
	h := &hub{origin: origin, origins: origins, sessions: map[string]bool{}, tokens: map[string]bool{}, refusal: hubRefusal}
	at := func(name string) (uris []string) {
		for _, origin := range origins {
			uris = append(uris, origin+"/app/"+name+"/")
		}
		return uris
	}
	h.services = map[string]*service{
		hubService: {id: hubService, key: "hub", name: "Hub", trusted: true},
		wiki:       {id: wiki, key: "wiki", name: "Team Wiki", redirectURIs: at("wiki"), trusted: true, implicit: true},
		tracker:    {id: tracker, key: "youtrack", name: "YouTrack", trusted: true},
		desk:       {id: desk, key: "desk", name: "Help Desk", redirectURIs: at("desk"), trusted: true},
		stranger:   {id: stranger, key: "stranger", name: "Stranger", redirectURIs: at("stranger")},
	}
	mux := http.NewServeMux()
	serveApplications(mux, origin+"/hub", bundle)
	const rest = "/hub/api/rest/"
	mux.HandleFunc("GET "+rest+"oauth2/auth", h.authorize)
	mux.HandleFunc("GET /hub/auth/login", h.loginForm)
	mux.HandleFunc("POST "+rest+"oauth2/interactive/login", h.login)
	mux.HandleFunc(rest, h.rest)
	h.server = httptest.NewServer(mux)
	return h
}

// address is where Caddy finds the server.
func (h *hub) address() string {
	return strings.TrimPrefix(h.server.URL, "http://")
}

// forget makes all access tokens invalid, and chooses how they are refused from now on.
func (h *hub) forget(refusal refusal) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	clear(h.tokens)
	h.refusal = refusal
}

const sessionCookie = "hub.session"

// signedIn reports whether the browser has a session.
func (h *hub) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return err == nil && h.sessions[cookie.Value]
}

// authorize is the authorization endpoint. Errors before the redirect URI is known to belong to the service are pages.
func (h *hub) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	client := h.services[query.Get("client_id")]
	if client == nil || !slices.Contains(client.redirectURIs, query.Get("redirect_uri")) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `<!doctype html><title>Hub</title><h1>OAuth 2.0 Error - unauthorized client</h1>`)
		return
	}
	answer := func(parameters ...string) {
		values := url.Values{"state": {query.Get("state")}}
		for i := 0; i < len(parameters); i += 2 {
			values.Set(parameters[i], parameters[i+1])
		}
		// A fragment has %20 and not + for a blank.
		w.Header().Set("Location", query.Get("redirect_uri")+"#"+strings.ReplaceAll(values.Encode(), "+", "%20"))
		w.WriteHeader(http.StatusFound)
	}
	scopes, known := h.scopes(query.Get("scope"))
	switch credentials := query.Get("request_credentials"); {
	case query.Get("response_type") != "token":
		answer("error", "unsupported_response_type", "error_description", "Only token is supported")
	case !client.implicit:
		answer("error", "response_type_not_allowed", "error_description", "Implicit flow is not allowed for the service")
	case !known:
		answer("error", "invalid_scope", "error_description", "The scope does not match any registered service")
	case credentials != "required" && h.signedIn(r):
		answer("access_token", h.issue(client.id, scopes), "token_type", "Bearer", "expires_in", "3600", "scope", strings.Join(scopes, " "))
	case credentials == "silent":
		answer("error", "access_denied", "error_description", "Guest user is banned")
	default:
		w.Header().Set("Location", "/hub/auth/login?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusFound)
	}
}

// scopes are the services that a scope names by identifier, key or percent-encoded name.
func (h *hub) scopes(scope string) (ids []string, known bool) {
	for _, word := range strings.Fields(scope) {
		if name, err := url.PathUnescape(word); err == nil {
			for _, s := range h.services {
				if name == s.id || name == s.key || name == s.name {
					ids = append(ids, s.id)
				}
			}
		}
	}
	return ids, len(ids) > 0
}

// issue makes an access token as Hub does: its end in milliseconds, the client, the user and the scopes with blanks between them, and a signature.
func (h *hub) issue(client string, scopes []string) string {
	signature := make([]byte, 46)
	_, _ = rand.Read(signature) // never fails
	copy(signature, "\x30\x2c\x02\x14")
	token := fmt.Sprintf("%d.%s.%s.%s;1.%s", time.Now().Add(time.Hour).UnixMilli(), client, annID, strings.Join(scopes, " "),
		base64.StdEncoding.EncodeToString(signature))
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.tokens[token] = true
	return token
}

// loginForm is the page of the login form. It tells an application that has it in a frame, as Hub's does.
func (h *hub) loginForm(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Hub</title><link rel="icon" href="data:,"><h1>Log in to Hub</h1>
<form method="post" action="/hub/api/rest/oauth2/interactive/login?%s">
<label>Login <input name="username" autocomplete="username"></label>
<label>Password <input type="password" name="password" autocomplete="current-password"></label>
<label>Remember me <input type="checkbox" name="rememberMe"></label><button>Log in</button></form>
<script>if (parent !== window) parent.postMessage('HUB_AUTH_PAGE_OPENED', '*')</script>`, html.EscapeString(r.URL.RawQuery))
}

// login takes the login form, and goes back to the authorization endpoint.
func (h *hub) login(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("username") != ann.Login || r.PostFormValue("password") != ann.Password {
		http.Error(w, "Incorrect username or password", http.StatusForbidden)
		return
	}
	session := rand.Text()
	h.mutex.Lock()
	h.sessions[session] = true
	h.mutex.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: session, Path: "/hub", HttpOnly: true})
	query := r.URL.Query()
	query.Set("request_credentials", "default")
	w.Header().Set("Location", "/hub/api/rest/oauth2/auth?"+query.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// rest is the REST interface. Other origins use it by CORS.
func (h *hub) rest(w http.ResponseWriter, r *http.Request) {
	h.mutex.Lock()
	refusal := h.refusal
	bearer, presented := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	valid := h.tokens[bearer]
	h.mutex.Unlock()

	path := strings.TrimPrefix(r.URL.Path, "/hub/api/rest/")
	public := path == "settings/public" || path == "oauth2/interactive/login/settings"
	refused := r.Method != http.MethodOptions && !valid && (presented || !public)
	if origin := r.Header.Get("Origin"); slices.Contains(h.origins, origin) && (!refused || !refusal.hideCORS) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
		w.Header().Set("Access-Control-Max-Age", "600")
	}
	w.Header().Set("Vary", "Origin")
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
	case refused:
		h.refuse(w, refusal)
	case path == "users/me":
		write(w, http.StatusOK, map[string]any{"id": annID, "login": ann.Login, "name": "Ann", "guest": false})
	case path == "services" && r.Method == http.MethodPost:
		var sent map[string]any
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			write(w, http.StatusBadRequest, errorBody(http.StatusBadRequest, "bad_request", err.Error()))
			return
		}
		write(w, http.StatusOK, sent)
	case path == "services":
		write(w, http.StatusOK, h.page())
	case public:
		write(w, http.StatusOK, map[string]any{"id": "public"})
	default:
		write(w, http.StatusNotFound, errorBody(http.StatusNotFound, "not_found", "No such resource"))
	}
}

// refuse answers a request with a bad access token.
func (h *hub) refuse(w http.ResponseWriter, refusal refusal) {
	if refusal.challenge {
		w.Header().Set("WWW-Authenticate", `Bearer realm="Hub", error="invalid_token"`)
	}
	if refusal.error == "" {
		w.WriteHeader(refusal.status)
		return
	}
	write(w, refusal.status, errorBody(refusal.status, refusal.error, "The access token is not valid"))
}

// errorBody is an error as Hub writes it.
func errorBody(status int, code, description string) map[string]any {
	return map[string]any{"error": code, "error_description": description, "error_code": status, "error_developer_message": description}
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
