package redirecturi

import (
	"net/netip"
	"strings"
)

// inspectAuthority looks at what follows "http:" or "https:". It says how many bytes of it are plain: characters that stand in no other flaw.
func inspectAuthority(http bool, rest string) (flaws Flaws, plain int) {
	rest, found := strings.CutPrefix(rest, "//")
	authority, kinds := cutAuthority(rest)
	if !found || authority == "" || authority[0] == ':' {
		return Relative, 0
	}
	if kinds&(ambiguous|special) == 0 {
		plain = len("//") + len(authority)
	}
	if kinds == 0 {
		return insecure(http, authority), plain // as most
	}
	host, port := authority, ""
	if authority[0] == '[' {
		size := ipv6(authority[1:])
		if size == 0 || !strings.HasPrefix(authority[1+size:], "]") {
			return Authority, plain
		}
		host, port = authority[:size+2], authority[size+2:]
		if port != "" && port[0] != ':' {
			return Authority, plain
		}
		kinds &^= brackets // only a port may follow
	} else if colon := strings.IndexByte(authority, ':'); colon >= 0 {
		host, port = authority[:colon], authority[colon:]
	}
	flaws = insecure(http, host)
	if kinds&(ambiguous|brackets) != 0 || port != "" && !consists(port[1:], &digits) {
		flaws |= Authority
	}
	return flaws, plain
}

// kind is a set of kinds of bytes in an authority.
type kind uint8

const (
	// end are the bytes behind an authority.
	end kind = 1 << iota
	// ambiguous are those that stand before or instead of what some parser takes for the host.
	ambiguous
	brackets
	colons
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
	for c, kind := range map[byte]kind{'/': end, '?': end, '#': end, '@': ambiguous, '%': ambiguous, '\\': ambiguous, '[': brackets, ']': brackets, ':': colons} {
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
	digits    = tableOf("0123456789")
	hexDigits = tableOf("0123456789abcdefABCDEF")
)

// ipv6 is the size in bytes of the IPv6 address without a zone, RFC 3986 section 3.2.2, that a text begins with; zero if it begins with none. What is behind a bracket that closes is not looked at.
func ipv6(text string) (size int) {
	before, size := groups(text)
	rest, gap := strings.CutPrefix(text[size:], "::")
	if !gap {
		if before == maxGroups {
			return size
		}
		return 0
	}
	after, sizeAfter := groups(rest)
	if before+after >= maxGroups {
		return 0
	}
	return size + len("::") + sizeAfter
}

// maxGroups is how many groups of four digits an IPv6 address has.
const maxGroups = 8

// groups counts the groups of an IPv6 address that a text begins with, between colons, and their size in bytes. An IPv4 address at the end counts as two.
func groups(text string) (count, size int) {
	for at := 0; count < maxGroups; {
		end := at
		for end < len(text) && end-at < len("ffff") && hexDigits[text[end]] {
			end++
		}
		if end < len(text) && text[end] == '.' {
			ipv4, _, _ := strings.Cut(text[at:], "]")
			if address, err := netip.ParseAddr(ipv4); err == nil && address.Is4() {
				count, size = count+2, at+len(ipv4)
			}
			break
		}
		if end == at {
			break
		}
		count, size = count+1, end
		if end == len(text) || text[end] != ':' {
			break
		}
		at = end + 1
	}
	return count, size
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
