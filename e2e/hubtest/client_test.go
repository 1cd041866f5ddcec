package hubtest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// hubOf is the guard's reader of a stand-in.
func hubOf(server *Server, token string) *clients.Hub {
	return &clients.Hub{
		BaseURL: server.URL(), Timeout: 30 * time.Second, Client: &http.Client{Transport: &http.Transport{}},
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

func idsOf(snapshot *clients.Snapshot) []string {
	var ids []string
	for i := range snapshot.Clients {
		ids = append(ids, snapshot.Clients[i].ID)
	}
	slices.Sort(ids)
	return ids
}

// TestRegistry reads a large registry in small pages and finds what Hub would accept.
func TestRegistry(t *testing.T) {
	const count = 5000
	for _, omitEmpty := range []bool{false, true} {
		server := start(t, Config{Path: "/hub", Generate: count, MaxTop: 100, OmitEmpty: omitEmpty})
		server.AddServices(Service{ID: "aliased", Name: "A", AliasIDs: []string{"old"}, Aliases: []Alias{{ID: "older"}}})
		hub := hubOf(server, reader)
		began := time.Now()
		snapshot, err := hub.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d services in %s", len(snapshot.Clients), time.Since(began))
		if snapshot.Partial || snapshot.Unnamed || len(snapshot.Clients) != count+5 {
			t.Errorf("partial %v, unnamed %v, %d services", snapshot.Partial, snapshot.Unnamed, len(snapshot.Clients))
		}
		directory, err := clients.NewDirectory(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		client, _ := directory.Find(GeneratedID(4711))
		if client == nil || client.Trust != rule.Untrusted || redirecturi.Compare("https://app-4711.example.com/callback", client.RedirectURIs) != redirecturi.Exact ||
			redirecturi.Compare("https://app-4711.example.com/oauth", client.RedirectURIs) != redirecturi.Exact {
			t.Errorf("%+v", client)
		}
		for _, id := range []string{"old", "older", "aliased"} {
			if client, standing := directory.Find(id); standing != rule.Known || client.ID != "aliased" {
				t.Errorf("%s: %v, %v", id, client, standing)
			}
		}
		encoded, err := json.Marshal(snapshot)
		if err != nil || strings.Contains(string(encoded), PlantedSecret) {
			t.Errorf("a secret was read, or %v", err)
		}
		counts := server.Counts()
		if counts.SecretAsked != 0 || counts.Requests[List] != 51 || counts.Total() != 51 {
			t.Errorf("%+v", counts)
		}
		if again, err := hub.LoadSince(t.Context(), snapshot.Revision); err != nil || again != nil {
			t.Errorf("%v, %v", again, err)
		}
	}
}

// TestFaults makes sure that no fault leads to a wrong list that looks like the whole one.
func TestFaults(t *testing.T) {
	type result struct {
		errors  string // a part of the error
		partial bool
	}
	tests := map[FaultKind]result{
		Slow: {}, Drip: {}, Hang: {errors: "no complete answer in time"},
		BrokenJSON: {errors: "invalid character"}, Truncated: {errors: "cut off"}, Empty: {errors: "is empty"}, HTML: {errors: "HTML page"},
		ErrorAsSuccess: {errors: `no member "services"`}, Huge: {errors: "too large"}, GzipBomb: {errors: "too large"},
		Status: {errors: "503 Service Unavailable"}, Flapping: {errors: "503 Service Unavailable"}, Redirect: {errors: "302 Found"},
		Reset: {errors: "connection reset"}, Drop: {errors: "EOF"}, ProxyNotFound: {errors: "404 Not Found"},
		Shrinking: {partial: true}, Growing: {partial: true}, Moving: {partial: true}, Shuffling: {partial: true},
		IgnoreSkip: {partial: true}, IgnoreTop: {}, NoTotal: {}, WrongTotal: {partial: true},
	}
	for _, kind := range FaultKinds {
		t.Run(string(kind), func(t *testing.T) {
			want, known := tests[kind]
			if !known {
				t.Fatal("not tested")
			}
			server := start(t, Config{Generate: 30})
			hub := hubOf(server, reader)
			hub.PageSize = 10
			switch kind {
			case Hang:
				hub.Timeout = 100 * time.Millisecond
			case GzipBomb:
				hub.PageSize = 1 // smaller pages are tried else, which takes long
			}
			if err := server.SetFaults(Fault{Kind: kind, Delay: Duration(time.Microsecond), Size: 17 << 20}); err != nil {
				t.Fatal(err)
			}
			snapshot, err := hub.Load(t.Context())
			switch {
			case want.errors != "":
				if err == nil || !strings.Contains(err.Error(), want.errors) || strings.Contains(err.Error(), reader) {
					t.Errorf("%v, %v", snapshot, err)
				}
			case err != nil:
				t.Error(err)
			case snapshot.Partial != want.partial:
				t.Errorf("partial: %v", snapshot.Partial)
			case !snapshot.Partial && len(snapshot.Clients) != 34:
				t.Error(idsOf(snapshot))
			}
			if counts := server.Counts(); counts.Redirected != 0 || counts.SecretAsked != 0 {
				t.Errorf("%+v", counts)
			}
			// Nothing remains of a fault.
			hub.Timeout = 30 * time.Second
			if err := server.SetFaults(); err != nil {
				t.Fatal(err)
			}
			if snapshot, err := hub.Load(t.Context()); err != nil || snapshot.Partial {
				t.Errorf("%+v, %v", snapshot, err)
			}
		})
	}
	server := start(t, Config{})
	if err := server.SetFaults(Fault{Kind: "nonsense"}); err == nil {
		t.Error("no error")
	}
}

// TestListThatChangesOnce is read again, and then whole.
func TestListThatChangesOnce(t *testing.T) {
	for _, kind := range []FaultKind{Shrinking, Growing, Moving} {
		t.Run(string(kind), func(t *testing.T) {
			server := start(t, Config{Generate: 30})
			hub := hubOf(server, reader)
			hub.PageSize = 10
			if err := server.SetFaults(Fault{Kind: kind, Times: 1}); err != nil {
				t.Fatal(err)
			}
			snapshot, err := hub.Load(t.Context())
			if err != nil || snapshot.Partial {
				t.Fatalf("%+v, %v", snapshot, err)
			}
			if err := server.SetFaults(); err != nil {
				t.Fatal(err)
			}
			now, err := hub.Load(t.Context())
			if err != nil || !slices.Equal(idsOf(snapshot), idsOf(now)) {
				t.Errorf("%v, then %v, %v", idsOf(snapshot), idsOf(now), err)
			}
		})
	}
}

// TestWholeListsAreRight changes the registry all the time. Whatever is called whole must hold each service that was there from beginning to end.
func TestWholeListsAreRight(t *testing.T) {
	server := start(t, Config{Generate: 60, Services: []Service{{ID: "hub"}}})
	hub := hubOf(server, reader)
	hub.PageSize = 10
	end := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
			}
			// Every fourth service comes and goes.
			id := 4 * (i % 15)
			server.RemoveService(GeneratedID(id))
			server.AddServices(Generated(id))
		}
	})
	whole := 0
	for range 40 {
		snapshot, err := hub.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.Partial {
			continue
		}
		whole++
		ids := idsOf(snapshot)
		for i := range 60 {
			if _, found := slices.BinarySearch(ids, GeneratedID(i)); i%4 != 0 && !found {
				t.Errorf("%d is missing", i)
			}
		}
	}
	close(end)
	group.Wait()
	t.Logf("%d of 40 lists were whole", whole)
}

