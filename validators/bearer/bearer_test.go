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

func TestJoined(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "Bearer a": false, "Bearer a,b": false, "Bearer a, Bearer b": true, "Bearer a,\t basic": true, "Bearer a,,dpop,": true, "Bearer a,Bearerb": false, "Bearer a,b,Basic\tc": true,
		"Bearer a,": false, "Bearer a, ": false, "Bearer a, Digest b": false, "Bearer a,B": false, "Bearer a Basic": false,
	} {
		if joined(value) != want {
			t.Errorf("%q: %v", value, !want)
		}
	}
}
