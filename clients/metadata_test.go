package clients

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMetadata(t *testing.T) {
	const openID, second, oauth = "/hub/.well-known/openid-configuration", "/hub/api/rest/oauth2/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/hub"
	const rest = `,"authorization_endpoint":"https://hub.example/auth","token_endpoint":"https://hub.example/token","response_types_supported":["code","token"],` +
		`"grant_types_supported":["authorization_code"],"scopes_supported":["openid"],"client_id_metadata_document_supported":true}`
	tests := []struct {
		name  string
		files map[string]string
		// issuer is that of the reader.
		issuer string
		hub    bool
		at     string
		want   string
	}{
		{"OpenID Connect", map[string]string{openID: `{"issuer":"BASE"` + rest}, "", true, openID, ""},
		{"a slash at its end", map[string]string{openID: `{"issuer":"BASE/"` + rest}, "", true, openID, ""},
		{"the second place of Hub", map[string]string{second: `{"issuer":"BASE"` + rest}, "", true, second, ""},
		{"the second place of Hub as issuer", map[string]string{second: `{"issuer":"BASE/api/rest/oauth2"` + rest}, "", true, second, ""},
		{"the second place of Hub is of no other server", map[string]string{second: `{"issuer":"BASE"` + rest}, "", false, "", "404"},
		{"RFC 8414", map[string]string{oauth: `{"issuer":"BASE"` + rest}, "", false, oauth, ""},
		{"a login page at the first place", map[string]string{openID: "<html>", oauth: `{"issuer":"BASE"` + rest}, "", true, oauth, ""},
		{"another issuer at the first place", map[string]string{openID: `{"issuer":"https://x"` + rest, second: `{"issuer":"BASE"` + rest}, "", true, second, ""},
		{"another issuer", map[string]string{openID: `{"issuer":"https://evil"` + rest}, "", true, "", `names the issuer "https://evil" instead of "BASE"`},
		{"another case", map[string]string{openID: `{"issuer":"HTTP://127.0.0.1"` + rest}, "", true, "", "names the issuer"},
		{"behind an internal address", map[string]string{openID: `{"issuer":"https://hub.example"` + rest}, "https://hub.example", true, openID, ""},
		{"the address is no issuer if another one is set", map[string]string{openID: `{"issuer":"BASE"` + rest}, "https://hub.example", true, "", "names the issuer"},
		{"no issuer", map[string]string{openID: `{}`}, "", false, "", "names no issuer"},
		{"broken", map[string]string{openID: `{"issuer":`}, "", false, "", "unexpected end"},
		{"scopes as text", map[string]string{openID: `{"issuer":"BASE","scopes_supported":"openid"}`}, "", false, "", "scopes_supported: found string where an array belongs"},
		{"an endpoint that is a script", map[string]string{openID: `{"issuer":"BASE","authorization_endpoint":"javascript:alert(1)"}`}, "", false, "", "authorization_endpoint is not an http or https URL"},
		{"huge", map[string]string{openID: `{"issuer":"BASE","x":"` + strings.Repeat("x", maxMetadata) + `"}`}, "", false, "", "too large"},
		{"nowhere", nil, "", true, "", "404 Not Found; authorization server"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var mutex sync.Mutex
			var base string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mutex.Lock()
				defer mutex.Unlock()
				if r.Header.Get("Authorization") != "" {
					t.Error("a token was sent")
				}
				text, found := test.files[r.URL.Path]
				if !found {
					w.WriteHeader(404)
				}
				_, _ = io.WriteString(w, strings.ReplaceAll(text, "BASE", base))
			}))
			defer server.Close()
			mutex.Lock()
			base = server.URL + "/hub"
			mutex.Unlock()
			var metadata *Metadata
			var err error
			if test.hub && test.issuer == "" {
				hub := &Hub{BaseURL: base + "/", Token: func(context.Context) (string, error) { return permanentToken, nil }}
				metadata, err = hub.Metadata(t.Context())
			} else {
				reader := &MetadataReader{URL: base, Issuer: test.issuer}
				metadata, err = reader.Read(t.Context())
			}
			if test.want != "" {
				if want := strings.ReplaceAll(test.want, "BASE", base); err == nil || metadata != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%+v, %v; want %s", metadata, err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if metadata.Location != server.URL+test.at || metadata.TokenEndpoint != "https://hub.example/token" || len(metadata.ResponseTypesSupported) != 2 ||
				metadata.ResponseModesSupported != nil || !*metadata.ClientIDMetadataDocumentSupported || metadata.RequestURIParameterSupported != nil {
				t.Errorf("%+v", metadata)
			}
		})
	}
}

func TestMetadataOfAnotherIssuerCanBeTold(t *testing.T) {
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer":"https://hub.example"}`)
	}))
	_, err := hub.Metadata(t.Context())
	if wrong, ok := errors.AsType[*IssuerError](err); !ok || wrong.Got != "https://hub.example" || wrong.Want[0] != hub.BaseURL {
		t.Error(err)
	}
}

// TestMetadataOfASilentServer asks once only.
func TestMetadataOfASilentServer(t *testing.T) {
	var requests sync.WaitGroup
	requests.Add(1) // a second request panics
	hub := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Done()
		<-r.Context().Done()
	}))
	hub.Timeout = 50 * time.Millisecond
	if _, err := hub.Metadata(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
