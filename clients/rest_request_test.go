package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestHubErrors also makes sure that no error shows the token or what else is nobody's business.
func TestHubErrors(t *testing.T) {
	reply := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    []string
		status  int
		delay   time.Duration
	}{
		{"no permission", reply(403, `{"error":"Forbidden","error_description":"Requester has no access"}`),
			[]string{`403 Forbidden ("Forbidden: Requester has no access")`, "Low-level Admin Read"}, 403, 0},
		{"wrong token", reply(401, `{"error":"Unauthorized"}`), []string{"401 Unauthorized", "scope Hub"}, 401, 0},
		{"too many requests", reply(429, "", "Retry-After", "17"), []string{"429 Too Many Requests; it wants to be left alone for 17s"}, 429, 17 * time.Second},
		{"maintenance", reply(503, "<html>", "Retry-After", "99999999999999999999"), []string{"503", "24h0m0s"}, 503, 24 * time.Hour},
		{"Retry-After of the past", reply(503, "", "Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), []string{"503 Service Unavailable"}, 503, 0},
		{"Retry-After of nonsense", reply(503, "", "Retry-After", "-5"), []string{"503 Service Unavailable"}, 503, 0},
		{"wrong base URL", reply(404, "not here"), []string{"404 Not Found", "ends with /hub"}, 404, 0},
		{"failure with a stack trace", reply(500, `{"error":"x","error_description":"null\nEnclosed Exception:\n`+strings.Repeat("y", 500)+`"}`),
			[]string{`500 Internal Server Error ("x: null\nEnclosed Exception:\nyyy`, `yyy"...)`}, 500, 0},
		{"error that is text", reply(500, "TOPSECRET"), []string{"500 Internal Server Error"}, 500, 0},
		{"error that is huge", reply(500, `{"error":"x","a":"`+strings.Repeat("y", 100_000)+`"}`), []string{"500 Internal Server Error"}, 500, 0},
		{"error that shows the token", reply(400, `{"error":"bad","error_description":"`+permanentToken+` and rNZ38ije7uiWwnUTRDdyFDdUkoPUPi"}`), []string{`"bad: [token] and [token]"`}, 400, 0},
		{"redirect to HTTPS", reply(301, "", "Location", "https://hub.example/api/rest/services?token=TOPSECRET"),
			[]string{"301 Moved Permanently", `redirects to "https://hub.example/api/rest/services"`, "https instead of http?"}, 301, 0},
		{"redirect to a login page", reply(302, "", "Location", "/login?TOPSECRET"), []string{"302 Found", `/login"`}, 302, 0},
		{"redirect to nowhere", reply(307, ""), []string{"307 Temporary Redirect", "it redirects, which"}, 307, 0},
		{"not modified without having asked", reply(304, ""), []string{"304 Not Modified"}, 304, 0},
		{"no content", reply(204, ""), []string{"204 No Content"}, 204, 0},
		{"login page", reply(200, "\n<!DOCTYPE html><title>TOPSECRET", "Content-Type", "text/html"), []string{"HTML page instead of JSON", "login page"}, 0, 0},
		{"login page in plain text", reply(200, "<html>"), []string{"HTML page"}, 0, 0},
		{"empty", reply(200, ""), []string{"is empty"}, 0, 0},
		{"text", reply(200, "TOPSECRET"), []string{"not a JSON object"}, 0, 0},
		{"array", reply(200, `[{"id":"a"}]`), []string{"not a JSON object"}, 0, 0},
		{"error as success", reply(200, `{"error":"unauthorized"}`), []string{`no member "services"`}, 0, 0},
		{"services null", reply(200, `{"total":3,"services":null}`), []string{`no member "services"`}, 0, 0},
		{"services as object", reply(200, `{"services":{"a":1}}`), []string{"services is not an array"}, 0, 0},
		{"cut off", reply(200, `{"total":1,"services":[{"id":"a"`), []string{"ends too early"}, 0, 0},
		{"cut off behind the services", reply(200, `{"total":1,"services":[{"id":"a"}]`), []string{"ends too early"}, 0, 0},
		{"something behind", reply(200, `{"total":1,"services":[]}{}`), []string{"something follows"}, 0, 0},
		{"trusted as text", reply(200, `{"total":1,"services":[{"id":"a"},{"id":"b","trusted":"TOPSECRET"}]}`), []string{"service 2: trusted: found string where true or false belongs"}, 0, 0},
		{"total as text", reply(200, `{"total":"TOPSECRET","services":[]}`), []string{"found string where a whole number belongs"}, 0, 0},
		{"service without an ID", reply(200, `{"total":1,"services":[{"name":"A"}]}`), []string{"id is missing"}, 0, 0},
		{"compressed without having been asked", reply(200, "x", "Content-Encoding", "br"), []string{`Content-Encoding "br"`}, 0, 0},
		{"shorter than announced", reply(200, "{}", "Content-Length", "100"), []string{"cut off"}, 0, 0},
		{"reset", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, []string{"EOF"}, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hub := start(t, test.handler)
			snapshot, err := hub.Load(t.Context())
			if err == nil || snapshot != nil {
				t.Fatalf("%+v, %v", snapshot, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", err, want)
				}
			}
			for _, secret := range []string{"TOPSECRET", permanentToken, "rNZ38ije", "$skip"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows %q", err, secret)
				}
			}
			if len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\r\x1b") || !strings.HasPrefix(err.Error(), "hub "+hub.BaseURL+": ") {
				t.Errorf("text of the error: %q", err)
			}
			var refusal *HubError
			if errors.As(err, &refusal) != (test.status != 0) {
				t.Fatalf("%T", err)
			}
			if refusal != nil && (refusal.Status != test.status || refusal.RetryAfter() != test.delay) {
				t.Errorf("%+v", refusal)
			}
		})
	}
}

