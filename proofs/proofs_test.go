package proofs

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// hmacProof makes a JWS with a MAC.
func hmacProof(header, claims object, secret []byte) string {
	input := part(header) + "." + part(claims)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func setOf(keys ...object) json.RawMessage {
	text, _ := json.Marshal(object{"keys": append([]object{}, keys...)})
	return text
}

// TestAlgorithms signs with each algorithm, and changes one bit.
func TestAlgorithms(t *testing.T) {
	for _, algorithm := range algorithms {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key, stranger := keyFor(t, algorithm), keyFor(t, algorithm)
			public := publicJWK(t, key)
			good := jws(t, algorithm, key, object{"jwk": public}, object{"a": 1})
			forged := jws(t, algorithm, stranger, object{"jwk": public}, object{"a": 1})
			for name, test := range map[string]struct {
				got, want rule.Signature
			}{
				"with its own key":      {Signatures{}.Embedded(good), rule.SignatureValid},
				"by a stranger":         {Signatures{}.Embedded(forged), rule.SignatureInvalid},
				"one bit changed":       {Signatures{}.Embedded(flip(good)), rule.SignatureInvalid},
				"with a set":            {Signatures{}.Verify(setOf(publicJWK(t, stranger), public), good), rule.SignatureValid},
				"with a set of another": {Signatures{}.Verify(setOf(publicJWK(t, stranger)), good), rule.SignatureInvalid},
				"changed, with a set":   {Signatures{}.Verify(setOf(public), flip(good)), rule.SignatureInvalid},
			} {
				if test.got != test.want {
					t.Errorf("%s: %v, want %v", name, test.got, test.want)
				}
			}
		})
	}
}

// flip changes one bit of a signature.
func flip(compact string) string {
	begin := strings.LastIndexByte(compact, '.') + 1
	signature, _ := base64.RawURLEncoding.DecodeString(compact[begin:])
	signature[len(signature)/2] ^= 1
	return compact[:begin] + base64.RawURLEncoding.EncodeToString(signature)
}

