package jwt

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
)

// privateMembers are the members of a JWK that are secret (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 section 2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// keyMember reports whether a member of a JWK is a private one, or another one that somebody looks at.
func keyMember(name string) bool {
	switch name {
	case "kty", "crv", "x", "y", "n", "e":
		return true
	}
	return len(name) <= len("oth") && slices.Contains(privateMembers, name)
}

// Private reports whether a JWK holds a part of a private or symmetric key, or is of the type that only symmetric keys have.
func Private(key map[string]any) bool {
	for _, member := range privateMembers {
		if _, found := key[member]; found {
			return true
		}
	}
	return key["kty"] == "oct"
}

// thumbprintMembers are the required members of a public key by type, in the order of their names (RFC 7638 section 3.2, RFC 8037 section 2).
var thumbprintMembers = map[string][]string{
	"EC":  {"crv", "kty", "x", "y"},
	"RSA": {"e", "kty", "n"},
	"OKP": {"crv", "kty", "x"},
}

// Thumbprint is the SHA-256 thumbprint of a public key (RFC 7638), as base64url. It reports false for a key of an unknown type, and for one whose members are no strings
// of base64url or names.
func Thumbprint(key map[string]any) (thumbprint string, ok bool) {
	kind, _ := key["kty"].(string)
	members := thumbprintMembers[kind]
	if members == nil {
		return "", false
	}
	text := []byte("{")
	for i, member := range members {
		value, _ := key[member].(string)
		if !plain(value) {
			return "", false
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, `"`+member+`":"`+value+`"`...)
	}
	sum := sha256.Sum256(append(text, '}'))
	return base64.RawURLEncoding.EncodeToString(sum[:]), true
}

// plain reports whether a value needs no escape in JSON; those of keys are names of curves and base64url.
func plain(value string) bool {
	for i := 0; i < len(value); i++ {
		c := value[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return value != ""
}

// Bounds of a set of keys.
const (
	maxKeySet = 64 << 10
	maxKeys   = 100
)

// CheckKeys reports what is wrong with a JWK Set (RFC 7517 section 5) as the public keys of a client. The error says what to do, and holds nothing of the keys.
func CheckKeys(text string) error {
	if len(text) > maxKeySet {
		return fmt.Errorf("larger than %d KiB; leave the keys that the client signs with", maxKeySet>>10)
	}
	set, ok := ijson.Object(text)
	if !ok {
		return errors.New("not a JSON object in which each member occurs once; write a JWK Set, {\"keys\": [...]}")
	}
	keys, ok := set["keys"].([]any)
	if !ok {
		return errors.New("no array keys; write a JWK Set, {\"keys\": [...]}")
	}
	if len(keys) > maxKeys {
		return fmt.Errorf("more than %d keys; leave those that the client signs with", maxKeys)
	}
	for i, element := range keys {
		key, ok := element.(map[string]any)
		if !ok {
			return fmt.Errorf("key %d is not an object; write a JWK", i+1)
		}
		if kind, _ := key["kty"].(string); kind == "" {
			return fmt.Errorf("key %d has no kty; write a JWK", i+1)
		}
		if Private(key) {
			return fmt.Errorf("key %d is private or symmetric; give the public key only, and replace this one wherever the file has been, since it is no secret any more", i+1)
		}
	}
	return nil
}
