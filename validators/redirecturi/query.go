package redirecturi

import (
	"math"
	"math/bits"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// holdsResponseParameter reports whether a query names a parameter of an authorization response. A client that takes the first or the last of two
// would take the attacker's.
func holdsResponseParameter(query string) bool {
	if responseParameter(query) {
		return true
	}
	at := 0
	for ; len(query)-at >= 8+len("iss"); at += 8 {
		octets := scan.Octets(query, at)
		separators := scan.MarkOctets(octets, '&') | scan.MarkOctets(octets, ';')
		for marks := separators &^ (separators >> 8); marks != 0; marks &= marks - 1 { // behind the last one in a row
			begin := at + bits.TrailingZeros64(marks)/8 + 1
			if plausible(query[begin], query[begin+1], query[begin+2]) && responseParameter(query[begin:]) {
				return true
			}
		}
	}
	for ; at < len(query); at++ {
		if c := query[at]; (c == '&' || c == ';') && responseParameter(query[at+1:]) {
			return true
		}
	}
	return false
}

// plausible reports whether the name of such a parameter may begin with three bytes, of which some may belong to an escape. Few others may.
func plausible(first, second, third byte) bool {
	return (followers[0][first]>>(second&31))&(followers[1][second]>>(third&31))&1 != 0
}

// followers says by which bytes the first one, and the second one, may be followed: each bit stands for those with the same five lowest bits.
var followers = func() (tables [2][256]uint32) {
	for _, begin := range []string{"acc", "cod", "err", "id_", "iss", "res", "sta"} {
		for i := range tables {
			tables[i][begin[i]] |= 1<<(begin[i+1]&31) | 1<<('%'&31)
		}
	}
	tables[0]['%'], tables[1]['%'] = math.MaxUint32, math.MaxUint32
	tables[1]['6'], tables[1]['7'] = math.MaxUint32, math.MaxUint32 // escapes of small letters
	return tables
}()

// responseParameter reports whether the name that a pair begins with, which may be escaped, is that of a parameter of an authorization response.
func responseParameter(pair string) bool {
	if len(pair) < len("iss") {
		return false
	}
	first, at := pair[0], 1
	if decoded, escaped := scan.Unhex(pair); escaped {
		first, at = decoded, len("%41")
	}
	if at == len(pair) || followers[0][first]>>(pair[at]&31)&1 == 0 {
		return false // as most
	}
	second, at := decoded(pair, at)
	var name string
	switch uint16(first)<<8 | uint16(second) {
	case 'a'<<8 | 'c':
		name = "access_token"
	case 'c'<<8 | 'o':
		name = "code"
	case 'e'<<8 | 'r':
		name = "error"
	case 'i'<<8 | 'd':
		name = "id_token"
	case 'i'<<8 | 's':
		name = "iss"
	case 'r'<<8 | 'e':
		name = "response"
	case 's'<<8 | 't':
		name = "state"
	default:
		return false
	}
	for i := 2; i < len(name); i++ {
		var c byte
		if c, at = decoded(pair, at); c != name[i] {
			return false
		}
	}
	return at == len(pair) || pair[at] == '=' || pair[at] == '&' || pair[at] == ';'
}

// decoded is the byte at a place, which may be escaped, and the place behind it; zero if there is none.
func decoded(pair string, at int) (c byte, behind int) {
	if at < len(pair) && pair[at] != '%' {
		return pair[at], at + 1
	}
	return unescaped(pair, at)
}

// unescaped is decoded where an escape may begin, or the pair ends.
func unescaped(pair string, at int) (c byte, behind int) {
	if at == len(pair) {
		return 0, at
	}
	if c, escaped := scan.Unhex(pair[at:]); escaped {
		return c, at + len("%41")
	}
	return '%', at + 1
}
