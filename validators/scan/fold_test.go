package scan

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTrimBlanks compares with the standard library, which takes far longer for characters beyond ASCII.
func TestTrimBlanks(t *testing.T) {
	piece := rapid.SampledFrom([]string{" ", "\t", "\r", "\n", "\v", "\f", "\u00a0", "\ufeff", "\xc2", "\xa0", "\xef", "\xbb\xbf", "a", "é", "\x00", "€", "»", "ſ"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		if got, want := trimBlanks(text), strings.Trim(text, " \t\r\n\v\f\u00a0\ufeff"); got != want {
			t.Errorf("%q is trimmed to %q, want %q", text, got, want)
		}
	})
}
