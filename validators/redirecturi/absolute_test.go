package redirecturi

import "testing"

// TestAbsolute compares with what Inspect finds.
func TestAbsolute(t *testing.T) {
	for _, uri := range []string{
		"", "?", "a", "a:", "a:?", ":", "?a:", "https://", "https://?a", "https://a", "https://a?b", "https://a?b#c", "https://a#b?c", "http:?a", "http:/a?b", "urn:a:b?c=d?e", "https://a/%?41",
		"https://a/%4?1", "https://a/%41?%41", "https://a/?%4", "https://a?é", "https://é?a", "https://a? ", "https://a?\\", "https://a?\"", "https://a@b?code=1", "HTTP:a?b", "a\tb:c?d", "1:a?b",
	} {
		if got, want := Absolute(uri), Inspect(uri)&(Relative|Fragment|Character) == 0; got != want {
			t.Errorf("%q: %v", uri, got)
		}
	}
}

func FuzzAbsolute(f *testing.F) {
	f.Add("https://a/%41?b=%41")
	f.Fuzz(func(t *testing.T, uri string) {
		if Absolute(uri) != (Inspect(uri)&(Relative|Fragment|Character) == 0) {
			t.Errorf("%q", uri)
		}
	})
}
