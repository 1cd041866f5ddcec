package bearer

import (
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestBlanksAround: HTTP/2 can carry blanks around a header value, HTTP/1.1 cannot, and neither can the vectors.
func TestBlanksAround(t *testing.T) {
	for value, fires := range map[string]bool{
		"Bearer abc": false, "Bearer  abc": false, " Bearer abc": true, "\tBearer abc": true, "Bearer abc ": true, "Bearer abc\t": true, " Basic YTpi": false, "Bearer:abc": true, "BearerX": true,
	} {
		var c rule.Case
		c.Open(&rule.Request{Method: "GET", Header: map[string][]string{"Authorization": {value}}}, rule.Resource, new(rule.Options), nil)
		for _, r := range Rules {
			if r.ID == "bearer.header.malformed" && r.Check(&c) != fires {
				t.Errorf("%q: fires %v, want %v", value, !fires, fires)
			}
		}
	}
}
