package rule

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBase64 compares the decoder with the strict one of the standard library, which skips line ends.
func TestBase64(t *testing.T) {
	strict := base64.StdEncoding.Strict()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		encoded := strict.EncodeToString(bytes)
		if rapid.Bool().Draw(t, "changed") {
			at := rapid.IntRange(0, len(encoded)).Draw(t, "at")
			encoded = encoded[:at] + rapid.StringMatching(`[A-Za-z0-9+/=\r\n_ -]{0,3}`).Draw(t, "piece") + encoded[min(len(encoded), at+rapid.IntRange(0, 3).Draw(t, "cut")):]
		}
		want, err := strict.DecodeString(encoded)
		got, ok := appendBase64(make([]byte, 0, len(encoded)), encoded)
		if ok != (err == nil && !strings.ContainsAny(encoded, "\r\n")) || ok && string(got) != string(want) {
			t.Errorf("%q: %q %v, want %q %v", encoded, got, ok, want, err)
		}
		if ok {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("nothing is accepted")
	}
}
