package jwt

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
)

// FuzzRaw compares what is found in arrays and objects, piece by piece, with what package ijson builds of the whole.
func FuzzRaw(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, ` { } `, `{"a":[1,{"b":null}],"c":"\u00e9\\"}`, "[ true , false ,\t-0.5E+1\n,[ ] , {\"]\" : \"}\\\"\"} ]", `{"\u0061":"{","b":{"c":[[],[{}]]}}`, `["\\","\\\"",",]"]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, ok := ijson.Parse(text)
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
	members := raw.members(func(string) bool { return true })
	for name, member := range members {
		members[name] = built(member)
	}
	return members
}

// TestKey shows what is kept of a key in the header.
func TestKey(t *testing.T) {
	token := Read(compact(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":1,"y":["a"],"d":null,"x5c":["a"],"kid":"b"}}`, "{}"))
	want := map[string]any{"kty": "EC", "crv": "P-256", "x": json.Number("1"), "y": Raw(`["a"]`), "d": nil}
	if got := token.Header["jwk"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Read(compact(`{"alg":"ES256","jwk":["a"]}`, "{}")).Header["jwk"]; got != Raw(`["a"]`) {
		t.Errorf("%v", got)
	}
}
