package clients

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

const permanentToken = "perm:cm9vdA==.dG9rZW4=.rNZ38ije7uiWwnUTRDdyFDdUkoPUPi"

// smallHub is a list of services with the paging of Hub.
type smallHub struct {
	mutex sync.Mutex
	ids   []string
	// most is the number of services at once; zero means any.
	most int
	// total is what is counted; nil means the truth.
	total func(int) any
	// after runs after each page.
	after func(h *smallHub, page int)
	// before may answer instead.
	before func(http.ResponseWriter, *http.Request) bool
	// header adds to a page.
	header func(http.Header, []byte)

	pages    int
	requests []*http.Request
}

func newSmallHub(count int) *smallHub {
	h := &smallHub{}
	for i := range count {
		h.ids = append(h.ids, "s"+strconv.Itoa(i))
	}
	return h
}

func serviceJSON(id string) map[string]any {
	return map[string]any{
		"type": "service", "id": id, "key": "key-" + id, "name": "Name " + id, "aliasIds": []string{"alias-" + id}, "aliases": []any{},
		"homeUrl": "https://" + id + ".example", "baseUrls": []string{}, "redirectUris": []string{"https://" + id + ".example/cb"}, "trusted": true,
	}
}

func (h *smallHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.requests = append(h.requests, r)
	if h.before != nil && h.before(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if id, single := strings.CutPrefix(r.URL.Path, "/api/rest/services/"); single {
		if !slices.Contains(h.ids, id) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"Not Found","error_description":"no such service"}`)
			return
		}
		_ = json.NewEncoder(w).Encode(serviceJSON(id))
		return
	}
	query := r.URL.Query()
	skip, _ := strconv.Atoi(query.Get("$skip"))
	top, _ := strconv.Atoi(query.Get("$top"))
	if h.most > 0 {
		top = min(top, h.most)
	}
	from := min(skip, len(h.ids))
	services := []any{}
	for _, id := range h.ids[from:min(from+top, len(h.ids))] {
		services = append(services, serviceJSON(id))
	}
	page := map[string]any{"type": "ServicesPage", "skip": skip, "top": top, "total": len(h.ids), "services": services}
	if h.total != nil {
		page["total"] = h.total(len(h.ids))
	}
	if page["total"] == nil {
		delete(page, "total")
	}
	body, _ := json.Marshal(page)
	if h.header != nil {
		h.header(w.Header(), body)
		if etag := w.Header().Get("ETag"); etag != "" && etag == r.Header.Get("If-None-Match") {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	_, _ = w.Write(body)
	h.pages++
	if h.after != nil {
		h.after(h, h.pages)
	}
}

// start serves a handler as a Hub.
func start(t *testing.T, handler http.Handler) *Hub {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &Hub{
		BaseURL: server.URL, Client: server.Client(), Timeout: 10 * time.Second,
		Token: func(context.Context) (string, error) { return permanentToken, nil },
	}
}

func ids(snapshot *Snapshot) []string {
	var list []string
	for _, client := range snapshot.Clients {
		list = append(list, client.ID)
	}
	slices.Sort(list)
	return list
}

func TestHubAsksForWhatItNeedsOnly(t *testing.T) {
	small := newSmallHub(3)
	hub := start(t, small)
	hub.BaseURL += "///"
	snapshot, err := hub.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Lookup(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	if snapshot.Partial || snapshot.Unnamed || !snapshot.Services || len(snapshot.Clients) != 3 {
		t.Errorf("%+v", snapshot)
	}
	if client := snapshot.Clients[0]; client.Trust != rule.Trusted || !client.Confidential() || client.Operator || client.Aliases[0] != "alias-s0" {
		t.Errorf("%+v", client)
	}
	want := "/api/rest/services?fields=id,key,name,aliasIds,aliases(id),homeUrl,baseUrls,redirectUris,trusted&$skip=0&$top=500"
	if got := small.requests[0].RequestURI; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, request := range small.requests {
		if strings.Contains(request.RequestURI, "secret") || request.Header.Get("Authorization") != "Bearer "+permanentToken || request.Header.Get("Accept") != "application/json" {
			t.Errorf("%s %v", request.RequestURI, request.Header)
		}
	}
}

func TestHubPaging(t *testing.T) {
	shift := func(when int, change func(*smallHub)) func(*smallHub, int) {
		return func(h *smallHub, page int) {
			if page == when {
				change(h)
			}
		}
	}
	removeFirst := func(h *smallHub) { h.ids = slices.Delete(h.ids, 0, 1) }
	tests := []struct {
		name string
		hub  *smallHub
		size int
		services,
		requests int
		partial bool
	}{
		{"one page", newSmallHub(5), 5, 5, 1, false},
		{"several pages, each with one known service", newSmallHub(11), 4, 11, 4, false},
		{"one at a time", newSmallHub(4), 1, 4, 4, false},
		{"Hub sends fewer", &smallHub{ids: newSmallHub(10).ids, most: 4}, 500, 10, 3, false},
		{"Hub sends one at a time", &smallHub{ids: newSmallHub(3).ids, most: 1}, 500, 3, 3, false},
		{"no total: an empty page ends the list", &smallHub{ids: newSmallHub(5).ids, total: func(int) any { return nil }}, 3, 5, 4, false},
		{"negative total is none", &smallHub{ids: newSmallHub(2).ids, total: func(int) any { return -1 }}, 3, 2, 3, false},
		{"services that the token may not see are counted", &smallHub{ids: newSmallHub(5).ids, total: func(n int) any { return n + 2 }}, 500, 5, 3, true},
		{"fewer counted than sent", &smallHub{ids: newSmallHub(5).ids, total: func(n int) any { return n - 2 }}, 500, 5, 1, true},
		{"no service at all", newSmallHub(0), 500, 0, 1, true},
		{"one goes while it is read", &smallHub{ids: newSmallHub(6).ids, after: shift(1, removeFirst)}, 3, 5, 4, false},
		{"one comes while it is read", &smallHub{ids: newSmallHub(5).ids, after: shift(1, func(h *smallHub) { h.ids = append(h.ids, "new") })}, 3, 6, 6, false},
		{"one comes in front while it is read", &smallHub{ids: newSmallHub(5).ids, after: shift(1, func(h *smallHub) { h.ids = slices.Insert(h.ids, 0, "new") })}, 3, 6, 6, false},
		{"one comes and one goes, so that the counts agree", &smallHub{ids: newSmallHub(6).ids, after: shift(1, func(h *smallHub) {
			removeFirst(h)
			h.ids = append(h.ids, "new")
		})}, 3, 6, 6, false},
		{"it changes all the time", &smallHub{ids: newSmallHub(9).ids, after: func(h *smallHub, page int) {
			removeFirst(h)
			h.ids = append(h.ids, "new"+strconv.Itoa(page))
		}}, 4, -1, -1, true},
		{"another order each time", &smallHub{ids: newSmallHub(9).ids, after: func(h *smallHub, _ int) { slices.Reverse(h.ids) }}, 4, -1, -1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hub := start(t, test.hub)
			hub.PageSize = test.size
			snapshot, err := hub.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if snapshot.Partial != test.partial || test.services >= 0 && len(snapshot.Clients) != test.services {
				t.Errorf("partial %v, services %v", snapshot.Partial, ids(snapshot))
			}
			if test.requests >= 0 && len(test.hub.requests) != test.requests {
				t.Errorf("%d requests, want %d", len(test.hub.requests), test.requests)
			}
			if _, err := NewDirectory(snapshot); err != nil {
				t.Error(err)
			}
			want := slices.Sorted(slices.Values(test.hub.ids))
			if !test.partial && !slices.Equal(ids(snapshot), want) {
				t.Errorf("got %v, want %v", ids(snapshot), want)
			}
		})
	}
}

func TestHubThatIgnoresPaging(t *testing.T) {
	const page = `{"total":%s,"services":[{"id":"a","name":"A","key":"a"},{"id":"b","name":"B","key":"b"}]}`
	tests := []struct {
		name, total string
		partial     bool
		requests    int32
	}{
		{"everything at once", "2", false, 1},
		{"the same services again and again", "5", true, 4},
		{"the same services without a total", "null", true, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var requests atomic.Int32
			hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				fmt.Fprintf(w, page, test.total)
			}))
			snapshot, err := hub.Load(t.Context())
			if err != nil || snapshot.Partial != test.partial || len(snapshot.Clients) != 2 || requests.Load() != test.requests {
				t.Errorf("%+v, %v after %d requests", snapshot, err, requests.Load())
			}
		})
	}
}

// TestHubThatCannotOrder has a list that moves, which is read again in another order if that is possible.
func TestHubThatCannotOrder(t *testing.T) {
	small := newSmallHub(6)
	small.after = func(h *smallHub, _ int) { h.ids = slices.Insert(h.ids, 0, "new"+strconv.Itoa(h.pages)) }
	small.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("orderBy") == "" {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	hub := start(t, small)
	hub.PageSize = 3
	if snapshot, err := hub.Load(t.Context()); err != nil || !snapshot.Partial || len(snapshot.Clients) < 6 {
		t.Errorf("%+v, %v", snapshot, err)
	}
	small.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("orderBy") == "" {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	if snapshot, err := hub.Load(t.Context()); err == nil {
		t.Errorf("%+v", snapshot)
	}
}

func TestHubWithTooManyServices(t *testing.T) {
	tests := []struct {
		name string
		hub  *smallHub
		size int
	}{
		{"counted", newSmallHub(11), 4},
		{"counted on one page", newSmallHub(11), 500},
		{"sent", &smallHub{ids: newSmallHub(11).ids, total: func(int) any { return nil }}, 4},
		{"sent on one page", &smallHub{ids: newSmallHub(11).ids, total: func(int) any { return nil }}, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hub := start(t, test.hub)
			hub.PageSize, hub.MaxServices = test.size, 10
			if snapshot, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 10 services") {
				t.Errorf("%+v, %v", snapshot, err)
			}
			hub.MaxServices = 11
			if snapshot, err := hub.Load(t.Context()); err != nil || snapshot.Partial || len(snapshot.Clients) != 11 {
				t.Errorf("%+v, %v", snapshot, err)
			}
		})
	}
	endless := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"services":[{"id":"s%s","name":"A","key":"a"}]}`, r.URL.Query().Get("$skip"))
	}))
	endless.MaxServices = 100
	if snapshot, err := endless.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 100 services") {
		t.Errorf("%+v, %v", snapshot, err)
	}
}

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

