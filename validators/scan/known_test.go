package scan

import (
	"strings"
	"testing"
)

// TestKnown looks for every name as it is, with each byte changed, and with a byte more or less: only what is written exactly so is recognised.
func TestKnown(t *testing.T) {
	names := map[string]Name{}
	for _, name := range AllNames() {
		names[name.String()] = name
	}
	spelled := func(text string) {
		want := names[text]
		if got := Recognise(text); got != want {
			t.Errorf("Recognise(%q) = %v, want %v", text, got, want)
		}
		for _, behind := range []string{"=", "=v", "=" + strings.Repeat("v", 24)} {
			got, length := known("&"+text+behind, 1)
			if got != Unknown && (got != want || length != len(text)) {
				t.Errorf("known(%q) = %v, %d, want %v", text+behind, got, length, want)
			}
			if got == Unknown && want != Unknown && len(text) < 24 {
				t.Errorf("known(%q) does not recognise it", text+behind)
			}
		}
	}
	for text := range names {
		spelled(text)
		spelled(text[1:])
		spelled(text[:len(text)-1])
		spelled(text + "s")
		spelled(text + "\x00")
		for i := range len(text) {
			changed := []byte(text)
			for _, bits := range []byte{1, 0x20, 0x80, 0xFF} {
				changed[i] = text[i] ^ bits
				spelled(string(changed))
			}
		}
	}
	if got, _ := known("state", 0); got != Unknown {
		t.Errorf("a name without an equals sign is %v", got)
	}
}
