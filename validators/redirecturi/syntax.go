// Package redirecturi judges redirect URIs: whether one is registered, and whether its syntax is one that clients, browsers and servers
// read alike. It works on the bytes; general URI parsers hide an empty fragment, or find another host than a browser does.
package redirecturi

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Flaws is a set of reasons not to trust a redirect URI that is not registered as it is.
type Flaws uint8

// The flaws.
const (
	// Relative is a URI without a scheme, or an http URI without "//" and a host, RFC 6749 section 3.1.2.
	Relative Flaws = 1 << iota
	// Fragment is a URI with a number sign, even a final one, RFC 6749 section 3.1.2.
	Fragment
	// DangerousScheme is a scheme that runs, shows or reads something instead of calling a client.
	DangerousScheme
	// ScriptScheme is a scheme that runs what it carries; it is refused even if registered.
	ScriptScheme
	// Character is a control, a blank, a backslash, a byte above 0x7E, a malformed escape or another byte that RFC 3986 does not allow.
	Character
	// Authority is user information, a percent sign, a bracket or a malformed port in the host part.
	Authority
	// ResponseParameter is a query that already holds a parameter of the response, such as code or state.
	ResponseParameter
	// Insecure is http to a host that is not the loopback.
	Insecure
)

// Inspect finds the flaws of a decoded redirect URI.
func Inspect(uri string) Flaws {
	var flaws Flaws
	class := scan.ClassOf(uri)
	if class&(scan.Controls|scan.Blanks|scan.NonASCIIBytes|scan.UnsafeCharacters) != 0 || class&scan.Percents != 0 && malformedEscape(uri) {
		flaws |= Character
	}
	if class&scan.Hashes != 0 {
		flaws |= Fragment
	}
	scheme, rest, found := cutScheme(uri)
	flaws |= schemeFlaws(uri)
	switch {
	case !found:
		flaws |= Relative
	case scheme == "http" || scheme == "https":
		flaws |= inspectAuthority(scheme, rest)
	}
	if _, query, found := strings.Cut(rest, "?"); found && holdsResponseParameter(query) {
		flaws |= ResponseParameter
	}
	return flaws
}

func malformedEscape(s string) bool {
	for at := 0; ; at += 3 {
		next := strings.IndexByte(s[at:], '%')
		if next < 0 {
			return false
		}
		at += next
		if _, ok := scan.Unhex(s[at:]); !ok {
			return true
		}
	}
}

// cutScheme splits a URI behind the colon of its scheme, which is returned in lower case.
func cutScheme(uri string) (scheme, rest string, found bool) {
	if rest, found = strings.CutPrefix(uri, "https:"); found {
		return "https", rest, true
	}
	for i := 0; i < len(uri); i++ {
		switch c := uri[i] | 0x20; {
		case c >= 'a' && c <= 'z':
		case i > 0 && (uri[i] >= '0' && uri[i] <= '9' || strings.IndexByte("+-.", uri[i]) >= 0):
		case i > 0 && uri[i] == ':':
			return strings.ToLower(uri[:i]), uri[i+1:], true
		default:
			return "", uri, false
		}
	}
	return "", uri, false
}

// schemeFlaws finds dangerous schemes as a browser does: after removing tabs and line ends anywhere, and controls and blanks in front.
func schemeFlaws(uri string) Flaws {
	if strings.HasPrefix(uri, "https:") {
		return 0 // as most
	}
	var buffer [16]byte
	n := 0
	for i := 0; i < len(uri) && n < len(buffer); i++ {
		c := uri[i]
		if c == ':' {
			switch string(buffer[:n]) {
			case "javascript", "data", "vbscript":
				return DangerousScheme | ScriptScheme
			case "blob", "file", "filesystem", "about", "ws", "wss", "mailto", "view-source":
				return DangerousScheme
			}
			return 0
		}
		if c == '\t' || c == '\n' || c == '\r' || n == 0 && c <= ' ' {
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		buffer[n] = c
		n++
	}
	return 0
}

// inspectAuthority looks at what follows "http:" or "https:".
func inspectAuthority(scheme, rest string) Flaws {
	rest, found := strings.CutPrefix(rest, "//")
	authority := rest[:endOfAuthority(rest)]
	if simple(authority) && found {
		return insecure(scheme, authority)
	}
	rest = authority
	if !found || rest == "" || rest[0] == ':' {
		return Relative
	}
	var flaws Flaws
	host, port := rest, ""
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 || strings.Trim(rest[1:end], "0123456789abcdefABCDEF:.") != "" {
			return Authority
		}
		host, port = rest[:end+1], rest[end+1:]
		if port != "" && port[0] != ':' {
			return Authority
		}
	} else if colon := strings.IndexByte(rest, ':'); colon >= 0 {
		host, port = rest[:colon], rest[colon:]
	}
	if strings.ContainsAny(rest, "@%\\") || !strings.HasPrefix(host, "[") && strings.ContainsAny(host, "[]") ||
		port != "" && strings.Trim(port[1:], "0123456789") != "" {
		flaws |= Authority
	}
	return flaws | insecure(scheme, host)
}

func endOfAuthority(rest string) int {
	for i := 0; i < len(rest); i++ {
		if c := rest[i]; c == '/' || c == '?' || c == '#' {
			return i
		}
	}
	return len(rest)
}

// simple reports whether an authority is a host of letters, digits, dots and hyphens, without a port.
func simple(authority string) bool {
	return authority != "" && scan.ClassOf(authority)&^scan.Dots == 0
}

func insecure(scheme, host string) Flaws {
	if scheme == "http" && host != "127.0.0.1" && host != "[::1]" && !strings.EqualFold(host, "localhost") {
		return Insecure
	}
	return 0
}

// holdsResponseParameter reports whether a query names a parameter of an authorization response. A client that takes the first or the last of two
// would take the attacker's.
func holdsResponseParameter(query string) bool {
	query, _, _ = strings.Cut(query, "#")
	begin, equals := 0, -1
	for i := 0; i <= len(query); i++ {
		if i < len(query) {
			switch c := query[i]; {
			case c > '=':
				continue // as most
			case c == '=' && equals < 0:
				equals = i
				continue
			case c != '&' && c != ';':
				continue
			}
		}
		name := query[begin:i]
		if equals >= 0 {
			name = query[begin:equals]
		}
		if begin, equals = i+1, -1; responseParameter(name) {
			return true
		}
	}
	return false
}

// responseParameters are the parameters of an authorization response.
var responseParameters = []string{"code", "state", "response", "error", "iss", "access_token", "id_token"}

// responseParameter reports whether a name, which may be escaped, is that of a parameter of an authorization response.
func responseParameter(name string) bool {
	if len(name) < len("iss") {
		return false
	}
	initial := name[0]
	if decoded, escaped := scan.Unhex(name); escaped {
		initial = decoded
	}
	for _, parameter := range responseParameters {
		if initial == parameter[0] && scan.Means(name, parameter) {
			return true
		}
	}
	return false
}

// Scripts finds nothing but a script scheme, the one flaw that a registered URI may not have.
func Scripts(uri string) Flaws { return schemeFlaws(uri) & ScriptScheme }
