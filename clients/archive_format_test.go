package clients

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// drawTexts draws nil, empty and other slices.
func drawTexts(t *rapid.T, name string) []string {
	if rapid.Bool().Draw(t, name+" known") {
		return rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, name)
	}
	return nil
}

func drawRegistration(t *rapid.T) Registration {
	registration := Registration{
		Client: rule.Client{
			ID:            rapid.String().Draw(t, "id"),
			Name:          rapid.String().Draw(t, "name"),
			ResponseTypes: drawTexts(t, "response types"),
			GrantTypes:    drawTexts(t, "grant types"),
			AuthMethod:    rapid.String().Draw(t, "method"),
			Scopes:        drawTexts(t, "scopes"),
			Trust:         rapid.SampledFrom([]rule.Trust{rule.TrustUnknown, rule.Trusted, rule.Untrusted}).Draw(t, "trust"),
			Delivery:      rapid.String().Draw(t, "delivery"),
			Exempt:        drawTexts(t, "exempt"),
			Operator:      rapid.Bool().Draw(t, "operator"),

			PostLogoutRedirectURIs: drawTexts(t, "logout targets"),
			RequestURIs:            drawTexts(t, "request uris"),
			RequestObjectAlgorithm: rapid.String().Draw(t, "algorithm"),
			SignedRequests:         rapid.Bool().Draw(t, "signed"),
			PushedRequests:         rapid.Bool().Draw(t, "pushed"),
			DPoPBound:              rapid.Bool().Draw(t, "dpop"),
			CertificateBound:       rapid.Bool().Draw(t, "certificate"),
			Keys:                   rapid.SampledFrom([]json.RawMessage{nil, json.RawMessage(`{"keys":[{"kty":"EC","x":"é<>"}]}`)}).Draw(t, "keys"),
		},
		Aliases:      drawTexts(t, "aliases"),
		ServiceNames: drawTexts(t, "service names"),
	}
	if rapid.Bool().Draw(t, "uris known") {
		registration.RedirectURIs = []redirecturi.Registered{}
		for _, uri := range rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "uris") {
			registration.RedirectURIs = append(registration.RedirectURIs, redirecturi.Registered{URI: uri, Plausible: rapid.Bool().Draw(t, "plausible")})
		}
	}
	return registration
}

func TestArchiveRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &Snapshot{
			Clients:  []Registration{},
			Services: rapid.Bool().Draw(t, "services"),
			Partial:  rapid.Bool().Draw(t, "partial"),
			Unnamed:  rapid.Bool().Draw(t, "unnamed"),
			Revision: rapid.StringN(1, 40, -1).Draw(t, "revision"),
		}
		for range rapid.IntRange(0, 5).Draw(t, "clients") {
			want.Clients = append(want.Clients, drawRegistration(t))
		}
		store := newArchiveStore()
		written, err := archiveIn(store).Write(t.Context(), want, archiveTime, "one")
		if err != nil {
			t.Fatal(err)
		}
		got, read, err := archiveIn(store).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// It tells nil from empty.
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		// A manifest without chunks may have nil or an empty slice.
		if written.SHA256 != read.SHA256 || written.Version != read.Version || read.Clients != len(want.Clients) || read.Revision != want.Revision {
			t.Fatalf("written %+v, read %+v", written, read)
		}
	})
}

// A field that is new in the record must be added to archivedClient, or be left out on purpose, and then to this list.
func TestArchiveKnowsAllFields(t *testing.T) {
	tests := []struct {
		value any
		want  []string
	}{
		{rule.Client{}, []string{"ID", "Name", "RedirectURIs", "ResponseTypes", "GrantTypes", "AuthMethod", "Scopes", "Trust", "Delivery", "Exempt",
			"PostLogoutRedirectURIs", "RequestURIs", "RequestObjectAlgorithm", "SignedRequests", "PushedRequests", "DPoPBound", "CertificateBound", "Keys", "Operator"}},
		{redirecturi.Registered{}, []string{"URI", "Plausible"}},
		{Registration{}, []string{"Client", "Aliases", "ServiceNames"}},
		// Each and Size are for clients that are not stored.
		{Snapshot{}, []string{"Clients", "Each", "Size", "Services", "Partial", "Unnamed", "Revision"}},
	}
	for _, test := range tests {
		var fields []string
		for field := range reflect.TypeOf(test.value).Fields() {
			fields = append(fields, field.Name)
		}
		if !slices.Equal(fields, test.want) {
			t.Errorf("%T has the fields %q, known are %q", test.value, fields, test.want)
		}
	}
}

