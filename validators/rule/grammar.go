package rule

import "strings"

// Printable reports whether s consists of VSCHAR, printable ASCII: RFC 6749 appendix A.
func Printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}

// Unreserved reports whether s consists of the unreserved characters of RFC 3986 section 2.3, of which RFC 7636 makes challenges and verifiers.
func Unreserved(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
}

// Base64URL reports whether s consists of the alphabet of base64url without padding, RFC 4648 section 5.
func Base64URL(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// B64Token reports whether s matches b64token, RFC 6750 section 2.1.
func B64Token(s string) bool {
	content := strings.TrimRight(s, "=")
	for i := 0; i < len(content); i++ {
		if c := content[i]; !alphanumeric(c) && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return content != ""
}

// CompactJWT reports whether s has the form of a signed or encrypted JWT: three or five parts of base64url, RFC 7515 section 7.1 and RFC 7516 section 7.1.
func CompactJWT(s string) bool {
	parts := 1
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			parts++
		case !alphanumeric(c) && c != '-' && c != '_':
			return false
		}
	}
	return parts == 3 || parts == 5
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
