// Package jwt reads JSON Web Tokens (RFC 7519) without any key: what they say, and whether every parser reads the same in them. It verifies nothing.
package jwt

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
	"github.com/oauthguard/caddy-oauth-guard/validators/strictbase64"
)

// MaxSize is the longest token that is read, in bytes. It is the default limit of a parameter.
const MaxSize = 16 << 10

// Form is the form of a token.
type Form uint8

// The forms.
const (
	// Malformed is neither of the others: not three or five parts of base64url, or a header, or claims, that are no JSON object in which each member occurs once, or too long.
	Malformed Form = iota
	// Signed is a JWS in compact form, be its signature empty (RFC 7515 section 7.1, RFC 7519 section 6).
	Signed
	// Encrypted is a JWE in compact form, of which only the header can be read (RFC 7516 section 7.1).
	Encrypted
)

// Token is what can be read of a token.
type Token struct {
	// Form is the form.
	Form Form
	// Compact is the token as it was sent.
	Compact string
	// Header are the header parameters that are known here, nil if they cannot be read. Each is a string, or nil if it is something else; jwk is a map of such members, if it is an object.
	Header map[string]any
	// Claims are the claims that are known here, see [known]; nil if they cannot be read. Those of a malformed token are for guesses only. Each is a string, [json.Number], bool, nil or [ijson.Raw].
	Claims map[string]any

	unsigned bool
	audience *audience // once it was asked for
}

// Read reads a token in compact form.
func Read(compact string) *Token {
	t := &Token{Compact: compact}
	if len(compact) > MaxSize {
		return t
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return t
	}
	t.Header = readHeader(parts[0])
	sound := t.Algorithm() != "" // RFC 7515 section 4.1.1 and RFC 7516 section 4.1.1: there is always one
	if len(parts) == 3 {
		t.Claims = readClaims(parts[1])
		_, decoded := decode(parts[2])
		if sound && decoded && t.Claims != nil {
			t.Form, t.unsigned = Signed, parts[2] == ""
		}
		return t
	}
	for _, part := range parts[1:] {
		_, decoded := decode(part)
		sound = sound && decoded
	}
	if encryption, _ := t.Header["enc"].(string); sound && encryption != "" {
		t.Form = Encrypted
	}
	return t
}

// readHeader reads the first part, a JSON object.
func readHeader(part string) map[string]any {
	text, ok := decode(part)
	if !ok {
		return nil
	}
	header := make(map[string]any)
	var key map[string]any // if it is what is visited
	ok = ijson.Walk(text, func(depth int, name string, kind byte, content string) bool {
		switch depth {
		case 0:
			return kind == '{'
		case 1:
			key = nil
			switch {
			case name == "jwk" && kind == '{':
				key = make(map[string]any)
				header[name] = key
			case headerParameter(name):
				header[name] = textOrNil(kind, content)
			}
		case 2:
			if key != nil && keyMember(name) {
				key[name] = textOrNil(kind, content)
			}
		}
		return true
	})
	if !ok {
		return nil
	}
	return header
}

// headerParameter reports whether some rule, or whoever verifies signatures, looks at a header parameter.
func headerParameter(name string) bool {
	switch name {
	case "alg", "enc", "typ", "kid", "jwk", "crit":
		return true
	}
	return false
}

// textOrNil is a value if it is a string.
func textOrNil(kind byte, content string) any {
	if kind == '"' {
		return content
	}
	return nil
}

// readClaims reads the second part, a JSON object.
func readClaims(part string) map[string]any {
	text, ok := decode(part)
	if !ok {
		return nil
	}
	claims, _ := ijson.Members(text, known)
	return claims
}

// known reports whether some rule looks at a claim: those of tokens, proofs and assertions, and the parameters that may stand in a request object. The rest of a token, which may be
// long, is read and not kept.
func known(claim string) bool {
	switch claim {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "cnf", "htm", "htu", "ath":
		return true
	}
	return len(claim) >= shortestParameter && scan.Recognise(claim) != scan.Unknown
}

// shortestParameter is the length in bytes of the shortest name of a parameter.
var shortestParameter = func() int {
	shortest := scan.ResponseType.String()
	for _, name := range scan.AllNames() {
		if len(name.String()) < len(shortest) {
			shortest = name.String()
		}
	}
	return len(shortest)
}()

// decode reads base64url without padding, in which each value has one spelling (RFC 7515 section 2).
func decode(part string) (string, bool) {
	decoded, ok := strictbase64.AppendURL(make([]byte, 0, len(part)*3/4), part)
	return scan.Text(decoded), ok
}

// Algorithm is the alg of the header.
func (t *Token) Algorithm() string {
	name, _ := t.Header["alg"].(string)
	return name
}

// Unsigned reports whether a token of the form Signed is not signed: its algorithm is none, in any case, or its signature is empty.
func (t *Token) Unsigned() bool {
	return t.Form == Signed && (t.unsigned || strings.EqualFold(t.Algorithm(), "none"))
}

// Symmetric reports whether the algorithm is a MAC, whose key both sides have.
func (t *Token) Symmetric() bool { return strings.HasPrefix(strings.ToUpper(t.Algorithm()), "HS") }

// Critical reports whether the header has extensions that must be understood (RFC 7515 section 4.1.11). There is none for the tokens of OAuth.
func (t *Token) Critical() bool {
	_, found := t.Header["crit"]
	return found
}
