package clients

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
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
