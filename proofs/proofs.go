// Package proofs verifies what clients sign, for the rules of package validators: request objects (RFC 9101), DPoP proofs (RFC 9449) and assertions (RFC 7523). It only knows
// asymmetric algorithms: the guard has no secrets.
package proofs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// algorithms are those that can be verified.
var algorithms = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512, jose.RS256, jose.RS384, jose.RS512, jose.EdDSA,
}

// Algorithms lists the algorithms that can be verified, by their names in JWS, separated by blanks. If fapi2 is true, it is those that FAPI 2.0 allows.
func Algorithms(fapi2 bool) string {
	var names []string
	for _, algorithm := range algorithms {
		if !fapi2 || rule.FAPIAlgorithm(string(algorithm)) {
			names = append(names, string(algorithm))
		}
	}
	return strings.Join(names, " ")
}

// Signatures verifies signatures. The zero value is ready, and safe for concurrent use.
type Signatures struct{}

// Interface guard.
var _ rule.Signatures = Signatures{}

// Embedded implements [rule.Signatures].
func (Signatures) Embedded(compact string) rule.Signature {
	token := jwt.Read(compact)
	signed, known := parse(token)
	if signed == nil {
		return known
	}
	key, err := readKey(token.Header["jwk"])
	switch {
	case errors.Is(err, errNotUnderstood):
		return rule.SignatureUnknown
	case err != nil:
		return rule.SignatureInvalid
	}
	if _, err := signed.Verify(key.Key); err != nil {
		return rule.SignatureInvalid
	}
	return rule.SignatureValid
}

// Verify implements [rule.Signatures]. A key with another kid, use or alg than the token's is not tried. A signature stays unknown if there is no key for signatures at all, or one that
// might be the right one and is not understood.
func (Signatures) Verify(keys json.RawMessage, compact string) rule.Signature {
	token := jwt.Read(compact)
	signed, known := parse(token)
	if signed == nil {
		return known
	}
	elements, err := readSet(keys)
	if err != nil {
		return rule.SignatureUnknown
	}
	keyed, doubtful := false, false
	for _, element := range elements {
		if member(element, "use") == "enc" {
			continue
		}
		keyed = true
		if !fits(element, token) {
			continue
		}
		key, err := readKey(element)
		if err != nil {
			doubtful = true
			continue
		}
		if _, err := signed.Verify(key.Key); err == nil {
			return rule.SignatureValid
		}
	}
	if !keyed || doubtful {
		return rule.SignatureUnknown
	}
	return rule.SignatureInvalid
}

// parse reads a token for verification. If there is nothing to verify, it says what is known without.
func parse(token *jwt.Token) (*jose.JSONWebSignature, rule.Signature) {
	if token.Form != jwt.Signed || token.Unsigned() {
		return nil, rule.SignatureUnknown
	}
	signed, err := jose.ParseSignedCompact(token.Compact, algorithms)
	if err == nil {
		return signed, rule.SignatureUnknown
	}
	if _, other := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); other {
		return nil, rule.SignatureUnknown
	}
	// The key in the header may be of a kind that is not understood, which is no fault of the token's.
	if key, found := token.Header["jwk"]; found {
		if _, err := readKey(key); errors.Is(err, errNotUnderstood) {
			return nil, rule.SignatureUnknown
		}
	}
	return nil, rule.SignatureInvalid
}

// Check reports what is wrong with a JWK Set as the public keys of a client. The error says what to do, and holds nothing of the keys.
func Check(keys json.RawMessage) error {
	if err := jwt.CheckKeys(string(keys)); err != nil {
		return err
	}
	elements, err := readSet(keys)
	if err != nil {
		return err
	}
	for i, element := range elements {
		if _, err := readKey(element); err != nil && !errors.Is(err, errNotUnderstood) {
			return fmt.Errorf("key %d is no valid public key; copy it again from the client", i+1)
		}
	}
	return nil
}