func TestHubThatCannotBeReached(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	hub := &Hub{BaseURL: server.URL}
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
	slow := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"total":1,`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	slow.Timeout = 50 * time.Millisecond
	if _, err := slow.Load(t.Context()); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no complete answer in time") {
		t.Error(err)
	}
	if _, err := slow.Lookup(t.Context(), "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := slow.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHubBaseURL(t *testing.T) {
	for _, base := range []string{"", "hub.example.com", "ftp://hub.example.com", "https://", "https:///hub", "//hub", "https://h/?TOPSECRET", "https://h/#TOPSECRET", "https://u:TOPSECRET@h/", "http://h:x/TOPSECRET", "https:h"} {
		hub := &Hub{BaseURL: base}
		_, load := hub.Load(t.Context())
		_, metadata := hub.Metadata(t.Context())
		for _, err := range []error{hub.Validate(), load, metadata} {
			if err == nil || strings.Contains(err.Error(), "TOPSECRET") {
				t.Errorf("%s: %v", base, err)
			}
		}
	}
	for _, base := range []string{"https://hub.example.com", "http://10.0.0.1:8080/hub/", "https://[::1]/a%2Fb"} {
		if err := (&Hub{BaseURL: base}).Validate(); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestHubToken(t *testing.T) {
	tests := []struct {
		name, token, header, want string
	}{
		{"line end of a file", "perm-abc\r\n", "Bearer perm-abc", ""},
		{"access token with blanks", "1.a.b.c d;1.MC==", "Bearer 1.a.b.c d;1.MC==", ""},
		{"none", " \n", "", ""},
		{"two lines", "TOPSECRET\nTOPSECRET", "", "not printable ASCII"},
		{"not ASCII", "TOPSECRET\u00e4", "", "not printable ASCII"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			small := newSmallHub(1)
			hub := start(t, small)
			hub.Token = func(context.Context) (string, error) { return test.token, nil }
			_, err := hub.Load(t.Context())
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "TOPSECRET") || len(small.requests) != 0 {
					t.Error(err)
				}
				return
			}
			if err != nil || small.requests[0].Header.Get("Authorization") != test.header {
				t.Errorf("%v, %v", err, small.requests[0].Header)
			}
		})
	}
	hub := start(t, newSmallHub(1))
	hub.Token = func(context.Context) (string, error) { return "", errors.New("no such file") }
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "token: no such file") {
		t.Error(err)
	}
	hub.Token = nil
	if _, err := hub.Load(t.Context()); err != nil {
		t.Error(err)
	}
	unauthorized := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	unauthorized.Token = nil
	if _, err := unauthorized.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "wants a token") {
		t.Error(err)
	}
}

// TestRotatedToken gives another token to each request.
func TestRotatedToken(t *testing.T) {
	small := newSmallHub(1)
	hub := start(t, small)
	count := 0
	hub.Token = func(context.Context) (string, error) { count++; return "token-" + strconv.Itoa(count), nil }
	for range 2 {
		if _, err := hub.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := small.requests[1].Header.Get("Authorization"); got != "Bearer token-2" {
		t.Error(got)
	}
}

// TestRedirectsAreNotFollowed has a client of its own that would.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Bool
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	hub.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	_, load := hub.Load(t.Context())
	_, lookup := hub.Lookup(t.Context(), "a")
	_, metadata := hub.Metadata(t.Context())
	report := hub.ReportUntrusted(t.Context(), "a", "https://a/cb", "")
	for _, err := range []error{load, lookup, metadata, report} {
		if refusal, ok := errors.AsType[*HubError](err); !ok || refusal.Status != http.StatusFound {
			t.Error(err)
		}
	}
	if followed.Load() || hub.Client.CheckRedirect(nil, nil) != nil {
		t.Error("a redirect was followed, or the caller's client was changed")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, " 30 ": 30 * time.Second, "86401": longestDelay, "-1": 0, "1.5": 0, "soon": 0,
		"Fri, 20 Nov 2026 12:02:00 GMT": 2 * time.Minute, "Fri, 20 Nov 2026 11:00:00 GMT": 0, "Fri, 20 Nov 2099 11:00:00 GMT": longestDelay,
	} {
		if got := delayOf(value, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