func TestArchiveFormat(t *testing.T) {
	tests := []struct {
		name   string
		client Registration
		want   string
	}{
		{"nothing known", Registration{Client: rule.Client{ID: "a"}}, `{"client_id":"a"}`},
		{"none, not unknown", Registration{Client: rule.Client{ID: "a", RedirectURIs: []redirecturi.Registered{}, Scopes: []string{}}},
			`{"client_id":"a","redirect_uris":[],"scopes":[]}`},
		{"characters of HTML stay", Registration{Client: rule.Client{ID: "a", RedirectURIs: []redirecturi.Registered{{URI: "https://a/?b&c"}}}},
			`{"client_id":"a","redirect_uris":[{"uri":"https://a/?b&c"}]}`},
		{"everything", Registration{Client: rule.Client{ID: "a", Name: "A", RedirectURIs: []redirecturi.Registered{{URI: "https://a/", Plausible: true}},
			ResponseTypes: []string{"code"}, GrantTypes: []string{"password"}, AuthMethod: "none", Scopes: []string{"s"}, Trust: rule.Untrusted,
			Delivery: "page", Exempt: []string{"authorize.*"}, Operator: true, PostLogoutRedirectURIs: []string{"https://a/bye"}, RequestURIs: []string{}, RequestObjectAlgorithm: "ES256",
			SignedRequests: true, PushedRequests: true, DPoPBound: true, CertificateBound: true, Keys: json.RawMessage(`{"keys":[]}`)}, Aliases: []string{"b"}, ServiceNames: []string{"n"}},
			`{"client_id":"a","client_name":"A","redirect_uris":[{"uri":"https://a/","plausible":true}],"response_types":["code"],` +
				`"grant_types":["password"],"token_endpoint_auth_method":"none","scopes":["s"],"trust":"untrusted","delivery":"page",` +
				`"exempt":["authorize.*"],"operator":true,"aliases":["b"],"service_names":["n"],` +
				`"post_logout_redirect_uris":["https://a/bye"],"request_uris":[],"request_object_signing_alg":"ES256","require_signed_request_object":true,` +
				`"require_pushed_authorization_requests":true,"dpop_bound_access_tokens":true,"tls_client_certificate_bound_access_tokens":true,"jwks":{"keys":[]}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			content, err := encodeClients([]Registration{test.client})
			if err != nil || string(content) != test.want+"\n" {
				t.Errorf("got %s, %v", content, err)
			}
		})
	}
}

func TestArchiveReadsALaterRelease(t *testing.T) {
	clients, err := decodeClients([]byte(`{"client_id":"a","trust":"half","colour":"red","redirect_uris":[{"uri":"https://a/","since":1}]}` + "\n"))
	want := []Registration{{Client: rule.Client{ID: "a", RedirectURIs: []redirecturi.Registered{{URI: "https://a/"}}}}}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, clients); diff != "" {
		t.Error(diff)
	}
}

func TestArchiveWritesOnlyUTF8(t *testing.T) {
	const bad = "\xff"
	clients := map[string]Registration{
		"id":     {Client: rule.Client{ID: bad}},
		"scope":  {Client: rule.Client{ID: "a", Scopes: []string{bad}}},
		"uri":    {Client: rule.Client{ID: "a", RedirectURIs: []redirecturi.Registered{{URI: "https://a/" + bad}}}},
		"alias":  {Client: rule.Client{ID: "a"}, Aliases: []string{"", bad}},
		"method": {Client: rule.Client{ID: "a", AuthMethod: bad}},
	}
	for name, client := range clients {
		store := newArchiveStore()
		_, err := archiveIn(store).Write(t.Context(), &Snapshot{Clients: []Registration{client}}, archiveTime, "one")
		if err == nil || !strings.Contains(err.Error(), "UTF-8") || len(store.keys("")) != 0 {
			t.Errorf("%s: %v, stored %q", name, err, store.keys(""))
		}
	}
}

func FuzzArchive(f *testing.F) {
	store := newArchiveStore()
	if _, err := archiveIn(store).Write(f.Context(), &Snapshot{Clients: registered("a", "b")}, archiveTime, "one"); err != nil {
		f.Fatal(err)
	}
	for _, key := range store.keys("") {
		f.Add(store.get(key))
	}
	f.Add([]byte(`{"kind":"oauth_guard clients","format":2}`))
	f.Add([]byte(`[{"client_id":"a"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if manifest, err := parseManifest(data, "a"); err == nil && manifest.implausible() != "" {
			t.Errorf("got %+v", manifest)
		}
		// As if its hash were right, which nobody finds by guessing.
		inner := envelope{Kind: archiveKind, Format: archiveFormat, SHA256: revisionOf(data), Manifest: data}
		if manifest, err := parseManifest(marshalled(inner), "a"); err == nil && (manifest.Key != "a" || len(manifest.Chunks) > maxChunks) {
			t.Errorf("got %+v", manifest)
		}
		clients, err := decodeClients(data)
		if err != nil {
			return
		}
		content, err := encodeClients(clients)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeClients(content)
		if err != nil || !cmp.Equal(clients, again) {
			t.Errorf("%v: %s", err, cmp.Diff(clients, again))
		}
	})
}
