package scan

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestMeans compares it with decoding and comparing, on texts that are nearly equal.
func TestMeans(t *testing.T) {
	pieces := []string{"a", "/", "%2F", "%2f", "+", "%2B", "%20", " ", "%", "%zz", "%2", "https%3A%2F%2F", "https://", "app.example", "abcdefgh", "\xff", "%ff", ""}
	decoded := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		encoded, text := "", ""
		for range rapid.IntRange(0, 12).Draw(t, "length") {
			piece := rapid.SampledFrom(pieces).Draw(t, "piece")
			encoded += piece
			if rapid.IntRange(0, 20).Draw(t, "other") == 0 {
				piece = rapid.SampledFrom(pieces).Draw(t, "other piece")
			} else if rapid.Bool().Draw(t, "decoded") {
				piece = Unescape(piece, true)
			}
			text += piece
		}
		want := Unescape(encoded, true) == text
		decoded[want]++
		if got := Means(encoded, text); got != want {
			t.Errorf("Means(%q, %q) = %v, want %v", encoded, text, got, want)
		}
		if !Means(encoded, Unescape(encoded, true)) {
			t.Errorf("%q does not mean what it decodes to", encoded)
		}
	})
	if decoded[true] == 0 || decoded[false] == 0 {
		t.Errorf("one answer only: %v", decoded)
	}
	// What is encoded must not be mixed up with the bytes that differ from it in the highest bit or so, when eight bytes are compared at once.
	for _, test := range []struct {
		encoded, text string
		want          bool
	}{
		{"%ghijklmnop", "\xa5ghijklmnop", false},
		{"+bcdefghij", "\xabbcdefghij", false},
		{"%a5234567890", "\xa5234567890", true},
	} {
		if got := Means(test.encoded, test.text); got != test.want {
			t.Errorf("Means(%q, %q) = %v, want %v", test.encoded, test.text, got, test.want)
		}
	}
}

// TestClassOf compares it with looking at each byte, and read with looking at each byte of what a text decodes to.
func TestClassOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-zA-Z0-9_.%+&=;~/ \]-]{0,40}`), rapid.StringMatching(`(%[0-9A-Fa-f]{2}|[a-z+]){0,20}`), rapid.StringMatching(`([.~/:]{8}|[.~/:+=\] ]{8}|%5[dD]|%20|[a-z+&]){0,8}`),
			rapid.StringMatching(`(%[C-Fc-f][0-9A-F]|%[89AB][0-9A-F]|%e0%a0|%ED%9F|%f0%90|%F4%8F|é|€|😀|a|%){0,12}`), rapid.Custom(func(t *rapid.T) string {
				return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
			})).Draw(t, "text")
		want := Class(0)
		for i := range len(text) {
			want |= classes[text[i]]
		}
		if got := ClassOf(text); got != want {
			t.Errorf("ClassOf(%q) = %b, want %b", text, got, want)
		}
		begin := rapid.IntRange(0, len(text)).Draw(t, "begin")
		checkRead(t, text, begin)
	})
}

func checkRead(t *rapid.T, text string, begin int) {
	end, means, written := read(text, begin, endOfValue)
	wantEnd := begin
	for wantEnd < len(text) && text[wantEnd] != '&' {
		wantEnd++
	}
	if end != wantEnd {
		t.Fatalf("%q from %d ends at %d, want %d", text, begin, end, wantEnd)
	}
	value := text[begin:end]
	decoded := Unescape(value, true)
	want := Class(0)
	for i := range len(decoded) {
		want |= classes[decoded[i]]
		if decoded[i] == ' ' && (i == 0 || i == len(decoded)-1 || decoded[i-1] == ' ') {
			want |= Gaps
		}
	}
	if !utf8.ValidString(decoded) {
		want |= brokenUTF8
	}
	if means&^Escapes != want {
		t.Errorf("%q means %b, want %b", value, means&^Escapes, want)
	}
	if means&Escapes == 0 && decoded != value {
		t.Errorf("%q needs decoding", value)
	}
	wantWritten := Class(0)
	for i := 0; i < len(value); i++ {
		if _, ok := Unhex(value[i:]); ok {
			i += 2
		} else if value[i] != '+' {
			wantWritten |= classes[value[i]]
		}
		if i+1 < len(value) && value[i+1] == '=' && (value[i] == ']' || i >= 2 && value[i-2] == '%' && value[i-1] == '5' && value[i]|0x20 == 'd') {
			wantWritten |= bracketEquals
		}
	}
	if written&^EqualsSigns != wantWritten&^EqualsSigns {
		t.Errorf("%q is written with %b, want %b", value, written, wantWritten)
	}
}

// TestUnescape compares it with decoding byte by byte.
func TestUnescape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-z+]{0,9}|%[0-9A-Fa-f]{2}|%[0-9A-Za-z]?|[*+, é]){0,12}`).Draw(t, "text")
		for _, plus := range []bool{false, true} {
			var want []byte
			for i := 0; i < len(text); i++ {
				c := text[i]
				if value, ok := Unhex(text[i:]); ok {
					c = value
					i += 2
				} else if c == '+' && plus {
					c = ' '
				}
				want = append(want, c)
			}
			if got := Unescape(text, plus); got != string(want) {
				t.Errorf("Unescape(%q, %v) = %q, want %q", text, plus, got, want)
			}
		}
	})
}