// TestWhichKey is about sets of several keys, and about what cannot be verified: it is unknown, and never counts as wrong.
func TestWhichKey(t *testing.T) {
	key, other := crypto.Signer(newSigner("a").key), newSigner("b")
	public := publicJWK(t, key)
	plain := jws(t, jose.EdDSA, key, nil, object{"a": 1})
	named := jws(t, jose.EdDSA, key, object{"kid": "1"}, object{"a": 1})
	strange := object{"kty": "OKP", "crv": "Ed448", "x": "AAAA"}
	large := object{"kty": "RSA", "e": "AQAB", "n": strings.Repeat("A", 1366)}
	unknownAlgorithm := part(object{"alg": "ML-DSA-44", "jwk": strange}) + "." + part(object{}) + ".AAAA"
	for _, test := range []struct {
		name    string
		keys    json.RawMessage
		compact string
		want    rule.Signature
	}{
		{"the key has a name, the token does not", setOf(with(public, object{"kid": "1"})), plain, rule.SignatureValid},
		{"the token has a name, the key does not", setOf(public), named, rule.SignatureValid},
		{"both have the same name", setOf(other.jwk(), with(public, object{"kid": "1"})), named, rule.SignatureValid},
		{"the right key has another name", setOf(with(public, object{"kid": "2"})), named, rule.SignatureInvalid},
		{"the key is for its algorithm", setOf(with(public, object{"alg": "EdDSA"})), plain, rule.SignatureValid},
		{"the newer name of its algorithm", setOf(with(public, object{"alg": "Ed25519"})), plain, rule.SignatureValid},
		{"the key is for another algorithm", setOf(with(public, object{"alg": "ES256"})), plain, rule.SignatureInvalid},
		{"the key is for encryption", setOf(with(public, object{"use": "enc"})), plain, rule.SignatureUnknown},
		{"no key", setOf(), plain, rule.SignatureUnknown},
		{"no set", json.RawMessage(`{}`), plain, rule.SignatureUnknown},
		{"a key that is not understood beside a wrong one", setOf(strange, other.jwk()), plain, rule.SignatureUnknown},
		{"a key that is not understood beside the right one", setOf(strange, public), plain, rule.SignatureValid},
		{"a key that is too large", setOf(large), plain, rule.SignatureUnknown},
		{"what is beside the key does not matter", setOf(with(public, object{"x5c": []string{"AAAA"}, "x5t": "?"})), plain, rule.SignatureValid},
		{"an algorithm that is not understood", setOf(public), unknownAlgorithm, rule.SignatureUnknown},
		{"not signed", setOf(public), part(object{"alg": "none"}) + "." + part(object{}) + ".", rule.SignatureUnknown},
		{"a MAC", setOf(public), hmacProof(object{"alg": "HS256"}, object{}, []byte("x")), rule.SignatureUnknown},
		{"not a JWT", setOf(public), "x", rule.SignatureUnknown},
	} {
		if got := (Signatures{}).Verify(test.keys, test.compact); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	for name, test := range map[string]struct {
		key  any
		want rule.Signature
	}{
		"no key":               {nil, rule.SignatureInvalid},
		"a string":             {"x", rule.SignatureInvalid},
		"no type":              {object{"x": "AAAA"}, rule.SignatureInvalid},
		"not understood":       {strange, rule.SignatureUnknown},
		"a private key":        {privateJWK(t, key), rule.SignatureInvalid},
		"of another type":      {publicJWK(t, keyFor(t, jose.ES256)), rule.SignatureInvalid},
		"too short":            {object{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, rule.SignatureInvalid},
		"with certificates":    {with(public, object{"x5c": []string{"AAAA"}}), rule.SignatureInvalid},
		"the right public key": {public, rule.SignatureValid},
	} {
		compact := newSigner("a").sign(with(object{"alg": "EdDSA"}, object{"jwk": test.key}), object{"a": 1})
		if got := (Signatures{}).Embedded(compact); got != test.want {
			t.Errorf("embedded, %s: %v, want %v", name, got, test.want)
		}
	}
}

// TestCheck: what is wrong with a set of keys is said without the keys.
func TestCheck(t *testing.T) {
	public := newSigner("a").jwk()
	const secret = "c2VjcmV0LXBhcnQ"
	many := make([]object, 101)
	for i := range many {
		many[i] = public
	}
	for _, test := range []struct {
		name string
		keys json.RawMessage
		want string
	}{
		{"good", setOf(public, publicJWK(t, keyFor(t, jose.RS256))), ""},
		{"empty", setOf(), ""},
		{"a key that is not understood", setOf(object{"kty": "AKP", "pub": "AAAA"}), ""},
		{"private", setOf(public, with(public, object{"d": secret})), "key 2 is private or symmetric"},
		{"an RSA prime", setOf(object{"kty": "RSA", "n": "AAAA", "e": "AQAB", "p": secret}), "key 1 is private or symmetric"},
		{"symmetric", setOf(object{"kty": "oct", "k": secret}), "key 1 is private or symmetric"},
		{"no point of the curve", setOf(object{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}), "key 1 is no valid public key"},
		{"no type", setOf(object{"x": "AAAA"}), "key 1 has no kty"},
		{"no object", json.RawMessage(`{"keys":["x"]}`), "key 1 is not an object"},
		{"one key alone", json.RawMessage(`{"kty":"OKP"}`), "no array keys"},
		{"a member twice", json.RawMessage(`{"keys":[],"keys":[]}`), "each member occurs once"},
		{"no JSON", json.RawMessage(secret), "not a JSON object"},
		{"many", setOf(many...), "more than 100 keys"},
		{"large", json.RawMessage(`{"keys":[],"x":"` + strings.Repeat("x", 65536) + `"}`), "larger than 64 KiB"},
	} {
		err := Check(test.keys)
		if text := fmt.Sprint(err); (err == nil) != (test.want == "") || !strings.Contains(text, test.want) || strings.Contains(text, secret) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	if got := Algorithms(false); got != "ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512 EdDSA" {
		t.Error(got)
	}
	if got := Algorithms(true); got != "ES256 PS256 EdDSA" {
		t.Error(got)
	}
}

// BenchmarkEmbedded is what the signature of a DPoP proof costs.
func BenchmarkEmbedded(b *testing.B) {
	for _, algorithm := range []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA} {
		key := keyFor(b, algorithm)
		compact := jws(b, algorithm, key, object{"typ": "dpop+jwt", "jwk": publicJWK(b, key)}, object{"jti": "x", "htm": "POST", "htu": "https://server.example/oauth2/token", "iat": 1})
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if (Signatures{}).Embedded(compact) != rule.SignatureValid {
					b.Fatal("not valid")
				}
			}
		})
	}
}