// TestLargeAnswers measures what comes out of the decompression.
func TestLargeAnswers(t *testing.T) {
	var bomb bytes.Buffer
	packed := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(packed, `{"total":1,"services":[`)
	_, _ = packed.Write(bytes.Repeat([]byte(" "), maxAnswer))
	_, _ = io.WriteString(packed, `]}`)
	_ = packed.Close()
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	hub.PageSize = 1
	if _, err := hub.Load(t.Context()); !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "more than 16384 KiB") {
		t.Error(err)
	}
	// Services with much text need smaller pages.
	small := newSmallHub(20)
	small.before = func(w http.ResponseWriter, r *http.Request) bool {
		if top, _ := strconv.Atoi(r.URL.Query().Get("$top")); top > 8 {
			w.Header().Set("Content-Length", strconv.Itoa(maxAnswer+1))
			return true
		}
		return false
	}
	if snapshot, err := start(t, small).Load(t.Context()); err != nil || snapshot.Partial || len(snapshot.Clients) != 20 {
		t.Errorf("%+v, %v", snapshot, err)
	}
	var tops []string
	for _, request := range small.requests[:5] {
		tops = append(tops, request.URL.Query().Get("$top"))
	}
	if !slices.Equal(tops, []string{"500", "125", "31", "7", "7"}) {
		t.Error(tops)
	}
	// Nothing takes many times the memory of its text.
	nothing := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"total":1,"services":[`+strings.Repeat("null,", 1_000_000)+`null]}`)
	}))
	if _, err := nothing.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "more than 100000 services") {
		t.Error(err)
	}
}

func TestUnchangedLists(t *testing.T) {
	etag := func(header http.Header, body []byte) { header.Set("ETag", `"`+revisionOf(body)+`"`) }
	modified := func(age time.Duration) func(http.Header, []byte) {
		when := time.Now().Add(-age).UTC().Format(http.TimeFormat)
		return func(header http.Header, _ []byte) { header.Set("Last-Modified", when) }
	}
	tests := []struct {
		name   string
		header func(http.Header, []byte)
		// bodies are how many pages with a body came the second time.
		asked  string
		bodies int
	}{
		{"no names", nil, "", 2},
		{"ETag", etag, "If-None-Match", 0},
		{"Last-Modified", modified(time.Hour), "If-Modified-Since", 0},
		{"modified a moment ago", modified(0), "", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			small := newSmallHub(5)
			small.header = test.header
			small.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("If-Modified-Since") == "" {
					return false
				}
				w.WriteHeader(http.StatusNotModified)
				return true
			}
			hub := start(t, small)
			hub.PageSize = 3
			snapshot, err := hub.Load(t.Context())
			if err != nil || snapshot.Revision == "" {
				t.Fatal(err)
			}
			before := small.pages
			if again, err := hub.LoadSince(t.Context(), snapshot.Revision); err != nil || again != nil {
				t.Errorf("%+v, %v", again, err)
			}
			if small.pages-before != test.bodies {
				t.Errorf("%d pages came again", small.pages-before)
			}
			if last := small.requests[len(small.requests)-1]; test.asked != "" && last.Header.Get(test.asked) == "" || test.asked == "" && conditional(last) {
				t.Errorf("%v", last.Header)
			}
			// Whoever has another revision needs all of it.
			if again, err := hub.LoadSince(t.Context(), "another"); err != nil || again == nil {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
}

func TestChangedLists(t *testing.T) {
	for _, changed := range []int{0, 4} {
		t.Run(strconv.Itoa(changed), func(t *testing.T) {
			small := newSmallHub(5)
			small.header = func(header http.Header, body []byte) { header.Set("ETag", `"`+revisionOf(body)+`"`) }
			hub := start(t, small)
			hub.PageSize = 3
			first, err := hub.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			small.ids[changed] = "new"
			second, err := hub.LoadSince(t.Context(), first.Revision)
			if err != nil || second == nil || second.Revision == first.Revision || second.Partial || !slices.Contains(ids(second), "new") {
				t.Fatalf("%+v, %v", second, err)
			}
			if third, err := hub.LoadSince(t.Context(), second.Revision); err != nil || third != nil {
				t.Errorf("%+v, %v", third, err)
			}
		})
	}
}

// TestCacheIsNotBelievedForEver has something in front of the Hub that always says that nothing has changed.
func TestCacheIsNotBelievedForEver(t *testing.T) {
	small := newSmallHub(1)
	small.header = func(header http.Header, _ []byte) { header.Set("ETag", `"always"`) }
	hub := start(t, small)
	first, err := hub.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	small.ids = append(small.ids, "new")
	if again, err := hub.LoadSince(t.Context(), first.Revision); err != nil || again != nil {
		t.Errorf("%+v, %v", again, err)
	}
	hub.last.read = time.Now().Add(-trustUnchanged - time.Second)
	if again, err := hub.LoadSince(t.Context(), first.Revision); err != nil || again == nil || len(again.Clients) != 2 {
		t.Errorf("%+v, %v", again, err)
	}
	// An error while asking is one.
	small.before = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(503); return true }
	if _, err := hub.LoadSince(t.Context(), hub.last.revision); err == nil {
		t.Error("no error")
	}
}

func TestRevision(t *testing.T) {
	base := func() *Snapshot {
		snapshot, err := parse([]byte(servicesPage))
		if err != nil {
			t.Fatal(err)
		}
		return snapshot
	}
	want, err := base().revision()
	if err != nil {
		t.Fatal(err)
	}
	same := map[string]func(*Snapshot){
		"order of services":      func(s *Snapshot) { slices.Reverse(s.Clients) },
		"order of redirect URIs": func(s *Snapshot) { slices.Reverse(s.Clients[1].RedirectURIs) },
		"order of aliases":       func(s *Snapshot) { slices.Reverse(s.Clients[1].Aliases) },
		"old revision":           func(s *Snapshot) { s.Revision = "x" },
	}
	for name, change := range same {
		snapshot := base()
		change(snapshot)
		if got, err := snapshot.revision(); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	other := map[string]func(*Snapshot){
		"ID":              func(s *Snapshot) { s.Clients[0].ID = "x" },
		"name":            func(s *Snapshot) { s.Clients[0].Name = "x" },
		"trust":           func(s *Snapshot) { s.Clients[0].Trust = rule.Untrusted },
		"redirect URI":    func(s *Snapshot) { s.Clients[1].RedirectURIs[0].URI = "https://x/" },
		"unknown is none": func(s *Snapshot) { s.Clients[0].RedirectURIs = nil },
		"alias":           func(s *Snapshot) { s.Clients[1].Aliases[0] = "x" },
		"service name":    func(s *Snapshot) { s.Clients[1].ServiceNames[0] = "x" },
		"partial":         func(s *Snapshot) { s.Partial = true },
		"unnamed":         func(s *Snapshot) { s.Unnamed = true },
		"fewer":           func(s *Snapshot) { s.Clients = s.Clients[1:] },
		"one twice":       func(s *Snapshot) { s.Clients = append(s.Clients, s.Clients[0]) },
	}
	for name, change := range other {
		snapshot := base()
		change(snapshot)
		if got, err := snapshot.revision(); err != nil || got == want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestLookup(t *testing.T) {
	reply := func(status int, body string) *Hub {
		return start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	const service = `{"type":"service","id":"s1","name":"One","key":"one","aliasIds":["old"],"aliases":[{"id":"older"}],"homeUrl":"https://one.example",` +
		`"baseUrls":["https://two.example"],"redirectUris":["/cb"],"trusted":false}`
	tests := []struct {
		name, id string
		status   int
		body     string
		found    string
		want     string
	}{
		{"a service", "s1", 200, service, "s1", ""},
		{"by an alias", "old", 200, service, "s1", ""},
		{"by an alias of the other form", "older", 200, service, "s1", ""},
		{"none, says Hub", "x", 404, `{"error":"Not Found","error_description":"x"}`, "", ""},
		{"none, says a proxy", "x", 404, `<html>`, "", "404 Not Found"},
		{"none, says a gateway", "x", 404, `{"message":"no route matched"}`, "", "404 Not Found"},
		{"not allowed", "x", 403, `{"error":"Forbidden"}`, "", "403 Forbidden"},
		{"a word that means a service", "me", 200, service, "", `answered with "s1"`},
		{"by its key", "one", 200, service, "", `answered with "s1"`},
		{"another case", "S1", 200, service, "", `answered with "s1"`},
		{"no service", "s1", 200, `{}`, "", "id is missing"},
		{"a page", "s1", 200, `{"services":[{"id":"s1"}]}`, "", "id is missing"},
		{"no JSON", "s1", 200, `<html>`, "", "HTML page"},
		{"broken JSON", "s1", 200, `{"id":"s1"`, "", "unexpected end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			registration, err := reply(test.status, test.body).Lookup(t.Context(), test.id)
			switch {
			case test.want != "":
				if err == nil || registration != nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%+v, %v", registration, err)
				}
			case err != nil || (registration != nil) != (test.found != ""):
				t.Errorf("%+v, %v", registration, err)
			case registration != nil && (registration.ID != test.found || len(registration.RedirectURIs) < 2 || registration.Trust != rule.Untrusted):
				t.Errorf("%+v", registration)
			}
		})
	}
}

func TestIDsThatHubIsNotAskedFor(t *testing.T) {
	var requests atomic.Int32
	hub := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	for _, id := range []string{"", ".", "..", "a/b", "a%2fb", "a b", "a;b", "a?b", "\u00e4", "a\x00", strings.Repeat("a", 129), "https://a/client.json"} {
		if registration, err := hub.Lookup(t.Context(), id); !errors.Is(err, ErrNotAsked) || registration != nil {
			t.Errorf("%q: %v, %v", id, registration, err)
		}
		if err := hub.ReportUntrusted(t.Context(), id, "https://a/", ""); !errors.Is(err, ErrNotAsked) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if requests.Load() != 0 {
		t.Error("requests were sent")
	}
}

func TestReportUntrusted(t *testing.T) {
	var got *http.Request
	var body []byte
	answer, status := `{"redirectURI":"x"}`, 200
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	if err := hub.ReportUntrusted(t.Context(), "s1", "https://new.example/cb?a=<b>&c", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	var sent map[string]string
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	when, err := time.Parse(time.RFC3339, sent["triedAt"])
	if err != nil || time.Since(when) > time.Minute {
		t.Errorf("%v, %v", when, err)
	}
	delete(sent, "triedAt")
	if want := map[string]string{"redirectURI": "https://new.example/cb?a=<b>&c", "triedFrom": "192.0.2.1"}; fmt.Sprint(sent) != fmt.Sprint(want) {
		t.Errorf("sent %v", sent)
	}
	if got.Method != "POST" || got.RequestURI != "/api/rest/services/s1/untrustedredirecturis" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.RequestURI, got.Header)
	}
	tests := []struct {
		answer string
		status int
		want   string
	}{
		{"", 204, ""}, {"", 201, ""}, {"<html>", 200, "HTML page"}, {"", 403, "permission to update services"}, {"", 303, "redirects"}, {"", 503, "503"},
	}
	for _, test := range tests {
		answer, status = test.answer, test.status
		if err := hub.ReportUntrusted(t.Context(), "s1", "https://a/", ""); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d %s: %v", test.status, test.answer, err)
		}
	}
}

func TestAliasesOfEachForm(t *testing.T) {
	tests := []struct {
		name, aliases    string
		partial, unnamed bool
		ids, names       []string
	}{
		{"none", `"aliases":[]`, false, false, nil, nil},
		{"null", `"aliases":null`, false, false, nil, nil},
		{"not asked for", `"x":1`, false, false, nil, nil},
		{"objects, as documented", `"aliases":[{"type":"alias","id":"b"},{"id":"c","action":"merge"}]`, false, false, []string{"b", "c"}, nil},
		{"both members", `"aliasIds":["b"],"aliases":[{"id":"b"}]`, false, false, []string{"b", "b"}, nil},
		{"strings", `"aliases":["B"]`, false, false, nil, []string{"B"}},
		{"an object without an ID", `"aliases":[{"action":"merge"}]`, true, false, nil, nil},
		{"numbers", `"aliases":[1]`, true, false, nil, nil},
		{"no array", `"aliases":{"id":"b"}`, false, true, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot, err := parse([]byte(`{"total":1,"services":[{"id":"a","name":"A","key":"a",` + test.aliases + `}]}`))
			if err != nil {
				t.Fatal(err)
			}
			client := snapshot.Clients[0]
			if snapshot.Partial != test.partial || snapshot.Unnamed != test.unnamed || !slices.Equal(client.Aliases, test.ids) ||
				!slices.Equal(client.ServiceNames, append(test.names, "a")) {
				t.Errorf("%+v", snapshot)
			}
			if _, err := NewDirectory(snapshot); err != nil {
				t.Error(err)
			}
		})
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

// TestHostileJoins has a service whose bases and redirect URIs would make a hundred million joined ones.
func TestHostileJoins(t *testing.T) {
	var bases, relative []string
	for i := range 10_000 {
		bases, relative = append(bases, "https://a"+strconv.Itoa(i)), append(relative, "/"+strconv.Itoa(i))
	}
	home := "https://a"
	service := hubService{ID: "a", HomeURL: &home, BaseURLs: &bases, RedirectURIs: relative}
	if uris := service.redirectURIs(true); uris != nil {
		t.Errorf("%d URIs", len(uris))
	}
}

func TestHubInAPath(t *testing.T) {
	var paths []string
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { paths = append(paths, r.URL.EscapedPath()) }))
	base, err := url.Parse(hub.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	hub.BaseURL = base.JoinPath("hub").String() + "/"
	_, _ = hub.Load(t.Context())
	_, _ = hub.Lookup(t.Context(), "a")
	if !slices.Equal(paths, []string{"/hub/api/rest/services", "/hub/api/rest/services/a"}) {
		t.Error(paths)
	}
}

func FuzzServicesPage(f *testing.F) {
	f.Add([]byte(servicesPage))
	f.Add([]byte(`{"services":[null]}`))
	f.Add([]byte(`{"total":-1,"skip":1e9,"services":null,"services":[{"id":"a","aliases":[1,{"id":2},["x"],null]}]}`))
	f.Add([]byte(`{"services":[{"id":"\ud800","aliasIds":{},"homeUrl":"//","baseUrls":[""],"redirectUris":["","/"]}]} x`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := readPage(body, 100)
		if (page == nil) == (err == nil) {
			t.Fatalf("%v, %v", page, err)
		}
		var plain hubPage
		if err != nil {
			return
		}
		if json.Unmarshal(body, &plain) != nil {
			t.Fatal("what is not JSON was read")
		}
		if snapshot, err := page.snapshot(false); err == nil {
			if _, err := snapshot.revision(); err != nil {
				t.Error(err)
			}
			_, _ = NewDirectory(snapshot)
		}
	})
}
