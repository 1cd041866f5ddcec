package clients

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

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
