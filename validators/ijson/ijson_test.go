package ijson

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
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
		"", " ", "{", "}", "{]", `{"a"}`, `{"a":}`, `{"a":1,}`, "[1,]", "[1 2]", "{}{}", "1 2", "tru", "'a'", "{a:1}", "// x\n1", "\ufeff{}", "NaN", "01", `"\x"`, "\"\n\"", `"\ud800\udC0X"`, `"\u12"`, `"\`,
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `[{"b":{"a":1,"c":2,"a":null}}]`, "\"\xff\"", "\"\xc0\xaf\"",
		"[" + strings.Repeat("1,", MaxValues-1) + "1]", `{"a":[[` + strings.Repeat("{},", MaxValues-3) + "{}]]}",
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

// TestMembers keeps some members, and looks at the others all the same.
func TestMembers(t *testing.T) {
	keep := func(name string) bool { return name == "a" }
	got, ok := Members(`{"b":{"a":1,"c":[2]},"a":{"b":[3]}}`, keep)
	if want := map[string]any{"a": Raw(`{"b":[3]}`)}; !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, ok)
	}
	for _, text := range []string{`{"b":{"c":1,"c":2}}`, `{"b":1,"b":2}`, `{"b":[}`, `["a"]`} {
		if got, ok := Members(text, keep); ok {
			t.Errorf("%s is read as %v", text, got)
		}
	}
}

// TestWalk shows in which order values are visited, and that a visit can refuse.
func TestWalk(t *testing.T) {
	var visited []string
	ok := Walk(` {"a":[1,{"b":"x\u0079"}],"\u0063":null} `, func(depth int, name string, kind byte, content string) bool {
		visited = append(visited, fmt.Sprint(depth, name, string(kind), content))
		return true
	})
	if want := []string{"0{", "1a[", "21", "2{", "3b\"xy", "1cn"}; !ok || !slices.Equal(visited, want) {
		t.Errorf("visited %q, %v", visited, ok)
	}
	if Walk(`{"a":1}`, func(depth int, _ string, _ byte, _ string) bool { return depth == 0 }) {
		t.Error("a visit cannot refuse")
	}
}

// TestManyValues are as many values as there may be, as elements and as members.
func TestManyValues(t *testing.T) {
	members := make([]string, MaxValues-1)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":1`, i)
	}
	for _, text := range []string{"[" + strings.Repeat("1,", MaxValues-2) + "1]", `{"a":[[` + strings.Repeat("{},", MaxValues-4) + "{}]]}", "{" + strings.Join(members, ",") + "}"} {
		if _, ok := Parse(text); !ok || !Valid(text) {
			t.Errorf("%.20s… is refused", text)
		}
	}
	if text := "{" + strings.Join(append(members, `"a":1`), ",") + "}"; Valid(text) {
		t.Error("one member too many is read")
	}
}

// TestManyMembers are more than one group of slots, some of which occur in several objects.
func TestManyMembers(t *testing.T) {
	members := make([]string, 1000)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":{"a":1}`, i)
	}
	if !Valid("{" + strings.Join(members, ",") + "}") {
		t.Error("no member occurs twice")
	}
	if Valid("{" + strings.Join(append(members, `"1\u0035":0`), ",") + "}") {
		t.Error("15 occurs twice")
	}
}

// FuzzParse compares all texts with encoding/json: what it refuses is refused, and what is accepted has the same meaning; what is refused beyond that has a member twice, is too deep or too
// much, or is not UTF-8.
func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"a":[1,{"b":null}],"c":"\u00e9"}`, `{"a":1,"a":2}`, `[[[]]]`, `"\ud800"`, `"\ud83d\ude00\ud83d\n"`, "1e999", "-0.5E+1", ` [ true , false ] `, `{"\ud800":1,"\ufffd":2}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, ok := Parse(text)
		want, wanted := reference(text)
		if ok != wanted || Valid(text) != wanted {
			t.Fatalf("%q: read %v, walked %v, want %v", text, ok, Valid(text), wanted)
		}
		if !reflect.DeepEqual(want, value) && ok {
			t.Errorf("%q is read as %v, and by encoding/json as %v", text, value, want)
		}
	})
}

// reference is Parse with the tokens of encoding/json.
func reference(text string) (value any, ok bool) {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	values := 0
	return next(decoder, 0, &values)
}

func next(decoder *json.Decoder, depth int, values *int) (value any, ok bool) {
	token, err := decoder.Token()
	if *values++; err != nil || depth > MaxDepth || *values > MaxValues {
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		members := make(map[string]any)
		for decoder.More() {
			name, _ := decoder.Token()
			member, ok := next(decoder, depth+1, values)
			if _, twice := members[name.(string)]; twice || !ok {
				return nil, false
			}
			members[name.(string)] = member
		}
		value = members
	case json.Delim('['):
		elements := []any{}
		for decoder.More() {
			element, ok := next(decoder, depth+1, values)
			if !ok {
				return nil, false
			}
			elements = append(elements, element)
		}
		value = elements
	default:
		return token, true
	}
	_, err = decoder.Token()
	return value, err == nil
}
