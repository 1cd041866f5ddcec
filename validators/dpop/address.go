package dpop

import (
	"cmp"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// addressed reports whether an htu is the URL of the request. What is not known of the URL counts as equal.
func addressed(c *rule.Case, htu string) bool {
	scheme, rest, found := strings.Cut(htu, "://")
	if !found {
		return false
	}
	scheme = strings.ToLower(scheme)
	if scheme != "https" && scheme != "http" || c.Scheme != "" && scheme != c.Scheme {
		return false
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	authority, path := rest, "/"
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	if c.Host != "" && !sameAuthority(authority, c.Host, scheme) {
		return false
	}
	return samePath(path, cmp.Or(c.Target, c.Path, "/"))
}

// sameAuthority compares two authorities. No character of three bytes has more than one lower case letter, so that a host which is that much longer need not be looked at.
func sameAuthority(a, b, scheme string) bool {
	return len(b) <= 3*len(a)+len(":443") && normalAuthority(a, scheme) == normalAuthority(b, scheme)
}

// normalAuthority is the host in lower case, without the default port of the scheme (RFC 3986 sections 6.2.2.1 and 6.2.3).
func normalAuthority(authority, scheme string) string {
	authority = strings.ToLower(authority)
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return strings.TrimSuffix(strings.TrimSuffix(authority, port), ":")
}

// samePath compares two paths, whatever the case of escapes, and whether what need not be escaped is (RFC 3986 sections 6.2.2.1 and 6.2.2.2). Dots and slashes stay as they are: paths that
// differ in them may be different resources.
func samePath(a, b string) bool {
	for a != "" && b != "" {
		charA, escapedA, sizeA := character(a)
		charB, escapedB, sizeB := character(b)
		if charA != charB || escapedA != escapedB {
			return false
		}
		a, b = a[sizeA:], b[sizeB:]
	}
	return a == b
}

// character is the first character of a path, which has a size in bytes; escaped says that it has to be.
func character(path string) (c byte, escaped bool, size int) {
	decoded, found := scan.Unhex(path)
	if !found {
		return path[0], false, 1
	}
	return decoded, !unreserved(decoded), len("%XX")
}

// unreserved reports whether a character is an unreserved one of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
