// Package redirecturi judges redirect URIs: whether one is registered, and whether its syntax is one that clients, browsers and servers
// read alike. It works on the bytes; general URI parsers hide an empty fragment, or find another host than a browser does.
package redirecturi

import "strings"

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
	flaws, plain := inspectBegin(uri)
	return flaws | read(uri[plain:])
}

// inspectBegin looks at the scheme and the authority. It says how many bytes of them are plain: characters of which [read] finds nothing.
func inspectBegin(uri string) (flaws Flaws, plain int) {
	scheme, rest, found := cutScheme(uri)
	switch {
	case !found:
		return Relative | schemeFlaws(uri), 0
	case means(scheme, "https"):
		flaws, plain = inspectAuthority(false, rest)
	case means(scheme, "http"):
		flaws, plain = inspectAuthority(true, rest)
	default:
		return schemeFlaws(uri), 0
	}
	return flaws, len(uri) - len(rest) + plain
}

// means reports whether a scheme is the one of that name, in whatever case.
func means(scheme, name string) bool {
	return len(scheme) == len(name) && (scheme == name || strings.EqualFold(scheme, name))
}

// cutScheme splits a URI behind the colon of its scheme.
func cutScheme(uri string) (scheme, rest string, found bool) {
	if rest, found = strings.CutPrefix(uri, "https:"); found {
		return "https", rest, true
	}
	if rest, found = strings.CutPrefix(uri, "http:"); found {
		return "http", rest, true
	}
	end := 0
	for end < len(uri) && schemeBytes[uri[end]] {
		end++
	}
	if end == 0 || end == len(uri) || uri[end] != ':' || uri[0] < 'A' {
		return "", uri, false
	}
	return uri[:end], uri[end+1:], true
}

// schemeBytes are the bytes of a scheme, RFC 3986 section 3.1. It begins with a letter, and all others stand before these.
var schemeBytes = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.")

func tableOf(characters string) (table [256]bool) {
	for _, c := range []byte(characters) {
		table[c] = true
	}
	return table
}

// schemeFlaws finds dangerous schemes as a browser does: after removing tabs and line ends anywhere, and controls and blanks in front.
func schemeFlaws(uri string) Flaws {
	if strings.HasPrefix(uri, "https:") {
		return 0 // as most
	}
	var buffer [16]byte
	i, n := 0, 0
	for i < len(uri) && uri[i] <= ' ' {
		i++
	}
	for ; i < len(uri) && n < len(buffer); i++ {
		c := uri[i]
		if c == '\t' || c == '\n' || c == '\r' {
			continue
		}
		if c == ':' {
			switch string(buffer[:n]) {
			case "javascript", "data", "vbscript":
				return DangerousScheme | ScriptScheme
			case "blob", "file", "filesystem", "about", "ws", "wss", "mailto", "view-source":
				return DangerousScheme
			}
			return 0
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		buffer[n] = c
		n++
	}
	return 0
}

// Scripts finds nothing but a script scheme, the one flaw that a registered URI may not have.
func Scripts(uri string) Flaws { return schemeFlaws(uri) & ScriptScheme }
