package rule

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

func TestMetadata(t *testing.T) {
	for _, test := range []struct {
		text string
		want Metadata
	}{
		{``, Metadata{Malformed: true}},
		{`null`, Metadata{Malformed: true}},
		{`[]`, Metadata{Malformed: true}},
		{`{"a": 1, "a": 1}`, Metadata{Malformed: true}},
		{`{}`, Metadata{}},
		{`{"redirect_uris": null, "jwks": null, "jwks_uri": "", "software_statement": null}`, Metadata{}},
		{`{"redirect_uris": [], "grant_types": ["a", "implicit"], "response_types": ["code"], "post_logout_redirect_uris": ["x"], "application_type": "native"}`, Metadata{
			GrantTypes: Listed | ImplicitGrant, ResponseTypes: Listed | CodeResponse, PostLogoutRedirectURIs: URIs{Count: 1, Flaws: redirecturi.Relative, NotHTTPS: true}, Native: true}},
		{`{"redirect_uris": ["https://a.example/", "http:\/\/b.example/*", "HTTPS://c.example/#"], "grant_types": [], "application_type": "web"}`, Metadata{
			RedirectURIs: URIs{Count: 3, Flaws: redirecturi.Insecure | redirecturi.Fragment, Pattern: true, NotHTTPS: true}, GrantTypes: Listed}},
		{`{"redirect_uris": ["https://a.example/"], "x": ["*", 1], "y": {"redirect_uris": ["*"]}}`, Metadata{RedirectURIs: URIs{Count: 1}}},
		{`{"grant_types": ["implicit", "authorization_code code", ["authorization_code"]], "response_types": ["codec id_token", "acode code", "tokens token", "xtoken"]}`, Metadata{
			Mistyped: true, ResponseTypes: Listed | CodeResponse | TokenResponse | IDTokenResponse}},
		{`{"grant_types": ["authorization_code", "a implicit"], "response_types": ["id_token\u2003token", "\tcode,"]}`, Metadata{
			GrantTypes: Listed | AuthorizationCodeGrant, ResponseTypes: Listed | IDTokenResponse | TokenResponse}},
		{`{"redirect_uris": ["https://*"], "grant_types": "implicit", "response_types": {"0": "code"}, "jwks_uri": [], "redirect_uris2": ["*"]}`, Metadata{
			Mistyped: true, RedirectURIs: URIs{Count: 1, Flaws: 0, Pattern: true}}},
		{`{"jwks": {"keys": []}, "jwks_uri": "https://a.example", "software_statement": "a.b.c"}`, Metadata{Keys: true, KeysURI: true, Statement: true}},
		{`{"redirect_uris": ["x", 1]}`, Metadata{Mistyped: true}},
		{`{"redirect_uris": {"0": "x"}}`, Metadata{Mistyped: true}},
		{`{"jwks": []}`, Metadata{Mistyped: true}},
		{`{"software_statement": 1}`, Metadata{Mistyped: true}},
		{`{"Redirect_uris": []}`, Metadata{Misspelt: true}},
		{`{"jwK` + "\u017f" + `": {}}`, Metadata{Misspelt: true}},
		{`{"redirect_uri": "x", "redirect_uris2": 1}`, Metadata{}},
	} {
		c := Case{Request: Request{Body: test.text}}
		if diff := cmp.Diff(&test.want, c.Metadata()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
	}
}
