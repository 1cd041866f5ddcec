package hubtest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
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
