package ijson

import (
	"reflect"
	"slices"
	"testing"
)

// FuzzRaw compares what is found in arrays and objects, piece by piece, with what [Parse] builds of the whole.
func FuzzRaw(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { } `, `{"a":[1,{"b":null}],"c":"\u00e9\\"}`, "[ true , false ,\t-0.5E+1\n,[ ] , {\"]\" : \"}\\\"\"} ]", `{"\u0061":"{","b":{"c":[[],[{}]]}}`, `["\\","\\\"",",]"]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, ok := Parse(text)
		if !ok {
			return
		}
		for len(text) > 0 && text[0] != '{' && text[0] != '[' {
			if text[0] > ' ' {
				return // neither an array nor an object
			}
			text = text[1:]
		}
		if got := built(Raw(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	})
}

// built is a value with all that is in it.
func built(value any) any {
	raw, ok := value.(Raw)
	switch {
	case !ok:
		return value
	case raw.IsArray():
		elements := []any{}
		for element := range raw.Elements {
			elements = append(elements, built(element))
		}
		return elements
	}
	members := raw.Members(func(string) bool { return true })
	for name, member := range members {
		members[name] = built(member)
	}
	return members
}

// TestStrings shows what reads as an empty string.
func TestStrings(t *testing.T) {
	if got, want := slices.Collect(Raw(`["a", 1, "\u0062", null, ["c"], ""]`).Strings), []string{"a", "", "b", "", "", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
