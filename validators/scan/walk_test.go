package scan

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestTransitions compares the tables with what they are made from, for every state and byte.
func TestTransitions(t *testing.T) {
	for number := range states {
		for c := range 256 {
			next, class := stateOf(number).reads(byte(c))
			got := transitions[number][kinds[c]%columns]
			if stateOf(int(got>>stateBits)) != next || Class(got&(1<<stateBits-1)) != class || Class(kinds[c]>>kindClass) != classes[c] {
				t.Errorf("%+v and %#x: %#x, want %+v, %b", stateOf(number), c, got, next, class)
			}
		}
	}
}

// TestRead compares what is said of a text with what is found in the decoded one. Long texts are of few or of many kinds, so that all ways to read them come.
func TestRead(t *testing.T) {
	pieces := []string{"a", "0123456789abcdef0123456789abcdef", "%41", "%2e", "+", " ", "%20", ".", "-", "=", "%3D", "]", "%5d", "[", ";", "%", "%4", "%zz", "é", "%C3%A9", "%C3\xa9", "\xc3%a9", "\xff", "\xc0\xaf", "€", "%E2%82%AC",
		"😀", "%F0%9F%98%80", "%f0%8f\xbf\xbf", "\xed\xa0\x80", "%ed%9f%bf", "\xf4\x90\x80\x80", "\x00", "%00", "https%3A%2F%2F"}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "pieces")
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(some), 1, rapid.SampledFrom([]int{5, 50, 500}).Draw(t, "most")).Draw(t, "text"), "")
		behind := rapid.SampledFrom([]string{"", "&", "&%41="}).Draw(t, "behind")

		end, means, written := read("x"+text+behind, 1, endOfValue)
		if end != 1+len(text) {
			t.Fatalf("%q ends at %d", text+behind, end)
		}
		decoded := Unescape(text, true)
		raw := rawBytes(text)
		want, wantWritten := ClassOf(decoded), ClassOf(raw)&^(Pluses|EqualsSigns)
		if decoded != text {
			want |= Escapes
		}
		if strings.HasPrefix(decoded, " ") || strings.HasSuffix(decoded, " ") || strings.Contains(decoded, "  ") {
			want |= Gaps
		}
		if !utf8.ValidString(decoded) {
			want |= brokenUTF8
		}
		for _, closed := range []string{"]=", "%5d=", "%5D="} {
			if strings.Contains(text, closed) {
				wantWritten |= bracketEquals
			}
		}
		if means != want || written != wantWritten {
			t.Errorf("%q means %b, want %b; is written with %b, want %b", text, means, want, written, wantWritten)
		}
	})
}

// rawBytes is a text without what is escaped.
func rawBytes(text string) string {
	var raw strings.Builder
	for i := 0; i < len(text); i++ {
		if _, escaped := Unhex(text[i:]); escaped {
			i += len("%41") - 1
			continue
		}
		raw.WriteByte(text[i])
	}
	return raw.String()
}
