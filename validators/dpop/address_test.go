package dpop

import (
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestAddressed compares the URL of a proof with that of the request.
func TestAddressed(t *testing.T) {
	for _, test := range []struct {
		htu, host, target string
		want              bool
	}{
		{"https://a.example/b", "a.example", "/b", true}, {"https://A.example:443/b?c#d", "a.EXAMPLE", "/b", true}, {"https://a.example", "a.example:443", "/", true},
		{"https://a.example/b", "b.example", "/b", false}, {"https://a.example/b", "a.example:8443", "/b", false}, {"https://a/b", strings.Repeat("a", 1000), "/b", false},
		{"https://a/%62%2f%7E", "a", "/b%2F~", true}, {"https://a/b%2F", "a", "/b/", false}, {"https://a/b", "a", "/b/", false}, {"https://a/b/", "a", "/b", false},
		{"https://a/%C3%A9", "a", "/%c3%a9", true}, {"https://a/é", "a", "/%c3%a9", false}, {"https://a/%", "a", "/%", true}, {"https://a/%25", "a", "/%", false}, {"https://a/%4", "a", "/%41", false},
	} {
		var c rule.Case
		c.Open(&rule.Request{Scheme: "https", Host: test.host, Target: test.target}, rule.Resource, new(rule.Options), nil)
		if got := addressed(&c, test.htu); got != test.want {
			t.Errorf("%s, sent to %.20s%s: %v", test.htu, test.host, test.target, got)
		}
	}
}
