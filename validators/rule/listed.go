package rule

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// URIs is what is known of a list of URIs in a registration.
type URIs struct {
	// Count is how many they are.
	Count int
	// Flaws are those of all of them together.
	Flaws redirecturi.Flaws
	// Pattern says that one of them holds an asterisk.
	Pattern bool
	// NotHTTPS says that one of them has another scheme than https.
	NotHTTPS bool
}

func (u *URIs) add(uri string) {
	u.Count++
	u.Flaws |= redirecturi.Inspect(uri)
	u.Pattern = u.Pattern || strings.IndexByte(uri, '*') >= 0
	u.NotHTTPS = u.NotHTTPS || !hasHTTPS(uri)
}

func hasHTTPS(uri string) bool {
	const scheme = "https:"
	return strings.HasPrefix(uri, scheme) || len(uri) >= len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme)
}

// Flows are the grant types and the words of response types that a list of a registration holds, as far as rules ask for them.
type Flows uint8

const (
	// Listed says that the list is there, be it empty.
	Listed Flows = 1 << iota
	// AuthorizationCodeGrant is the grant type authorization_code.
	AuthorizationCodeGrant
	// ImplicitGrant is the grant type implicit.
	ImplicitGrant
	// CodeResponse is a response type with code.
	CodeResponse
	// TokenResponse is a response type with token.
	TokenResponse
	// IDTokenResponse is a response type with id_token.
	IDTokenResponse
)

// Has reports whether one of some is there.
func (f Flows) Has(some Flows) bool { return f&some != 0 }

func grantType(name string) Flows {
	switch name {
	case "authorization_code":
		return AuthorizationCodeGrant
	case "implicit":
		return ImplicitGrant
	}
	return 0
}

// responseType finds the words in a response type, which white space of any kind separates. Few places look like the begin of one.
func responseType(text string) (flows Flows) {
	const size = len("code")
	for at := 0; at+size <= len(text); at++ {
		switch text[at : at+size] {
		case "code":
			flows |= wordAt(text, at, "code", CodeResponse)
		case "toke":
			flows |= wordAt(text, at, "token", TokenResponse)
		case "id_t":
			flows |= wordAt(text, at, "id_token", IDTokenResponse)
		}
	}
	return flows
}

// wordAt is what a word means, if it stands at that place of the text, between white space.
func wordAt(text string, at int, word string, meaning Flows) Flows {
	if !strings.HasPrefix(text[at:], word) {
		return 0
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at+len(word):])
	if at > 0 && !unicode.IsSpace(before) || at+len(word) < len(text) && !unicode.IsSpace(after) {
		return 0
	}
	return meaning
}
