package jwt

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
)

// TestKey shows what is kept of a key in the header.
func TestKey(t *testing.T) {
	token := Read(compact(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":1,"y":["a"],"d":null,"x5c":["a"],"kid":"b"}}`, "{}"))
	want := map[string]any{"kty": "EC", "crv": "P-256", "x": json.Number("1"), "y": ijson.Raw(`["a"]`), "d": nil}
	if got := token.Header["jwk"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Read(compact(`{"alg":"ES256","jwk":["a"]}`, "{}")).Header["jwk"]; got != ijson.Raw(`["a"]`) {
		t.Errorf("%v", got)
	}
}
