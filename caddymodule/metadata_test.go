package caddymodule

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

func TestDrift(t *testing.T) {
	yes, no := true, false
	endpoints := map[rule.Endpoint][]string{rule.Authorize: {"/api/rest/oauth2/auth"}, rule.Token: {"/api/rest/oauth2/token"}}
	const hub = "https://hub.example"
	for name, c := range map[string]struct {
		issuer   string
		metadata clients.Metadata
		want     []string
	}{
		"the same": {hub, clients.Metadata{
			Issuer: hub, AuthorizationEndpoint: hub + "/api/rest/oauth2/auth", TokenEndpoint: hub + "/api/rest/oauth2/token", AuthorizationResponseIssParameterSupported: &yes,
		}, nil},
		"below a mount that is stripped": {"", clients.Metadata{Issuer: hub + "/hub", TokenEndpoint: hub + "/hub/api/rest/oauth2/token"}, nil},
		"nothing said":                   {"", clients.Metadata{}, nil},
		"other paths": {"", clients.Metadata{Issuer: hub, AuthorizationEndpoint: hub + "/authorize", TokenEndpoint: hub + "/token", UserinfoEndpoint: hub + "/userinfo"}, []string{
			"its authorize endpoint is /authorize, and the guard has it at /api/rest/oauth2/auth",
			"its token endpoint is /token, and the guard has it at /api/rest/oauth2/token",
			"its userinfo endpoint is /userinfo, and the guard has it at no path",
		}},
		"another issuer": {"https://old.example", clients.Metadata{Issuer: hub}, []string{`its issuer is "https://hub.example", and errors issuer is "https://old.example"`}},
		"no iss":         {hub, clients.Metadata{Issuer: hub, AuthorizationResponseIssParameterSupported: &no}, []string{"it sends no iss, and errors issuer lets the guard send one"}},
	} {
		if difference := cmp.Diff(c.want, expectation{endpoints, c.issuer}.drift(&c.metadata)); difference != "" {
			t.Errorf("%s (-want, +got):\n%s", name, difference)
		}
	}
}

func TestIssuer(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		metadata *clients.Metadata
		want     string
	}{
		"no metadata":   {nil, ""},
		"nothing said":  {&clients.Metadata{Issuer: "https://hub.example"}, ""},
		"it sends none": {&clients.Metadata{Issuer: "https://hub.example", AuthorizationResponseIssParameterSupported: &no}, ""},
		"it sends it":   {&clients.Metadata{Issuer: "https://hub.example", AuthorizationResponseIssParameterSupported: &yes}, "https://hub.example"},
	} {
		if got := issuerOf(c.metadata); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
