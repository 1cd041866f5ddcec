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
			if got == Unknown && want != Unknown && len(text) < knownLimit {
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

// TestEveryName reads each name in every place, with and without a value, and beside others: shorter and longer ones are found in different ways.
func TestEveryName(t *testing.T) {
	var p Parameters
	for _, name := range AllNames() {
		for _, form := range []string{"%s=v", "%s=v&state_=0123456789012345678901", "x=y&%s=v", "x&%s=v&y", "%s", "%s=", "%s&x=y", "x=y&%s", "%s&state_=0123456789012345678901"} {
			text := strings.ReplaceAll(form, "%s", name.String())
			for _, only := range []Name{Unknown, name} {
				limits := DefaultLimits
				limits.Only = only
				p.Scan(text, text, allNames, &limits)
				want := NamesOf(name)
				if p.Seen != want || p.In != [2]Names{want, want} || (p.Present != 0) != strings.Contains(form, "=v") || p.Signs&FoldedName != 0 {
					t.Errorf("%q: seen %b, present %b, signs %b; want %b", text, p.Seen, p.Present, p.Signs, want)
				}
			}
			// Where it is not relevant it is a name as any other.
			p.Scan(text, text, allNames&^NamesOf(name), &DefaultLimits)
			if p.Seen != 0 || p.Signs&^RepeatedUnknown != 0 {
				t.Errorf("%q without the name: seen %b, signs %b", text, p.Seen, p.Signs)
			}
		}
	}
}
