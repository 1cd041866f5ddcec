package caddymodule

import (
	"context"
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

// brokenDirectory stands for a mistake inside the guard.
type brokenDirectory struct{}

func (brokenDirectory) Find(string) (*rule.Client, rule.Standing) { panic("secret of the request") }
func (brokenDirectory) Service(string) (bool, bool)               { return false, false }
func (brokenDirectory) RegisteredOrigin(string) bool              { return false }

// TestFailureInside: a panic while judging is an error that names the code and nothing of the request.
func TestFailureInside(t *testing.T) {
	handler := Handler{logger: zap.NewNop()}
	config, err := handler.engineConfig()
	if err != nil {
		t.Fatal(err)
	}
	if handler.engine, err = validators.New(config); err != nil {
		t.Fatal(err)
	}
	request := rule.Request{Method: "GET", Path: "/api/rest/oauth2/auth", Query: "client_id=x", Header: http.Header{}}
	_, err = handler.decide(new(rule.Case), request, handler.engine.Route(request.Path), brokenDirectory{})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "deliver_test.go:") {
		t.Errorf("error %v", err)
	}
}

// TestWrongBasePathWarnsOnce: a request to what looks like an endpoint elsewhere is worth one line in the log, not one a request.
func TestWrongBasePathWarnsOnce(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	handler := &Handler{}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := handler.Provision(ctx); err != nil {
		t.Fatal(err)
	}
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
