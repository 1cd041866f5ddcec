package redirecturi

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// readShort is read for a URI of any length.
func readShort(uri string) Flaws {
	end, found := follow(uri, settled[hierarchy])
	return found | ends[end]
}

// TestReadLong compares a URI that is read in parts with the same one that is read from its begin to its end.
func TestReadLong(t *testing.T) {
	pieces := []string{"?", "#", "&", ";", "=", "%", "%4", "%61%63%63%65%73%73%5F%74%6F%6B%65%6", "E", "access_token", "c%6Fde", "state", "iss", "a", "/", "%41", "%C3%A9", strings.Repeat("x", 60)}
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 6).Draw(t, "few")
		uri := rapid.SampledFrom([]string{"", "/?", "#?", "/?#"}).Draw(t, "begin")
		for len(uri) < long {
			uri += rapid.SampledFrom(few).Draw(t, "piece")
		}
		if got, want := readLong(uri), readShort(uri); got != want {
			t.Fatalf("%q: %08b, want %08b", uri, got, want)
		}
	})
}

func FuzzReadLong(f *testing.F) {
	f.Add("/?", "%69ss&")
	f.Add("", "?%4#;code")
	f.Fuzz(func(t *testing.T, begin, piece string) {
		uri := begin + strings.Repeat(piece, long/max(len(piece), 1))
		if uri += strings.Repeat("&", max(0, long-len(uri))); readLong(uri) != readShort(uri) {
			t.Errorf("%q: %08b, want %08b", uri, readLong(uri), readShort(uri))
		}
	})
}
