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
		encoded, err := json.Marshal(snapshot.Clients)
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
