package proofs

import (
	"encoding/json"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
)

var (
	// errNotUnderstood is a key of a type, on a curve, or of a size that is not known here. RFC 7517 section 5 lets sets hold such keys.
	errNotUnderstood = errors.New("not understood")
	errNoKey         = errors.New("not a public key")
	errNoSet         = errors.New("not a JWK Set")
)

// maxModulus is the longest modulus of an RSA key in characters of base64url: 4096 bits. Longer ones take long to verify, and the library refuses them.
const maxModulus = 683

// readKey reads a public key.
func readKey(element any) (*jose.JSONWebKey, error) {
	members, ok := element.(map[string]any)
	if !ok || jwt.Private(members) {
		return nil, errNoKey
	}
	understood := false
	switch member(element, "kty") {
	case "":
		return nil, errNoKey
	case "EC":
		curve := member(element, "crv")
		understood = curve == "P-256" || curve == "P-384" || curve == "P-521" || curve == ""
	case "RSA":
		understood = len(member(element, "n")) <= maxModulus
	case "OKP":
		curve := member(element, "crv")
		understood = curve == "Ed25519" || curve == ""
	}
	if !understood {
		return nil, errNotUnderstood
	}
	// What a key says beside itself, such as certificates, is not needed, and may only be wrong.
	bare := make(map[string]any)
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e"} {
		if value, found := members[name]; found {
			bare[name] = value
		}
	}
	encoded, err := json.Marshal(bare)
	if err != nil {
		return nil, errNoKey
	}
	key := new(jose.JSONWebKey)
	if key.UnmarshalJSON(encoded) != nil || !key.Valid() || !key.IsPublic() {
		return nil, errNoKey
	}
	return key, nil
}

// readSet reads the keys of a JWK Set.
func readSet(keys json.RawMessage) ([]any, error) {
	set, ok := ijson.Object(string(keys))
	elements, found := set["keys"].([]any)
	if !ok || !found {
		return nil, errNoSet
	}
	return elements, nil
}

// fits reports whether a key may be the one that a token was signed with: RFC 7517 sections 4.4 and 4.5, RFC 7515 section 4.1.4.
func fits(element any, token *jwt.Token) bool {
	algorithm := member(element, "alg")
	if algorithm == "Ed25519" {
		algorithm = "EdDSA" // its older name (RFC 9864)
	}
	if algorithm != "" && algorithm != token.Algorithm() {
		return false
	}
	wanted, _ := token.Header["kid"].(string)
	name := member(element, "kid")
	return wanted == "" || name == "" || name == wanted
}

// member is a member of a key that is a string; empty if there is none.
func member(element any, name string) string {
	members, _ := element.(map[string]any)
	text, _ := members[name].(string)
	return text
}
