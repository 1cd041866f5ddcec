package hubtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const restPath = "/api/rest"

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// call is one request.
type call struct {
	*Server
	w          http.ResponseWriter
	r          *http.Request
	query      url.Values
	kind       Kind
	id, sub    string
	permission Permission
	known      bool
	faults     map[FaultKind]Fault
	// posted is the body.
	posted []byte
}

// status notes the status that was sent.
type status struct {
	http.ResponseWriter
	sent int
}

func (s *status) WriteHeader(code int) {
	s.sent = cmp.Or(s.sent, code)
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(data []byte) (int, error) {
	s.sent = cmp.Or(s.sent, http.StatusOK)
	return s.ResponseWriter.Write(data)
}

func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *Server) serveHub(w http.ResponseWriter, r *http.Request) {
	noted := &status{ResponseWriter: w}
	c := &call{Server: s, w: noted, r: r, query: r.URL.Query()}
	path, below := strings.CutPrefix(r.URL.Path, s.config.Path)
	if redirected, found := strings.CutPrefix(path, "/elsewhere"); found {
		path = strings.TrimPrefix(redirected, s.config.Path)
		s.mutex.Lock()
		s.counts.Redirected++
		s.mutex.Unlock()
	}
	c.kind, c.id, c.sub = classify(r.Method, path)
	if !below {
		c.kind = Other
	}
	s.mutex.Lock()
	c.permission, c.known = s.permission(r.Header.Get("Authorization"))
	c.faults = s.misbehaves(c.kind)
	released := s.released
	s.mutex.Unlock()
	defer func() {
		request := Request{
			Time: time.Now(), Method: r.Method, Kind: c.kind, ID: c.id, URI: r.URL.RequestURI(),
			Permission: c.permission, Token: r.Header.Get("Authorization") != "", Status: noted.sent,
		}
		s.note(request, c.query)
	}()
	if fault, slow := c.faults[Slow]; slow {
		select {
		case <-time.After(cmp.Or(time.Duration(fault.Delay), time.Second)):
		case <-released:
		}
	}
	if fault, drips := c.faults[Drip]; drips {
		c.w = drip{ResponseWriter: noted, delay: cmp.Or(time.Duration(fault.Delay), 10*time.Millisecond)}
	}
	for _, kind := range FaultKinds {
		if answer := answerFaults[kind]; answer != nil {
			if fault, befalls := c.faults[kind]; befalls {
				answer(s, c.w, r, fault, released)
				return
			}
		}
	}
	if r.Method == http.MethodPost {
		c.posted, _ = io.ReadAll(io.LimitReader(r.Body, 1<<20))
		s.keep(c.kind, c.id, c.posted)
	}
	c.answer()
}

// permission is what a request may do; known is false for a token that is not.
func (s *Server) permission(authorization string) (Permission, bool) {
	if authorization == "" {
		return s.config.Anonymous, true
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if strings.EqualFold(scheme, "Basic") {
		decoded, _ := base64.StdEncoding.DecodeString(token)
		token = string(decoded)
	} else if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	permission, known := s.tokens[token]
	return permission, known
}

// classify says what a request is about, with the ID of the service and that of what lies below it.
func classify(method, path string) (kind Kind, id, sub string) {
	switch path {
	case "/.well-known/openid-configuration", restPath + "/oauth2/.well-known/openid-configuration":
		return Metadata, "", ""
	case restPath + "/oauth2/keys":
		return Keys, "", ""
	case restPath + "/oauth2/auth":
		return Authorize, "", ""
	case restPath + "/oauth2/token":
		return Token, "", ""
	case restPath + "/oauth2/userinfo":
		return Userinfo, "", ""
	case restPath + "/settings/public":
		return Settings, "", ""
	case restPath + "/users/me":
		return Me, "", ""
	case restPath + "/services":
		if method == http.MethodPost {
			return Register, "", ""
		}
		return List, "", ""
	}
	rest, below := strings.CutPrefix(path, restPath+"/services/")
	if !below {
		return Other, "", ""
	}
	id, rest, deeper := strings.Cut(rest, "/")
	switch {
	case !deeper && method == http.MethodPost:
		return Update, id, ""
	case !deeper && method == http.MethodDelete:
		return Delete, id, ""
	case !deeper:
		return Single, id, ""
	}
	rest, below = strings.CutPrefix(rest, "untrustedredirecturis")
	sub, vote, votes := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case !below:
		return Other, id, ""
	case votes && (vote == "accept" || strings.HasSuffix(vote, "reject")):
		return UntrustedVote, id, sub
	case sub != "":
		return UntrustedGet, id, sub
	case method == http.MethodPost:
		return UntrustedAdd, id, ""
	}
	return UntrustedList, id, ""
}

