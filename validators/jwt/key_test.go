package jwt

import (
	"reflect"
	"testing"
)

// TestKey shows what is kept of a key in the header.
func TestKey(t *testing.T) {
	token := Read(compact(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":1,"y":["a"],"d":null,"x5c":["a"],"kid":"b"}}`, "{}"))
	want := map[string]any{"kty": "EC", "crv": "P-256", "x": nil, "y": nil, "d": nil}
	if got := token.Header["jwk"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Read(compact(`{"alg":"ES256","jwk":["a"]}`, "{}")).Header["jwk"]; got != nil {
		t.Errorf("%v", got)
	}
}
