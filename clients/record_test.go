package clients

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		record Client
		want   []string // what the error must say; nil means valid
	}{
		{"nothing but an ID", Client{ClientID: "0-0-0-0-0"}, nil},
		{"blank and punctuation in the ID are VSCHAR", Client{ClientID: "my app:1 (test)~"}, nil},
		{"https URL as ID", Client{ClientID: "https://cli.example/client.json"}, nil},
		{"app scheme and loopback", Client{ClientID: "a", RedirectURIs: []string{"ytoauth://landing.url", "http://127.0.0.1:8637/cb", "http://[::1]/"}}, nil},
		{"registered fragment and http are the client's business", Client{ClientID: "a", RedirectURIs: []string{"http://lan/cb#x"}}, nil},
		{"none registered", Client{ClientID: "a", RedirectURIs: []string{}}, nil},
		{"no ID", Client{ClientName: "x"}, []string{"client_id is missing", "give the identifier"}},
		{"line end in the ID", Client{ClientID: "a\n"}, []string{`client "a\n"`, "client_id", "printable ASCII"}},
		{"look-alike in the ID", Client{ClientID: "\u0430bc"}, []string{`"\u0430bc"`, "printable ASCII"}},
		{"relative", Client{ClientID: "a", RedirectURIs: []string{"https://ok/", "/cb"}}, []string{`client "a"`, "redirect_uris", `"/cb"`, "not absolute", "begin with a scheme"}},
		{"empty URI", Client{ClientID: "a", RedirectURIs: []string{""}}, []string{`""`, "not absolute"}},
		{"protocol relative", Client{ClientID: "a", RedirectURIs: []string{"//host/cb"}}, []string{"not absolute"}},
		{"https without a host", Client{ClientID: "a", RedirectURIs: []string{"https:/cb"}}, []string{"not absolute"}},
		{"script", Client{ClientID: "a", RedirectURIs: []string{"javascript:alert(1)"}}, []string{`"javascript:alert(1)"`, "script", "remove"}},
		{"script as browsers read it", Client{ClientID: "a", RedirectURIs: []string{" java\tscript:x"}}, []string{"script"}},
		{"delivery", Client{ClientID: "a", Delivery: "Redirect"}, []string{`client "a"`, "delivery", `"Redirect"`, "redirect, page or pass"}},
		{"public key", Client{ClientID: "a", JWKS: json.RawMessage(`{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}`)}, nil},
		{"null is no set of keys", Client{ClientID: "a", JWKS: json.RawMessage("null")}, nil},
		{"private key", Client{ClientID: "a", JWKS: json.RawMessage(`{"keys":[{"kty":"EC","x":"AA"},{"kty":"EC","d":"c2VjcmV0"}]}`)}, []string{`client "a"`, "jwks", "key 2 is private or symmetric", "replace"}},
		{"secret", Client{ClientID: "a", JWKS: json.RawMessage(`{"keys":[{"kty":"oct"}]}`)}, []string{"key 1 is private or symmetric"}},
		{"one key alone", Client{ClientID: "a", JWKS: json.RawMessage(`{"kty":"EC"}`)}, []string{"no array keys", `{"keys": [...]}`}},
		{"no JSON", Client{ClientID: "a", JWKS: json.RawMessage(`{`)}, []string{"not a JSON object"}},
		{"very long value is cut", Client{ClientID: "a", Delivery: strings.Repeat("x", 9999)}, []string{`x"...`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.record.Validate()
			if test.want == nil {
				if err != nil {
					t.Fatalf("unexpected error: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if len(err.Error()) > 400 {
				t.Errorf("error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAbsentDiffersFromEmpty(t *testing.T) {
	tests := []struct{ name, text, again string }{
		{"absent", `{"client_id":"a"}`, `{"client_id":"a"}`},
		{"null is absent", `{"client_id":"a","redirect_uris":null,"trusted":null}`, `{"client_id":"a"}`},
		{"empty", `{"client_id":"a","redirect_uris":[],"response_types":[],"grant_types":[],"trusted":false}`,
			`{"client_id":"a","redirect_uris":[],"response_types":[],"grant_types":[],"trusted":false}`},
		{"secret and unknown members are dropped", `{"client_id":"a","client_secret":"s3cret","logo_uri":"https://x/","jwks_uri":"https://x/keys"}`, `{"client_id":"a"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var record Client
			if err := json.Unmarshal([]byte(test.text), &record); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(record)
			if err != nil || string(again) != test.again {
				t.Errorf("got %s, %v; want %s", again, err, test.again)
			}
			client := record.registration().Client
			empty := strings.Contains(test.again, "[]")
			if (client.RedirectURIs != nil) != empty || (client.ResponseTypes != nil) != empty || (client.GrantTypes != nil) != empty {
				t.Errorf("nil and empty are mixed up: %+v", client)
			}
		})
	}
}

func TestEveryMemberReachesTheRules(t *testing.T) {
	yes, no := true, false
	record := Client{
		ClientID: "a", ClientName: "App", RedirectURIs: []string{"https://app/cb"}, ResponseTypes: []string{"code id_token"},
		GrantTypes: []string{"authorization_code"}, TokenEndpointAuthMethod: "none", Scope: " openid  email ", Trusted: &yes,
		Exempt: []string{"authorize.scope.*"}, Delivery: "page",
		PostLogoutRedirectURIs: []string{"https://app/bye"}, RequestURIs: []string{"https://app/object"}, RequestObjectSigningAlg: "ES256", RequireSignedRequestObject: true,
		RequirePushedAuthorizationRequests: true, DPoPBoundAccessTokens: true, TLSClientCertificateBoundAccessTokens: true, JWKS: json.RawMessage(`{"keys": []}`),
	}
	client := record.registration().Client
	value := reflect.ValueOf(client)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			t.Errorf("%s is lost", value.Type().Field(i).Name)
		}
	}
	if got := strings.Join(client.Scopes, "|"); got != "openid|email" {
		t.Errorf("scopes %q", got)
	}
	if client.RedirectURIs[0].Plausible {
		t.Error("a written URI is no guess")
	}
	record.Trusted, record.Scope = &no, " "
	if client = record.registration().Client; client.Trust != rule.Untrusted || client.Scopes != nil {
		t.Errorf("got %v, %v", client.Trust, client.Scopes)
	}
}