func (c *call) answer() {
	switch c.kind {
	case Metadata:
		c.metadata()
	case Keys:
		c.keys()
	case Settings:
		c.object(map[string]any{"type": "settings", "id": "public"})
	case Me:
		c.me()
	case Authorize, Token, Userinfo:
		c.oauth()
	case Register:
		c.register()
	case Other:
		fail(c.w, http.StatusNotFound, "no such resource")
	default:
		if c.allowed() {
			c.services()
		}
	}
}

// allowed makes sure that the registry may be seen.
func (c *call) allowed() bool {
	switch {
	case !c.known:
		fail(c.w, http.StatusUnauthorized, "Unknown or expired token")
	case c.permission == "" && c.r.Header.Get("Authorization") == "":
		fail(c.w, http.StatusUnauthorized, "Not logged in")
	case c.permission != ReadSome && c.permission != ReadAll && c.permission != Write:
		fail(c.w, http.StatusForbidden, "Requester has no access to the requested resource")
	default:
		return true
	}
	return false
}

func (c *call) services() {
	if c.kind == List {
		c.list()
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	service := c.find(c.id)
	if c.id == "me" && len(c.Server.services) > 0 {
		service = c.Server.services[0]
	}
	switch {
	case service == nil:
		fail(c.w, http.StatusNotFound, "Service with id "+c.id+" not found")
	case service.Restricted && c.permission == ReadSome:
		fail(c.w, cmp.Or(c.config.HiddenStatus, http.StatusForbidden), "No access to the service "+c.id)
	case c.kind == Single:
		c.object(service.object(c.config.OmitEmpty))
	case c.kind == UntrustedList:
		c.untrustedList(service)
	case c.kind == UntrustedGet:
		c.untrustedGet(service)
	case c.permission != Write:
		fail(c.w, http.StatusForbidden, "Requester may not update the service")
	case c.kind == Delete:
		c.remove(service.ID)
		c.w.WriteHeader(http.StatusOK)
	case c.kind == Update:
		c.update(service)
	case c.kind == UntrustedAdd:
		c.untrustedAdd(service)
	case c.kind == UntrustedVote:
		c.untrustedVote(service)
	}
}

// list sends a page of services.
func (c *call) list() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	services := slices.Clone(c.Server.services)
	counted := len(services)
	if c.permission == ReadSome {
		services = slices.DeleteFunc(services, func(s *Service) bool { return s.Restricted })
	}
	if query := c.query.Get("query"); query != "" {
		var err error
		if services, err = filter(services, query); err != nil {
			fail(c.w, http.StatusBadRequest, err.Error())
			return
		}
	}
	if by := c.query.Get("orderBy"); by != "" {
		if err := order(services, by); err != nil {
			fail(c.w, http.StatusBadRequest, err.Error())
			return
		}
	}
	if _, shuffled := c.faults[Shuffling]; shuffled {
		slices.Reverse(services)
		if turn := c.counts.Pages % max(1, len(services)); turn > 0 {
			services = slices.Concat(services[turn:], services[:turn])
		}
	}
	if !c.config.CountHidden {
		counted = len(services)
	}
	skip, top, err := c.page()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	from := min(skip, len(services))
	to := len(services)
	if top >= 0 {
		to = min(from+top, len(services))
	}
	asked, err := c.fields()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	list := make([]any, 0, to-from)
	for _, service := range services[from:to] {
		list = append(list, choose(service.object(c.config.OmitEmpty), asked))
	}
	page := map[string]any{"type": "ServicesPage", "skip": skip, "top": top, "total": counted, "services": list}
	if _, uncounted := c.faults[NoTotal]; uncounted {
		delete(page, "total")
	} else if _, wrong := c.faults[WrongTotal]; wrong {
		page["total"] = counted + 2
	}
	if c.send(page) {
		c.counts.Pages++
		c.rearrange(c.faults)
	}
}