func TestPermissions(t *testing.T) {
	server := start(t, Config{Generate: 10, CountHidden: true, Services: []Service{{ID: "hub", Name: "Hub"}, {ID: "hidden", Name: "Hidden", Restricted: true}}})
	tests := []struct {
		token, list, lookup string
		partial             bool
	}{
		{reader, "", "", false},
		{some, "", "403", true},
		{nobody, "403 Forbidden", "403", false},
		{unknown, "401 Unauthorized", "401", false},
		{"", "wants a token", "401", false},
	}
	for _, test := range tests {
		hub := hubOf(server, test.token)
		snapshot, err := hub.Load(t.Context())
		if (err == nil) != (test.list == "") || err != nil && !strings.Contains(err.Error(), test.list) || err == nil && snapshot.Partial != test.partial {
			t.Errorf("%q: %+v, %v", test.token, snapshot, err)
		}
		if _, err := hub.Lookup(t.Context(), "hidden"); (err == nil) != (test.lookup == "") || err != nil && !strings.Contains(err.Error(), test.lookup) {
			t.Errorf("%q: %v", test.token, err)
		}
	}
	// A token that is replaced works at once.
	rotated := reader
	hub := hubOf(server, "")
	hub.Token = func(context.Context) (string, error) { return rotated, nil }
	if _, err := hub.Load(t.Context()); err != nil {
		t.Error(err)
	}
	server.SetToken(reader, "")
	defer server.SetToken(reader, ReadAll)
	if _, err := hub.Load(t.Context()); err == nil {
		t.Error("no error")
	}
	server.SetToken("perm:new", ReadAll)
	rotated = "perm:new"
	if _, err := hub.Load(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnDemand(t *testing.T) {
	server := start(t, Config{Generate: 3})
	hub := hubOf(server, reader)
	if found, err := hub.Lookup(t.Context(), GeneratedID(1)); err != nil || found == nil || found.Name != "Generated 1" || len(found.RedirectURIs) == 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := hub.Lookup(t.Context(), "nobody"); err != nil || found != nil {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := hub.Lookup(t.Context(), "me"); err == nil {
		t.Errorf("%+v", found)
	}
	if _, err := hub.Lookup(t.Context(), "../roles"); !errors.Is(err, clients.ErrNotAsked) {
		t.Error(err)
	}
	if counts := server.Counts(); counts.Requests[Single] != 3 || counts.Services["nobody"] != 1 || counts.SecretAsked != 0 || counts.Total() != 3 {
		t.Errorf("%+v", counts)
	}
	for _, fault := range []Fault{{Kind: ProxyNotFound}, {Kind: Status, Status: 429, RetryAfter: "7"}, {Kind: HTML}, {Kind: Empty}, {Kind: Drop}, {Kind: Redirect}} {
		if err := server.SetFaults(fault); err != nil {
			t.Fatal(err)
		}
		found, err := hub.Lookup(t.Context(), "nobody")
		if err == nil {
			t.Errorf("%s: %+v", fault.Kind, found)
		}
		if refusal, told := errors.AsType[*clients.HubError](err); fault.Status == 429 && (!told || refusal.RetryAfter() != 7*time.Second || refusal.Status != 429) {
			t.Error(err)
		}
	}
}

// TestApproval is the way of a new redirect URI from a refused request to the registry.
func TestApproval(t *testing.T) {
	server := start(t, Config{Generate: 2})
	id := GeneratedID(1)
	if err := hubOf(server, reader).ReportUntrusted(t.Context(), id, "https://new.example/cb", "192.0.2.1"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	if err := hubOf(server, writer).ReportUntrusted(t.Context(), id, "https://new.example/cb", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	service, _ := server.Service(id)
	if len(service.UntrustedRedirectURIs) != 1 || service.UntrustedRedirectURIs[0].TriedFrom != "192.0.2.1" {
		t.Fatalf("%+v", service)
	}
	if status, _ := ask(t, server, "POST", "/api/rest/services/"+id+"/untrustedredirecturis/"+service.UntrustedRedirectURIs[0].ID+"/accept", writer, ""); status != 200 {
		t.Fatal(status)
	}
	found, err := hubOf(server, reader).Lookup(t.Context(), id)
	if err != nil || redirecturi.Compare("https://new.example/cb", found.RedirectURIs) != redirecturi.Exact {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestUnchangedLists(t *testing.T) {
	for name, config := range map[string]Config{"etag": {ETag: true}, "last modified": {LastModified: true}} {
		t.Run(name, func(t *testing.T) {
			config.Generate, config.MaxTop = 250, 100
			server := start(t, config)
			if config.LastModified {
				server.changed = server.changed.Add(-time.Minute) // else it may change again within the second
			}
			hub := hubOf(server, reader)
			snapshot, err := hub.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			server.Forget()
			for range 3 {
				if again, err := hub.LoadSince(t.Context(), snapshot.Revision); err != nil || again != nil {
					t.Errorf("%+v, %v", again, err)
				}
			}
			if counts := server.Counts(); counts.NotModified != 9 || counts.Pages != 0 {
				t.Errorf("%+v", counts)
			}
			server.AddServices(Generated(9999))
			if again, err := hub.LoadSince(t.Context(), snapshot.Revision); err != nil || again == nil || len(again.Clients) != 255 {
				t.Errorf("%+v, %v", again, err)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	server := start(t, Config{Path: "/hub"})
	metadata, err := hubOf(server, reader).Metadata(t.Context())
	if err != nil || metadata.Issuer != server.URL() || metadata.TokenEndpoint != server.URL()+"/api/rest/oauth2/token" || !slices.Contains(metadata.ResponseTypesSupported, "code") {
		t.Errorf("%+v, %v", metadata, err)
	}
	for _, request := range server.Requests() {
		if request.Token {
			t.Error("a token was sent")
		}
	}
	public := start(t, Config{Issuer: "https://hub.example.com"})
	if _, err := hubOf(public, reader).Metadata(t.Context()); err == nil {
		t.Error("no error")
	}
	known := &clients.MetadataReader{URL: public.URL(), Issuer: "https://hub.example.com"}
	if metadata, err := known.Read(t.Context()); err != nil || metadata.Issuer != "https://hub.example.com" {
		t.Errorf("%+v, %v", metadata, err)
	}
}

func TestTLS(t *testing.T) {
	server := start(t, Config{TLS: true, ClientCertificates: true})
	hub := hubOf(server, reader)
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.Authority())
	hub.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Error(err)
	}
	certificate, key, err := server.ClientCertificate()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	hub.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}}
	if snapshot, err := hub.Load(t.Context()); err != nil || len(snapshot.Clients) != 4 {
		t.Errorf("%+v, %v", snapshot, err)
	}
}

func TestDown(t *testing.T) {
	server := start(t, Config{})
	hub := hubOf(server, reader)
	url := server.URL()
	for range 3 {
		server.Down()
		if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "connect") {
			t.Error(err)
		}
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Load(t.Context()); err != nil || server.URL() != url {
			t.Error(err)
		}
	}
}

// TestProcess runs the stand-in as a program, and commands it over HTTP.
func TestProcess(t *testing.T) {
	program, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	process, err := StartProcess(program, Config{Path: "/hub", Tokens: tokens, Generate: 10})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = process.Kill()
		}
	}()
	hub := &clients.Hub{BaseURL: process.URL, Token: func(context.Context) (string, error) { return reader, nil }, Timeout: 10 * time.Second}
	load := func(want int) {
		t.Helper()
		snapshot, err := hub.Load(t.Context())
		if err != nil || len(snapshot.Clients) != want {
			t.Errorf("%+v, %v; want %d services", snapshot, err, want)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	load(14)
	control := process.Control
	check(control.AddServices(Service{ID: "new", Name: "New"}))
	check(control.Generate(10, 20))
	load(25)
	removed, err := control.RemoveService("new")
	if service, _ := control.Service(GeneratedID(19)); err != nil || !removed || service.Name != "Generated 19" {
		t.Errorf("%v, %v, %+v", removed, err, service)
	}
	load(24)
	check(control.SetFaults(Fault{Kind: Slow, Delay: Duration(time.Millisecond)}, Fault{Kind: Status, Status: 500}))
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Error(err)
	}
	check(control.SetFaults())
	if err := control.SetFaults(Fault{Kind: "nonsense"}); err == nil {
		t.Error("no error")
	}
	check(control.Down())
	if _, err := hub.Load(t.Context()); err == nil {
		t.Error("no error")
	}
	check(control.Up())
	check(control.SetToken(reader, Denied))
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	counts, err := control.Counts()
	if err != nil || counts.Requests[List] != 5 || counts.Statuses[403] != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
	requests, err := control.Requests()
	if err != nil || len(requests) != 5 || requests[0].Permission != ReadAll || requests[4].Permission != Denied || !strings.HasPrefix(requests[0].URI, "/hub/api/rest/services?") {
		t.Errorf("%+v, %v", requests, err)
	}
	check(control.SetToken("perm:w", Write))
	writing := &clients.Hub{BaseURL: process.URL, Token: func(context.Context) (string, error) { return "perm:w", nil }}
	check(writing.ReportUntrusted(t.Context(), GeneratedID(3), "https://new/", ""))
	if bodies, err := control.Bodies(); err != nil || len(bodies) != 1 || bodies[0].ID != GeneratedID(3) {
		t.Errorf("%+v, %v", bodies, err)
	}
	check(control.Forget())
	check(process.Kill())
	if _, err := hub.Load(t.Context()); err == nil {
		t.Error("no error")
	}
	second, err := StartProcess(program, Config{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if second.Authority == "" || second.Certificate == "" || second.Key == "" || !strings.HasPrefix(second.URL, "https://") {
		t.Errorf("%+v", second.Running)
	}
	check(second.Stop())
	stopped = true
}
