package rule

import (
	"encoding/base64"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// someClients are a directory of one client of each kind.
type someClients map[string]*Client

func (d someClients) Find(id string) (*Client, Standing) {
	if client := d[id]; client != nil {
		return client, Known
	}
	return nil, Absent
}

func (d someClients) Service(string) (known, complete bool) { return false, false }

func TestCredentials(t *testing.T) {
	directory := someClients{
		"secret": {ID: "secret", AuthMethod: "client_secret_basic"}, "public": {ID: "public", AuthMethod: "none"},
		"certificate": {ID: "certificate", AuthMethod: "tls_client_auth"}, "unknown": {ID: "unknown"},
	}
	basic := func(credentials string) map[string][]string {
		return map[string][]string{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}}
	}
	for _, test := range []struct {
		name                       string
		body                       string
		header                     map[string][]string
		certificate                []byte
		anonymous, unauthenticated bool
		credentials                int
	}{
		{"nothing", "token=t", nil, nil, true, true, 0},
		{"empty values", "client_id=&client_secret=", nil, nil, true, true, 0},
		{"a public client", "client_id=public", nil, nil, false, true, 0},
		{"a confidential client", "client_id=secret", nil, nil, false, true, 0},
		{"a client with a certificate taken elsewhere", "client_id=certificate", nil, nil, false, false, 0},
		{"a client of an unknown kind", "client_id=unknown", nil, nil, false, false, 0},
		{"an unregistered client", "client_id=x", nil, nil, false, false, 0},
		{"a certificate", "token=t", nil, []byte{1}, true, false, 0},
		{"an attestation", "token=t", map[string][]string{"Oauth-Client-Attestation": {"a.b.c"}}, nil, false, false, 0},
		{"Basic", "token=t", basic("secret:s"), nil, false, false, 1},
		{"Basic without a password", "token=t", basic("public:"), nil, false, true, 0},
		{"Basic and a secret", "client_secret=s", basic("secret:s"), nil, false, false, 2},
		{"all", "client_secret=s&client_assertion=a", basic("secret:s"), nil, false, false, 3},
		{"Bearer", "token=t", map[string][]string{"Authorization": {"Bearer x"}}, nil, false, false, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := map[string][]string{"Content-Type": {formType}}
			for name, values := range test.header {
				header[name] = values
			}
			var c Case
			request := Request{Method: "POST", Header: header, Body: test.body, BodyState: BodyRead, Certificate: test.certificate}
			c.Open(&request, Introspection, &Options{Limits: scan.DefaultLimits}, directory)
			c.Scan()
			if c.Anonymous() != test.anonymous || c.Unauthenticated() != test.unauthenticated || c.Credentials() != test.credentials {
				t.Errorf("anonymous %t, unauthenticated %t, credentials %d", c.Anonymous(), c.Unauthenticated(), c.Credentials())
			}
		})
	}
}

func TestGrammar(t *testing.T) {
	for text, want := range map[string][2]bool{
		"a.b.c": {true, true}, "a.b.c.d.e": {true, true}, "a..c": {true, true}, "a.b": {true, false}, "a.b.c.d": {true, false}, "": {false, false},
		"a+/~==": {true, false}, "=": {false, false}, "a=b": {false, false}, "a b": {false, false}, "a.b.c~": {true, false}, "\u00e9.b.c": {false, false},
	} {
		if have := [2]bool{B64Token(text), CompactJWT(text)}; have != want {
			t.Errorf("%q: %v, want %v", text, have, want)
		}
	}
}
