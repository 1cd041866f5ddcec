package caddymodule

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// watchedRequests are requests of a registered client on which no rule fires, and whose shapes are known after the first time. Plain HTTP would be a finding.
var watchedRequests = []benchRequest{
	{"authorize", "GET", "https://hub.example/auth?" + benchQuery, "", http.Header{"Accept": {"text/html"}}, false},
	{"token", "POST", "https://hub.example/token", benchForm, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {benchBasic}}, false},
	{"resource", "GET", "https://hub.example/api/users/me", "", http.Header{"Authorization": {"Bearer mF_9.B5f-4.1JqM"}}, false},
}

// passing is a next handler that does nothing but what a transport does.
var passing = caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil
})

// unwatched is the same guard without the question what oauth21 would do.
func unwatched(h *Handler) *Handler {
	h.stricter = nil
	return h
}

// TestWatchAllocatesNothing watches requests whose shape is known.
func TestWatchAllocatesNothing(t *testing.T) {
	h := watchedGuard(t, "rfc6749", "app")
	for _, request := range watchedRequests {
		var j judgement
		r := newSender(request).next(&discard{header: make(http.Header)})
		if err := h.judge(r, &j); err != nil || j.verdict.Decision != validators.Pass {
			t.Fatalf("%s: %s, %v", request.name, j.verdict.Decision, err)
		}
		judged, route := rule.Request{Time: time.Now()}, h.engine.Route(escapedPath(r))
		if allocations := testing.AllocsPerRun(100, func() { h.watch(r, &j, &judged, route) }); allocations != 0 {
			t.Errorf("%s: %v allocations", request.name, allocations)
		}
		j.release()
	}
}

// BenchmarkWatching measures what it costs to watch clients, by the same requests with it and without.
func BenchmarkWatching(b *testing.B) {
	for _, request := range watchedRequests {
		for name, h := range map[string]*Handler{"with": watchedGuard(b, "rfc6749", "app"), "without": unwatched(watchedGuard(b, "rfc6749", "app"))} {
			b.Run(request.name+"/"+name, func(b *testing.B) {
				s, w := newSender(request), &discard{header: make(http.Header)}
				b.ReportAllocs()
				for b.Loop() {
					if err := h.ServeHTTP(w, s.next(w), passing); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
