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
	if c.Host != "" && normalAuthority(authority, scheme) != normalAuthority(c.Host, scheme) {
		return false
	}
	return normalPath(path) == normalPath(cmp.Or(c.Target, c.Path, "/"))
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

// normalPath writes escapes in upper case, and decodes those that need not be escaped (RFC 3986 sections 6.2.2.1 and 6.2.2.2). Dots and slashes stay as they are: paths that differ in
// them may be different resources.
func normalPath(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	var normal strings.Builder
	for i := 0; i < len(path); i++ {
		c, escaped := scan.Unhex(path[i:])
		switch {
		case path[i] != '%' || !escaped:
			normal.WriteByte(path[i])
			continue
		case rule.Unreserved(string(rune(c))):
			normal.WriteByte(c)
		default:
			normal.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return normal.String()
}
