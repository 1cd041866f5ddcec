package ijson

import (
	"reflect"
	"slices"
	"testing"
)

// FuzzRaw compares what is kept of an object, and found in it piece by piece, with what encoding/json reads.
func FuzzRaw(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { } `, `{"a":[1,{"b":null}],"c":"\u00e9\\"}`, "{\"a\":[ true , false ,\t-0.5E+1\n,[ ] , {\"]\" : \"}\\\"\"} ]\n}", `{"\u0061":"{","b":{"c":[[],[{}]]}}`, `{"a":["\\","\\\"",",]"]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, _ := reference(text)
		want, wanted := value.(map[string]any)
		members, ok := Members(text, func(string) bool { return true })
		if ok != wanted {
			t.Fatalf("%q: %v, want %v", text, ok, wanted)
		}
		for name, member := range members {
			if got := built(member); !reflect.DeepEqual(got, want[name]) {
				t.Errorf("%q: %v, want %v", text, got, want[name])
			}
		}
		if len(members) != len(want) {
			t.Errorf("%q: %d members, want %d", text, len(members), len(want))
		}
	})
}

// TestStrings shows what reads as an empty string.
func TestStrings(t *testing.T) {
	if got, want := slices.Collect(Raw(`["a", 1, "\u0062", null, ["c"], ""]`).Strings), []string{"a", "", "b", "", "", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
