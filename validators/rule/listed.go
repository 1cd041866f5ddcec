package rule

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
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

// responseType finds the words in a response type, which white space of any kind separates. Eight bytes are looked at at once: few are the begin of a word behind what may be white space.
func responseType(text string) (flows Flows) {
	flows |= flows.wordAt(text, 0)
	at := 1
	for ; len(text)-at >= 8; at += 8 {
		octets := scan.Octets(text, at)
		begins := scan.MarkOctets(octets, 'c') | scan.MarkOctets(octets, 't') | scan.MarkOctets(octets, 'i')
		for marks := begins & markSeparators(scan.Octets(text, at-1)); marks != 0; marks &= marks - 1 {
			if place := at + bits.TrailingZeros64(marks)/8; likely(text[place:]) {
				flows |= flows.wordAt(text, place)
			}
		}
	}
	for ; at < len(text); at++ {
		flows |= flows.wordAt(text, at)
	}
	return flows
}

// markSeparators marks the highest bit of each byte of eight that may belong to white space: controls, blanks and bytes beyond ASCII.
func markSeparators(octets uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (^(octets&^high + (0x80-'!')*ones) | octets) & high
}

// likely reports whether a text begins like one of the words.
func likely(text string) bool {
	const size = len("code")
	return len(text) >= size && (text[:size] == "code" || text[:size] == "toke" || text[:size] == "id_t")
}

// wordAt is what the word means that stands at that place of the text between white space, if it was not found before.
func (f Flows) wordAt(text string, at int) Flows {
	word, meaning := "", Flows(0)
	switch rest := text[at:]; {
	case strings.HasPrefix(rest, "code"):
		word, meaning = "code", CodeResponse
	case strings.HasPrefix(rest, "token"):
		word, meaning = "token", TokenResponse
	case strings.HasPrefix(rest, "id_token"):
		word, meaning = "id_token", IDTokenResponse
	}
	if word == "" || f.Has(meaning) {
		return 0
	}
	before, after := text[:at], text[at+len(word):]
	if after != "" {
		if c, _ := utf8.DecodeRuneInString(after); !unicode.IsSpace(c) {
			return 0
		}
	}
	if before != "" {
		if c, _ := utf8.DecodeLastRuneInString(before); !unicode.IsSpace(c) {
			return 0
		}
	}
	return meaning
}
