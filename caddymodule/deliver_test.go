package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestLocation is RFC 6749 section 4.1.2.1: an existing query stays, the response is appended, and everything but unreserved characters is encoded.
func TestLocation(t *testing.T) {
	for _, test := range []struct {
		uri   string
		place validators.Place
		want  string
	}{
		{"https://a.example/cb", validators.Query, "https://a.example/cb?error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
		{"https://a.example/cb?keep=1", validators.Query, "https://a.example/cb?keep=1&error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
		{"https://a.example/cb?", validators.Query, "https://a.example/cb?error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
		{"https://a.example/cb?keep=1&", validators.Query, "https://a.example/cb?keep=1&error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
		{"https://a.example/cb?keep=1", validators.Fragment, "https://a.example/cb?keep=1#error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
		{"com.example:/cb", validators.Query, "com.example:/cb?error=e&state=a%20%2B%2F%25%26%3D~%C3%A9"},
	} {
		if got := locationOf(validators.Target{URI: test.uri, Place: test.place}, [][2]string{{"error", "e"}, {"state", "a +/%&=~é"}}); got != test.want {
			t.Errorf("%s: %s, want %s", test.uri, got, test.want)
		}
	}
}

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{"": false, "*/*": false, "application/json": true, "text/html,application/json": false, "Application/Problem+JSON": true, "image/*": false} {
		if got := wantsJSON(http.Header{"Accept": {accept}}); got != want {
			t.Errorf("Accept %q: %v", accept, got)
		}
	}
}

// brokenBody stands for a mistake inside the guard: a body that panics when it is read.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { panic("secret of the request") }
func (brokenBody) Close() error             { return nil }

// TestFailureInside: a panic while judging is an error that names the code and nothing of the request; in report mode the request passes.
func TestFailureInside(t *testing.T) {
	for _, mode := range []string{"enforce", "report"} {
		core, logs := observer.New(zapcore.DebugLevel)
		handler := provisioned(t, &Handler{Mode: mode})
		handler.logger = zap.New(core)
		r := httptest.NewRequest(http.MethodPost, "/api/rest/oauth2/token", brokenBody{})
		r.ContentLength = 7
		passed := false
		err := handler.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { passed = true; return nil }))
		if passed != (mode == "report") || (err == nil) != passed {
			t.Errorf("%s: passed %v, error %v", mode, passed, err)
		}
		if logs.Len() != 1 || strings.Contains(fmt.Sprint(logs.All()), "secret") || !strings.Contains(fmt.Sprint(logs.All()[0].ContextMap()), "deliver_test.go:") {
			t.Errorf("%s: log %v", mode, logs.All())
		}
	}
}

// TestStaleGetBody: a GetBody that somebody kept beyond the request finds its body closed, never the body of another request.
func TestStaleGetBody(t *testing.T) {
	first := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("secret=A"))
	body, _ := readBody(first, 100)
	get := first.GetBody
	if err := first.Body.Close(); err != nil {
		t.Fatal(err)
	}
	body.release()
	second := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("secret=B"))
	if _, state := readBody(second, 100); state != rule.BodyRead {
		t.Fatal(state)
	}
	if reader, err := get(); err == nil {
		content, _ := io.ReadAll(reader)
		t.Errorf("the body is still open: %q", content)
	}
}

// provisioned prepares a handler.
func provisioned(t *testing.T, handler *Handler) *Handler {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := handler.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return handler
}

// TestWrongBasePathWarnsOnce: a request to what looks like an endpoint elsewhere is worth one line in the log, not one a request.
func TestWrongBasePathWarnsOnce(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	handler := provisioned(t, new(Handler))
	handler.logger = zap.New(core)
	passed := 0
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { passed++; return nil })
	for range 3 {
		r := httptest.NewRequest(http.MethodGet, "/hub/api/rest/oauth2/token", nil)
		if err := handler.ServeHTTP(httptest.NewRecorder(), r, next); err != nil {
			t.Fatal(err)
		}
	}
	if passed != 3 || logs.Len() != 1 {
		t.Errorf("%d passed, %d warnings", passed, logs.Len())
	}
}