// page reads how much of the list is asked for; a top of -1 means all.
func (c *call) page() (skip, top int, err error) {
	top = cmp.Or(c.config.DefaultTop, 100)
	for name, value := range map[string]*int{"$skip": &skip, "$top": &top} {
		if text := c.query.Get(name); text != "" {
			if *value, err = strconv.Atoi(text); err != nil || *value < -1 || name == "$skip" && *value < 0 {
				return 0, 0, fmt.Errorf("can't read %s", name)
			}
		}
	}
	if most := c.config.MaxTop; most > 0 && (top < 0 || top > most) {
		top = most
	}
	if _, ignored := c.faults[IgnoreSkip]; ignored {
		skip = 0
	}
	if _, ignored := c.faults[IgnoreTop]; ignored {
		top = -1
	}
	return skip, top, nil
}

func (c *call) fields() (fields, error) {
	if !c.query.Has("fields") {
		return nil, nil
	}
	return parseFields(c.query.Get("fields"))
}

// object sends an object with the fields that were asked for.
func (c *call) object(object map[string]any) {
	asked, err := c.fields()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	c.send(choose(object, asked))
}

// send sends JSON, and reports whether it did: a client that has it already does not get it again.
func (c *call) send(value any) bool {
	text, err := json.Marshal(value)
	if err != nil {
		fail(c.w, http.StatusInternalServerError, err.Error())
		return false
	}
	header := c.w.Header()
	if c.config.ETag {
		sum := sha256.Sum256(text)
		etag := `"` + hex.EncodeToString(sum[:8]) + `"`
		header.Set("ETag", etag)
		if c.r.Header.Get("If-None-Match") == etag {
			c.w.WriteHeader(http.StatusNotModified)
			return false
		}
	}
	if c.config.LastModified {
		modified := c.changed.UTC().Truncate(time.Second)
		header.Set("Last-Modified", modified.Format(http.TimeFormat))
		if since, err := http.ParseTime(c.r.Header.Get("If-Modified-Since")); err == nil && !modified.After(since) {
			c.w.WriteHeader(http.StatusNotModified)
			return false
		}
	}
	write(c.w, http.StatusOK, string(text))
	return true
}

// body reads what was posted.
func (c *call) body(value any) bool {
	if err := json.Unmarshal(c.posted, value); err != nil {
		fail(c.w, http.StatusBadRequest, "can't read the body: "+err.Error())
		return false
	}
	return true
}

