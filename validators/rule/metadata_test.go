package rule

import (
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{`{"redirect_uris": [], "grant_types": ["a", "b"], "response_types": ["code"], "post_logout_redirect_uris": ["x"], "application_type": "native"}`, Metadata{
			RedirectURIs: []string{}, GrantTypes: []string{"a", "b"}, ResponseTypes: []string{"code"}, PostLogoutRedirectURIs: []string{"x"}, ApplicationType: "native"}},
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
