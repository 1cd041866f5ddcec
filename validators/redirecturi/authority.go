package redirecturi

import (
	"net/netip"
	"strings"
)

// inspectAuthority looks at what follows "http:" or "https:".
func inspectAuthority(plain bool, rest string) Flaws {
	rest, found := strings.CutPrefix(rest, "//")
	authority, kinds := cutAuthority(rest)
	if !found || authority == "" || authority[0] == ':' {
		return Relative
	}
	if kinds == 0 {
		return insecure(plain, authority) // as most
	}
	host, port := authority, ""
	if authority[0] == '[' {
		end := strings.IndexByte(authority, ']')
		if end < 0 || !ipv6(authority[1:end]) {
			return Authority
		}
		host, port = authority[:end+1], authority[end+1:]
		if port != "" && port[0] != ':' {
			return Authority
		}
		kinds &^= brackets // only a port may follow
	} else if colon := strings.IndexByte(authority, ':'); colon >= 0 {
		host, port = authority[:colon], authority[colon:]
	}
	flaws := insecure(plain, host)
	if kinds&(ambiguous|brackets) != 0 || port != "" && !consists(port[1:], &digits) {
		flaws |= Authority
	}
	return flaws
}

// kind is a set of kinds of bytes in an authority.
type kind uint8

const (
	// end are the bytes behind an authority.
	end kind = 1 << iota
	// ambiguous are those that stand before or instead of what some parser takes for the host.
	ambiguous
	brackets
	// special is every other byte that is not a letter, a digit, a hyphen, an underscore or a dot.
	special
)

var kinds = func() (table [256]kind) {
	ordinary := tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
	for c := range table {
		if !ordinary[c] {
			table[c] = special
		}
	}
	for c, kind := range map[byte]kind{'/': end, '?': end, '#': end, '@': ambiguous, '%': ambiguous, '\\': ambiguous, '[': brackets, ']': brackets} {
		table[c] = kind
	}
	return table
}()

// cutAuthority is the authority that what follows "//" begins with, and what stands in it.
func cutAuthority(rest string) (authority string, held kind) {
	for i := 0; i < len(rest); i++ {
		kind := kinds[rest[i]]
		if kind == end {
			return rest[:i], held
		}
		held |= kind
	}
	return rest, held
}

var (
	digits       = tableOf("0123456789")
	addressBytes = tableOf("0123456789abcdefABCDEF:.")
)

// maxIPv6 is the length in bytes of the longest spelling of an IPv6 address.
const maxIPv6 = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")

// ipv6 reports whether a text is an IPv6 address without a zone, RFC 3986 section 3.2.2.
func ipv6(text string) bool {
	if len(text) > maxIPv6 || !consists(text, &addressBytes) {
		return false
	}
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is6()
}

func consists(s string, of *[256]bool) bool {
	for i := 0; i < len(s); i++ {
		if !of[s[i]] {
			return false
		}
	}
	return true
}

// insecure judges the host of a URI, which is plain if it is http.
func insecure(plain bool, host string) Flaws {
	if plain && host != "127.0.0.1" && host != "[::1]" && !strings.EqualFold(host, "localhost") {
		return Insecure
	}
	return 0
}