func (c *call) register() {
	if !c.config.OpenRegistration || !c.known {
		if !c.allowed() {
			return
		}
		if c.permission != Write {
			fail(c.w, http.StatusForbidden, "Requester may not create services")
			return
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var service Service
	if !c.body(&service) {
		return
	}
	if service.Name == "" {
		fail(c.w, http.StatusBadRequest, "name is required")
		return
	}
	service.ID, service.Key = cmp.Or(service.ID, uuid()), cmp.Or(service.Key, uuid())
	if c.index[service.ID] != nil {
		fail(c.w, http.StatusBadRequest, "a service with this id exists already")
		return
	}
	if c.permission != Write {
		service.Trusted = false
	}
	c.object(c.add(service).object(c.config.OmitEmpty))
}

// update changes what the body names.
func (c *call) update(service *Service) {
	changed := *service
	if !c.body(&changed) {
		return
	}
	changed.ID = service.ID
	*service = changed
	c.changed = time.Now()
	c.object(service.object(c.config.OmitEmpty))
}

func (c *call) untrustedList(service *Service) {
	list := []any{}
	for i := range service.UntrustedRedirectURIs {
		list = append(list, service.UntrustedRedirectURIs[i].object())
	}
	write(c.w, http.StatusOK, marshal(map[string]any{"type": "UntrustedredirecturisPage", "skip": 0, "top": 100, "total": len(list), "untrustedredirecturis": list}))
}

func (c *call) untrustedGet(service *Service) {
	if i := slices.IndexFunc(service.UntrustedRedirectURIs, func(u UntrustedRedirectURI) bool { return u.ID == c.sub }); i >= 0 {
		c.object(service.UntrustedRedirectURIs[i].object())
		return
	}
	fail(c.w, http.StatusNotFound, "Untrusted redirect URI with id "+c.sub+" not found")
}

func (c *call) untrustedAdd(service *Service) {
	var uri UntrustedRedirectURI
	if !c.body(&uri) {
		return
	}
	if uri.RedirectURI == "" {
		fail(c.w, http.StatusBadRequest, "redirectURI is required")
		return
	}
	uri.ID = uuid()
	service.UntrustedRedirectURIs = append(service.UntrustedRedirectURIs, uri)
	c.object(uri.object())
}

// untrustedVote is what an administrator does on the settings page of a service.
func (c *call) untrustedVote(service *Service) {
	i := slices.IndexFunc(service.UntrustedRedirectURIs, func(u UntrustedRedirectURI) bool { return u.ID == c.sub })
	if i < 0 {
		fail(c.w, http.StatusNotFound, "Untrusted redirect URI with id "+c.sub+" not found")
		return
	}
	if strings.HasSuffix(c.r.URL.Path, "/accept") {
		service.RedirectURIs = append(slices.Clone(service.RedirectURIs), service.UntrustedRedirectURIs[i].RedirectURI)
		c.changed = time.Now()
	}
	service.UntrustedRedirectURIs = slices.Delete(slices.Clone(service.UntrustedRedirectURIs), i, i+1)
	c.w.WriteHeader(http.StatusOK)
}

func (c *call) me() {
	switch {
	case !c.known:
		fail(c.w, http.StatusUnauthorized, "Unknown or expired token")
	case c.r.Header.Get("Authorization") == "":
		c.object(map[string]any{"type": "user", "id": "guest", "login": "guest", "name": "guest", "guest": true})
	default:
		c.object(map[string]any{"type": "user", "id": "owner", "login": "owner", "name": "Owner of the token", "guest": false})
	}
}

// metadata is that of OpenID Connect, with the endpoints of Hub's documentation.
func (c *call) metadata() {
	base := c.URL()
	oauth := base + restPath + "/oauth2"
	write(c.w, http.StatusOK, marshal(map[string]any{
		"issuer":                 cmp.Or(c.config.Issuer, base),
		"authorization_endpoint": oauth + "/auth", "token_endpoint": oauth + "/token", "userinfo_endpoint": oauth + "/userinfo", "jwks_uri": oauth + "/keys",
		"response_types_supported": []string{"code", "token", "id_token", "id_token token"}, "scopes_supported": []string{"openid", "profile", "email"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"client_id_metadata_document_supported": false,
	}))
}

func (c *call) keys() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.key == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			fail(c.w, http.StatusInternalServerError, err.Error())
			return
		}
		c.key = key
	}
	encode := base64.RawURLEncoding.EncodeToString
	write(c.w, http.StatusOK, marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": encode(c.key.N.Bytes()), "e": encode(big.NewInt(int64(c.key.E)).Bytes()),
	}}}))
}

// oauth is what a Hub does with somebody who has not logged in; the stand-in does no more.
func (c *call) oauth() {
	switch c.kind {
	case Authorize:
		c.w.Header().Set("Location", c.config.Path+"/auth/login?"+c.r.URL.RawQuery)
		c.w.WriteHeader(http.StatusSeeOther)
	case Token:
		c.w.Header().Set("Cache-Control", "no-store")
		write(c.w, http.StatusBadRequest, `{"error":"invalid_grant","error_code":400,"error_description":"The stand-in issues no tokens","error_developer_message":"The stand-in issues no tokens"}`)
	default:
		fail(c.w, http.StatusUnauthorized, "Not logged in")
	}
}

// write sends JSON, unless the header says that it is something else.
func write(w http.ResponseWriter, status int, text string) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// fail sends an error in Hub's form.
func fail(w http.ResponseWriter, status int, description string) {
	write(w, status, marshal(map[string]any{
		"error": http.StatusText(status), "error_code": status, "error_description": description, "error_developer_message": description,
	}))
}

func marshal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // made of maps and strings
	}
	return string(text)
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
