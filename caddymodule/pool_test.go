package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// newTestApp is the app of one configuration, and what it logs.
func newTestApp(t *testing.T, storage certmagic.Storage) (*App, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	return &App{logger: zap.New(core), storage: storage}, logs
}

// use provisions a source of a configuration.
func (a *App) use(t *testing.T, source *HubSource) *pooledFeed {
	t.Helper()
	raw, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := source.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	pooled, err := a.feed(raw, source)
	if err != nil {
		t.Fatal(err)
	}
	return pooled
}

// end stops a configuration.
func (a *App) end(t *testing.T) {
	t.Helper()
	if err := a.Stop(); err != nil {
		t.Error(err)
	}
	if err := a.Cleanup(); err != nil {
		t.Error(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// testHub is a Hub with one service, and the connections to it.
type testHub struct {
	*httptest.Server
	mutex sync.Mutex
	open  map[net.Conn]bool
}

func newTestHub(t *testing.T) *testHub {
	t.Helper()
	h := &testHub{open: make(map[net.Conn]bool)}
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/api/rest/services" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"Not Found"}`)
			return
		}
		_, _ = io.WriteString(w, `{"skip":0,"total":1,"services":[{"id":"a","name":"A","key":"a","homeUrl":"https://a.example","baseUrls":[],"redirectUris":["https://a.example/cb"]}]}`)
	}))
	h.Config.ConnState = func(connection net.Conn, state http.ConnState) {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		h.open[connection] = state != http.StateClosed
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// connections is how many are open.
func (h *testHub) connections() (count int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, open := range h.open {
		if open {
			count++
		}
	}
	return count
}

// TestConnectionsOfARemovedSource expects that no connection outlives the source.
func TestConnectionsOfARemovedSource(t *testing.T) {
	hub := newTestHub(t)
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	first, _ := newTestApp(t, storage)
	pooled := first.use(t, &HubSource{BaseURL: hub.URL})
	must(t, first.Start())
	eventually(t, "the Hub is read", func() bool { return pooled.feed.Directory() != nil })
	// After a reload the source has the connections of the module that made it.
	second, _ := newTestApp(t, storage)
	second.use(t, &HubSource{BaseURL: hub.URL})
	must(t, second.Start())
	first.end(t)
	must(t, pooled.refresh(t.Context()))
	if hub.connections() == 0 {
		t.Error("no connection is kept")
	}
	second.end(t)
	eventually(t, "all connections are closed", func() bool { return hub.connections() == 0 })
}

// must ends the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLabels has two sources of one Hub in a configuration, which differ in an option, and then changes an option of the only one. Each has a series of its own, whose name says where it reads, and
// which a reload does not interrupt.
func TestLabels(t *testing.T) {
	hub := newTestHub(t)
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	name := "hub:" + hub.URL
	labels := func() (found []string) {
		for _, pooled := range running() {
			found = append(found, pooled.state().Name)
		}
		return found
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(sourceClients)
	// series are the numbers of clients by label.
	series := func() map[string]float64 {
		values := make(map[string]float64)
		families, err := registry.Gather()
		must(t, err)
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				values[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
			}
		}
		return values
	}

	first, _ := newTestApp(t, storage)
	one := first.use(t, &HubSource{BaseURL: hub.URL, OnDemand: 5})
	two := first.use(t, &HubSource{BaseURL: hub.URL, OnDemand: 6})
	if again := first.use(t, &HubSource{BaseURL: hub.URL, OnDemand: 5}); again != one || two == one {
		t.Error("equal sources are not one, or others are")
	}
	must(t, first.Start())
	if found := labels(); !slices.Equal(found, []string{name, name + "#2"}) {
		t.Errorf("%q", found)
	}
	eventually(t, "both are read", func() bool { return series()[name] == 1 && series()[name+"#2"] == 1 })

	// What was the second one is the only one now.
	second, _ := newTestApp(t, storage)
	second.use(t, &HubSource{BaseURL: hub.URL, OnDemand: 6})
	must(t, second.Start())
	first.end(t)
	if found := labels(); !slices.Equal(found, []string{name}) {
		t.Errorf("%q", found)
	}
	only := map[string]float64{name: 1}
	if found := series(); !maps.Equal(found, only) {
		t.Errorf("after the reload: %v", found)
	}
	third, _ := newTestApp(t, storage)
	third.use(t, &HubSource{BaseURL: hub.URL, OnDemand: 7})
	must(t, third.Start())
	second.end(t)
	if found := series(); !maps.Equal(found, only) {
		t.Errorf("after the second reload: %v", found)
	}
	third.end(t)
	if found := series(); len(found) != 0 {
		t.Errorf("in the end: %v", found)
	}
}

// TestArchiveKey expects that sources share what they read only if the Hub shows them the same, however often they ask.
func TestArchiveKey(t *testing.T) {
	key := func(source HubSource) string {
		source.BaseURL = "https://hub.example"
		_, name, settings := source.LiveSource()
		return clients.NewLive(name, nil, settings).ArchiveKey()
	}
	plain := key(HubSource{})
	if plain != key(HubSource{OnDemand: 5, Refresh: caddy.Duration(time.Hour), ReportUntrusted: "{env.A}"}) {
		t.Error("options that do not change the content change the key")
	}
	seen := map[string]string{"without a token": plain}
	for name, source := range map[string]HubSource{"a token": {Token: "{env.A}"}, "another token": {Token: "{env.B}"}, "a server name": {TLS: tlsOf("a.example")}, "another server name": {TLS: tlsOf("b.example")}} {
		for other, taken := range seen {
			if taken == key(source) {
				t.Errorf("%s and %s have one key", name, other)
			}
		}
		seen[name] = key(source)
	}
}

// stuck is a storage that does not answer, whatever the context says.
type stuck struct {
	certmagic.Storage
	over chan struct{}
}

// Load implements [certmagic.Storage].
func (s *stuck) Load(context.Context, string) ([]byte, error) {
	<-s.over
	return nil, io.ErrUnexpectedEOF
}

// TestStorageThatIsStuckAtTheStart expects that a configuration can be loaded all the same, and that the Hub is read.
func TestStorageThatIsStuckAtTheStart(t *testing.T) {
	hub := newTestHub(t)
	storage := &stuck{Storage: &certmagic.FileStorage{Path: t.TempDir()}, over: make(chan struct{})}
	app, logs := newTestApp(t, storage)
	pooled := app.use(t, &HubSource{BaseURL: hub.URL})
	if logs.FilterMessage("the list of clients from before cannot be read").Len() != 1 {
		t.Errorf("%+v", logs.All())
	}
	must(t, app.Start())
	eventually(t, "the Hub is read", func() bool { return pooled.feed.Directory() != nil })
	close(storage.over)
	app.end(t)
}

// TestLog expects one line for each thing that happens, which says what happened.
func TestLog(t *testing.T) {
	app, logs := newTestApp(t, nil)
	said := func() (lines []string) {
		for _, entry := range logs.TakeAll() {
			lines = append(lines, fmt.Sprint(entry.Level, " ", entry.Message))
		}
		return lines
	}
	for _, test := range []struct {
		name   string
		state  clients.State
		change clients.Change
		want   []string
	}{
		{"nothing", clients.State{State: clients.Fresh}, clients.Change{}, nil},
		{"the role", clients.State{State: clients.Fresh, Fetching: true}, clients.Change{Role: true}, []string{"info this instance fetches the registered clients for all"}},
		{"the role of another", clients.State{State: clients.Fresh, Fetcher: "b/1"}, clients.Change{Role: true}, []string{"info another instance fetches the registered clients"}},
		{"nobody", clients.State{State: clients.Fresh}, clients.Change{Role: true}, nil},
		{"a list", clients.State{State: clients.Fresh}, clients.Change{List: true}, []string{"info registered clients loaded"}},
		{"the storage", clients.State{State: clients.Fresh, StorageError: "full"}, clients.Change{Storage: true}, []string{"warn registered clients cannot be shared by the storage"}},
		{"the storage again", clients.State{State: clients.Fresh}, clients.Change{Storage: true}, []string{"info registered clients can be shared by the storage again"}},
		{"metadata", clients.State{MetadataError: "another issuer"}, clients.Change{Metadata: true}, []string{"info what the server says about itself cannot be read, or is not believed"}},
		{"reports", clients.State{ReportError: "403"}, clients.Change{Report: true}, []string{"warn refused redirect URIs cannot be reported"}},
		{"reports again", clients.State{}, clients.Change{Report: true}, []string{"info refused redirect URIs can be reported again"}},
	} {
		app.observe("test", test.state, test.change)
		if found := said(); !slices.Equal(found, test.want) {
			t.Errorf("%s: %q, want %q", test.name, found, test.want)
		}
	}
	forget("test")
}
