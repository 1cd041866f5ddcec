package rule

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

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
