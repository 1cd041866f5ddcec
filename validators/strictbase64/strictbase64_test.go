package strictbase64

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAppend compares the decoders with the strict ones of the standard library, which skip line ends.
func TestAppend(t *testing.T) {
	for _, test := range []struct {
		name   string
		strict *base64.Encoding
		decode func(to []byte, s string) ([]byte, bool)
	}{
		{"with padding", base64.StdEncoding.Strict(), Append},
		{"for URLs", base64.RawURLEncoding.Strict(), AppendURL},
	} {
		t.Run(test.name, func(t *testing.T) {
			accepted := 0
			rapid.Check(t, func(t *rapid.T) {
				bytes := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
				encoded := test.strict.EncodeToString(bytes)
				if rapid.Bool().Draw(t, "changed") {
					at := rapid.IntRange(0, len(encoded)).Draw(t, "at")
					encoded = encoded[:at] + rapid.StringMatching(`[A-Za-z0-9+/=\r\n_ -]{0,3}`).Draw(t, "piece") + encoded[min(len(encoded), at+rapid.IntRange(0, 3).Draw(t, "cut")):]
				}
				want, err := test.strict.DecodeString(encoded)
				got, ok := test.decode(make([]byte, 0, test.strict.DecodedLen(len(encoded))), encoded)
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
		})
	}
}
