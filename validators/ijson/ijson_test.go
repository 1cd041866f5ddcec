package ijson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want any
	}{
		{`{}`, map[string]any{}},
		{` {"a": [1, 2.50, "x", null, true, {}], "A": "é"} `, map[string]any{"a": []any{json.Number("1"), json.Number("2.50"), "x", nil, true, map[string]any{}}, "A": "é"}},
		{`[]`, []any{}},
		{`"x"`, "x"},
		{`1e3`, json.Number("1e3")},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), nested(33)},
	} {
		got, ok := Parse(test.text)
		// cmp.Diff takes exponential time for what is nested.
		if !reflect.DeepEqual(test.want, got) || !ok {
			t.Errorf("%s is read as %v, %v", test.text, got, ok)
		}
	}
}

func nested(depth int) any {
	var value any = []any{}
	for range depth - 1 {
		value = []any{value}
	}
	return value
}

func TestRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "{", "}", "{]", `{"a"}`, `{"a":}`, `{"a":1,}`, "[1,]", "[1 2]", "{}{}", "1 2", "tru", "'a'", "{a:1}", "// x\n1", "\ufeff{}", "NaN", "01", `"\x"`, "\"\n\"",
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `[{"b":{"a":1,"c":2,"a":null}}]`, "\"\xff\"", "\"\xc0\xaf\"",
		strings.Repeat("[", 34) + strings.Repeat("]", 34), strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
	} {
		if value, ok := Parse(text); ok || Valid(text) {
			t.Errorf("%.60q is read as %v", text, value)
		}
	}
}

func TestObject(t *testing.T) {
	for text, want := range map[string]bool{`{"a":1}`: true, `[]`: false, `null`: false, `"{}"`: false, `{`: false} {
		if members, ok := Object(text); ok != want || ok == (members == nil) {
			t.Errorf("%s: %v, %v", text, members, ok)
		}
	}
}

// FuzzParse looks for panics, and for a text that is accepted and means something else to encoding/json.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"a":[1,{"b":null}],"c":"\u00e9"}`, `{"a":1,"a":2}`, `[[[]]]`, `"\ud800"`, "1e999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := Parse(text)
		if !ok {
			return
		}
		var want any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q is read as %v, and encoding/json says %v", text, value, err)
		}
		if !reflect.DeepEqual(want, value) {
			t.Errorf("%q is read as %v, and by encoding/json as %v", text, value, want)
		}
	})
}
