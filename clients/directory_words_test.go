package clients

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// What is taken for the origin of a plain URI is what parsing it would give, and a plain URI has nothing that a registration must not have.
func TestPlainOrigin(t *testing.T) {
	if _, plain := plainOrigin("https://app-1.example/Login/call_back~1"); !plain {
		t.Error("not plain")
	}
	piece := rapid.SampledFrom([]string{"http", "https", "ftp", ":", "://", "/", "//", "a", "Z", "0", "-", ".", "_", "~", "@", "?", "#", "%", "%2f", ":443", "[::1]", "\\", " ", "\u00e4"})
	rapid.Check(t, func(t *rapid.T) {
		uri := ""
		for _, part := range rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces") {
			uri += part
		}
		uri = rapid.SampledFrom([]string{"", "http://", "https://", "https://a", "https://a/"}).Draw(t, "begin") + uri
		origin, plain := plainOrigin(uri)
		if plain && origin != redirecturi.Origin(uri) {
			t.Fatalf("%q: %q, parsed %q", uri, origin, redirecturi.Origin(uri))
		}
		if plain && (redirecturi.Scripts(uri) != 0 || redirecturi.Inspect(uri)&redirecturi.Relative != 0) {
			t.Fatalf("%q is plain, and must not be registered", uri)
		}
	})
}
