package rule

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestHasWord compares it with splitting the value at blanks.
func TestHasWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`(a|b|aa|ab| |  ){0,9}`).Draw(t, "value")
		word := rapid.StringMatching(`(a|b){1,3}`).Draw(t, "word")
		if want := slices.Contains(strings.Split(value, " "), word); HasWord(value, word) != want {
			t.Errorf("HasWord(%q, %q) = %v", value, word, !want)
		}
	})
}
