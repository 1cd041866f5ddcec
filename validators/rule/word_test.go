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

func TestSameWords(t *testing.T) {
	long := strings.Repeat("a ", 127)
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"code", "code", true}, {"code", "token", false}, {"code id_token", "id_token code", true}, {"code code", "code", false}, {" code  token", "token code", true},
		{long + "b", "b " + long, true}, {long + "b a", long + "b a", true}, {long + "b a", long + "a b", false},
	} {
		if got := SameWords(test.a, test.b); got != test.want {
			t.Errorf("SameWords(%q, %q) = %v", test.a, test.b, got)
		}
	}
}

// TestResponseType finds words between white space only, wherever they stand.
func TestResponseType(t *testing.T) {
	for _, test := range []struct {
		text string
		want Flows
	}{
		{"", 0}, {"c", 0}, {"code", CodeResponse}, {"token", TokenResponse}, {"id_token", IDTokenResponse}, {"code id_token token", CodeResponse | IDTokenResponse | TokenResponse},
		{"none", 0}, {"codex", 0}, {"xcode", 0}, {"àcodeà", 0}, {"my_token", 0}, {"code\ttoken\n", CodeResponse | TokenResponse}, {"\u00a0code\u3000", CodeResponse}, {"\x00code", 0},
		{"codes code", CodeResponse}, {"id_tokens id_token", IDTokenResponse},
	} {
		for _, before := range []string{"", " ", "1234567 ", "12345678 "} {
			for _, after := range []string{"", " ", " 12345678"} {
				if got := responseType(before + test.text + after); got != test.want {
					t.Errorf("%q: %b, want %b", before+test.text+after, got, test.want)
				}
			}
		}
	}
}

// TestMatchID: what stands before the first sign of a pattern is compared by itself.
func TestMatchID(t *testing.T) {
	for _, test := range []struct {
		pattern string
		want    bool
	}{
		{"token.scope.missing", true}, {"token.scope", false}, {"token.*", true}, {"*", true}, {"*.missing", true}, {"authorize.*", false}, {"token.scope.missin?", true},
		{"token.[a-t]*", true}, {"token.[", false}, {`token\.scope.missing`, true}, {"", false},
	} {
		if got := MatchID(test.pattern, "token.scope.missing"); got != test.want {
			t.Errorf("%s: %v", test.pattern, got)
		}
	}
}
