package redirecturi

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// responseParameters are the parameters of an authorization response, by their initials.
var responseParameters = ['t']([]string){
	'a': {"access_token"}, 'c': {"code"}, 'e': {"error"}, 'i': {"iss", "id_token"}, 'r': {"response"}, 's': {"state"},
}

// holdsResponseParameter reports whether a query names a parameter of an authorization response. A client that takes the first or the last of two
// would take the attacker's.
func holdsResponseParameter(query string) bool {
	query, _, _ = strings.Cut(query, "#")
	if responseParameter(query) {
		return true
	}
	for i := 0; i < len(query); i++ {
		if c := query[i]; (c == '&' || c == ';') && responseParameter(query[i+1:]) {
			return true
		}
	}
	return false
}

// responseParameter reports whether the name that a pair begins with, which may be escaped, is that of a parameter of an authorization response.
func responseParameter(pair string) bool {
	if len(pair) < len("iss") {
		return false
	}
	initial, size := pair[0], 1
	if decoded, escaped := scan.Unhex(pair); escaped {
		initial, size = decoded, 3
	}
	if int(initial) < len(responseParameters) {
		for _, parameter := range responseParameters[initial] {
			if named(pair[size:], parameter[1:]) {
				return true
			}
		}
	}
	return false
}

// named reports whether a pair begins with the name, which may be escaped.
func named(pair, name string) bool {
	at := 0
	for i := 0; i < len(name); i++ {
		if at == len(pair) {
			return false
		}
		c, size := pair[at], 1
		if c == '%' {
			decoded, escaped := scan.Unhex(pair[at:])
			if !escaped {
				return false
			}
			c, size = decoded, 3
		}
		if c != name[i] {
			return false
		}
		at += size
	}
	return at == len(pair) || pair[at] == '=' || pair[at] == '&' || pair[at] == ';'
}
