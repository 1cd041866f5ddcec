package rule

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// b64TokenClasses are the characters of b64token, RFC 6750 section 2.1, beside letters, digits, hyphens and underscores, without the equals signs at its end.
const b64TokenClasses = scan.Dots | scan.Tildes | scan.Pluses | scan.Slashes

// unprintable is what is not VSCHAR, printable ASCII: RFC 6749 appendix A.
const unprintable = scan.Controls | scan.NonASCIIBytes

// Printable reports whether s consists of VSCHAR, printable ASCII: RFC 6749 appendix A.
func Printable(s string) bool { return scan.ClassOf(s)&unprintable == 0 }

// unreserved are the unreserved characters of RFC 3986 section 2.3 beside letters, digits, hyphens and underscores.
const unreserved = scan.Dots | scan.Tildes

// Unreserved reports whether s consists of the unreserved characters of RFC 3986 section 2.3, of which RFC 7636 makes challenges and verifiers.
func Unreserved(s string) bool { return scan.ClassOf(s)&^unreserved == 0 }

// CodeVerifier reports whether a value of the class is 43 to 128 unreserved characters, RFC 7636 section 4.1. A code_challenge has the same form, section 4.2.
func CodeVerifier(value string, class scan.Class) bool {
	return len(value) >= 43 && len(value) <= 128 && class&^unreserved == 0
}

// Base64URL reports whether s consists of the alphabet of base64url without padding, RFC 4648 section 5.
func Base64URL(s string) bool { return scan.ClassOf(s) == 0 }

// B64Token reports whether s matches b64token, RFC 6750 section 2.1.
func B64Token(s string) bool {
	content := strings.TrimRight(s, "=")
	return content != "" && scan.ClassBeside(content, b64TokenClasses) == 0
}

// Scope reports whether s is a list of words with single blanks between them, RFC 6749 appendix A.4. An empty one counts as omitted, and so as one.
func Scope(s string) bool {
	return s == "" || scan.ClassOf(s)&(scan.Controls|scan.NonASCIIBytes|scan.Quotes) == 0 && s[0] != ' ' && s[len(s)-1] != ' ' && !strings.Contains(s, "  ")
}

// CompactJWT reports whether s has the form of a signed or encrypted JWT: three or five parts of base64url, RFC 7515 section 7.1 and RFC 7516 section 7.1.
func CompactJWT(s string) bool {
	dots := strings.Count(s, ".")
	return (dots == 2 || dots == 4) && scan.ClassOf(s)&^scan.Dots == 0
}
