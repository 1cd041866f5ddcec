package rule

import "strings"

// grammar is a set of alphabets, as bits.
type grammar uint8

const (
	printable  grammar = 1 << iota // VSCHAR, RFC 6749 appendix A
	unreserved                     // RFC 3986 section 2.3
	base64URL                      // RFC 4648 section 5, without padding
	b64token                       // RFC 6750 section 2.1, without the equals signs at its end
	scope                          // NQCHAR and the blank, RFC 6749 appendix A.4
)

// grammars says to which alphabets each byte belongs.
var grammars = func() (table [256]grammar) {
	mark := func(alphabet grammar, bytes string) {
		for _, c := range []byte(bytes) {
			table[c] |= alphabet
		}
	}
	for c := byte(0x20); c <= 0x7E; c++ {
		table[c] |= printable
		if c != '"' && c != '\\' {
			table[c] |= scope
		}
	}
	const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	mark(unreserved, alphanumeric+"-._~")
	mark(base64URL, alphanumeric+"-_")
	mark(b64token, alphanumeric+"-._~+/")
	return table
}()

// in reports whether all bytes of s belong to the alphabet.
func (g grammar) in(s string) bool {
	common := g
	for i := 0; i < len(s); i++ {
		common &= grammars[s[i]]
	}
	return common != 0
}

// Printable reports whether s consists of VSCHAR, printable ASCII: RFC 6749 appendix A.
func Printable(s string) bool { return printable.in(s) }

// Unreserved reports whether s consists of the unreserved characters of RFC 3986 section 2.3, of which RFC 7636 makes challenges and verifiers.
func Unreserved(s string) bool { return unreserved.in(s) }

// Base64URL reports whether s consists of the alphabet of base64url without padding, RFC 4648 section 5.
func Base64URL(s string) bool { return base64URL.in(s) }

// B64Token reports whether s matches b64token, RFC 6750 section 2.1.
func B64Token(s string) bool {
	content := strings.TrimRight(s, "=")
	return content != "" && b64token.in(content)
}

// Scope reports whether s is a list of words with single blanks between them, RFC 6749 appendix A.4. An empty one counts as omitted, and so as one.
func Scope(s string) bool {
	return s == "" || scope.in(s) && s[0] != ' ' && s[len(s)-1] != ' ' && !strings.Contains(s, "  ")
}

// CompactJWT reports whether s has the form of a signed or encrypted JWT: three or five parts of base64url, RFC 7515 section 7.1 and RFC 7516 section 7.1.
func CompactJWT(s string) bool {
	dots := strings.Count(s, ".")
	return (dots == 2 || dots == 4) && unreserved.in(s) && strings.IndexByte(s, '~') < 0
}
