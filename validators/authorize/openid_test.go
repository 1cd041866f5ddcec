package authorize

import "testing"

// TestTruncatedJSON cuts parameters of JSON at every place: what is left is malformed, and nothing else happens.
func TestTruncatedJSON(t *testing.T) {
	const (
		details = `[{"type":"payment","actions":["a",{"b":null}],"type2":""},{"type":"\u0061"}]`
		claims  = `{"userinfo":{"email":null,"name":{"essential":true,"value":"a","values":["a"]}},"id_token":{"acr":{"value":"\u0061"}}}`
	)
	for name, test := range map[string]struct {
		text  string
		valid func(string) bool
	}{
		"authorization_details": {details, ValidAuthorizationDetails},
		"claims":                {claims, validClaims},
	} {
		for end := range test.text {
			if test.valid(test.text[:end]) {
				t.Errorf("%s: %s is valid", name, test.text[:end])
			}
		}
		if !test.valid(test.text) {
			t.Errorf("%s: the whole is not valid", name)
		}
	}
}
