package caddymodule

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// Requests that the benchmarks send. Of each there is a form that passes, and one that a parameter more makes invalid.
const (
	benchQuery = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid%20profile%20email&state=Zk3vJ8aWq0Lr7xT2yB5nC9dF1gH4jK6m" +
		"&nonce=n-0S6_WzA2Mj8Qx7Yv5Tb3Rc1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	benchForm = "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA7Xq3Zr9Lk2Mn5Pv8Ty1Wu4Ej6Ho0Da&redirect_uri=https%3A%2F%2Fapp.example%2Fcb" +
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&scope=openid%20profile%20email&resource=https%3A%2F%2Fapi.example%2Fv1%2Fusers"
	benchBasic = "Basic YXBwOnMzY3IzdC1zM2NyM3Qtc2VjcmV0LTEyMzQ="
)

// benchHandler is a guard as a configuration makes it, with three clients and with logs that nobody reads.
func benchHandler(b *testing.B, errors Errors) *Handler {
	b.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	b.Cleanup(cancel)
	h := &Handler{Profile: "rfc6749", Errors: errors, Endpoints: map[string][]string{
		"authorize": {"/oauth2/auth"}, "token": {"/oauth2/token"}, "par": {"/oauth2/par"}, "device": {"/oauth2/device"}, "revocation": {"/oauth2/revoke"},
		"introspection": {"/oauth2/introspect"}, "userinfo": {"/oauth2/userinfo"}, "resource": {"/api/*"},
	}}
	if err := h.Provision(ctx); err != nil {
		b.Fatal(err)
	}
	h.logger = zap.NewNop()
	feed := clients.NewFeed("static", clients.Static{
		{ClientID: "app", RedirectURIs: []string{"https://app.example/cb"}},
		{ClientID: "two", RedirectURIs: []string{"https://two.example/a", "https://two.example/b"}},
		{ClientID: "native", RedirectURIs: []string{"http://127.0.0.1/cb"}, TokenEndpointAuthMethod: "none"},
	}, 0)
	if err := feed.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	h.chain = clients.NewChain(feed)
	return h
}

// benchRequest is what is sent again and again.
type benchRequest struct {
	name, method, target, body string
	header                     http.Header
	refused                    bool
}

func benchRequests() []benchRequest {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {benchBasic}, "Accept": {"application/json"}}
	page := http.Header{"Accept": {"text/html"}}
	json := http.Header{"Accept": {"application/json"}}
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	return []benchRequest{
		{"authorize/valid", "GET", "/oauth2/auth?" + benchQuery, "", page, false},
		{"authorize/refused as JSON", "GET", "/oauth2/auth?" + benchQuery + "&redirect_uri=x", "", json, true},
		{"authorize/refused by a page", "GET", "/oauth2/auth?" + benchQuery + "&redirect_uri=x", "", page, true},
		{"authorize/refused by redirection", "GET", "/oauth2/auth?" + benchQuery + "&prompt=x&prompt=y", "", page, true},
		{"token/valid", "POST", "/oauth2/token", benchForm, form, false},
		{"token/refused", "POST", "/oauth2/token", benchForm + "&code=x", form, true},
		{"par/valid", "POST", "/oauth2/par", benchQuery, form, false},
		{"par/refused", "POST", "/oauth2/par", benchQuery + "&redirect_uri=x", form, true},
		{"device/valid", "POST", "/oauth2/device", "client_id=app&scope=openid", form, false},
		{"device/refused", "POST", "/oauth2/device", "client_id=app&client_id=two", form, true},
		{"revocation/valid", "POST", "/oauth2/revoke", "token=45ghiukldjahdnhzdauz", form, false},
		{"revocation/refused", "POST", "/oauth2/revoke", "token=a&token=b", form, true},
		{"introspection/valid", "POST", "/oauth2/introspect", "token=45ghiukldjahdnhzdauz", form, false},
		{"introspection/refused", "POST", "/oauth2/introspect", "token=a&token=b", form, true},
		{"userinfo/valid", "GET", "/oauth2/userinfo", "", bearer("mF_9.B5f-4.1JqM"), false},
		{"userinfo/refused", "GET", "/oauth2/userinfo", "", bearer(""), true},
		{"resource/valid", "GET", "/api/users/me?fields=id", "", bearer("mF_9.B5f-4.1JqM"), false},
		{"resource/refused", "GET", "/api/users/me?fields=id", "", bearer(""), true},
		{"other/valid", "GET", "/dashboard/x.js", "", page, false},
	}
}

// sender makes the same request anew as often as it is sent, as a server does, but with few allocations of its own.
type sender struct {
	request *http.Request
	body    *strings.Reader
	text    string
	server  *caddyhttp.Server
}

func newSender(request benchRequest) *sender {
	s := &sender{request: httptest.NewRequest(request.method, request.target, nil), text: request.body, server: new(caddyhttp.Server)}
	s.request.Header = request.header
	s.request.RemoteAddr = "127.0.0.1:50000" // else each request would be reported for plain HTTP
	if request.body != "" {
		s.body = strings.NewReader(request.body)
		s.request.ContentLength = int64(len(request.body))
	}
	return s
}

// next prepares the request as Caddy does before the first handler.
func (s *sender) next(w http.ResponseWriter) *http.Request {
	if s.body != nil {
		s.body.Reset(s.text)
		s.request.Body = io.NopCloser(s.body)
	}
	return caddyhttp.PrepareRequest(s.request, caddy.NewReplacer(), w, s.server)
}

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandler measures the handler between Caddy and a next handler that does nothing. What Caddy itself does for each request is in all rows, and alone in those named "without the
// guard" and "respond"; a refusal stands beside the answer of Caddy's own handler for constant ones.
func BenchmarkHandler(b *testing.B) {
	h := benchHandler(b, Errors{})
	passed := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusOK)
		if r.Body != nil {
			_ = r.Body.Close() // as a transport does
		}
		return nil
	})
	respond := &caddyhttp.StaticResponse{
		StatusCode: "400", Headers: http.Header{"Content-Type": {"application/json;charset=UTF-8"}, "Cache-Control": {"no-store"}, "Pragma": {"no-cache"}},
		Body: `{"error":"invalid_request","error_description":"The request contains a parameter more than once."}`,
	}
	bench := func(name string, request benchRequest, status int, serve func(w http.ResponseWriter, r *http.Request) error) {
		b.Run(name, func(b *testing.B) {
			s, w := newSender(request), &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				w.status = 0
				if err := serve(w, s.next(w)); err != nil {
					b.Fatal(err)
				}
				if (w.status >= 300) != (status >= 300) {
					b.Fatalf("status %d, want one like %d", w.status, status)
				}
			}
		})
	}
	requests := benchRequests()
	bench("without the guard/GET", requests[0], http.StatusOK, func(w http.ResponseWriter, r *http.Request) error { return passed(w, r) })
	bench("without the guard/POST", requests[4], http.StatusOK, func(w http.ResponseWriter, r *http.Request) error { return passed(w, r) })
	bench("respond", requests[5], http.StatusBadRequest, func(w http.ResponseWriter, r *http.Request) error { return respond.ServeHTTP(w, r, passed) })
	for _, request := range requests {
		status := http.StatusOK
		if request.refused {
			status = http.StatusBadRequest
		}
		bench(request.name, request, status, func(w http.ResponseWriter, r *http.Request) error { return h.ServeHTTP(w, r, passed) })
	}
}
