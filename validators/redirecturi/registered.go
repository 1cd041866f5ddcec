package redirecturi

import (
	"net/url"
	"strconv"
	"strings"
)

// Registered is one redirect URI of a client.
type Registered struct {
	// URI is the absolute URI, compared byte by byte (RFC 3986 section 6.2.1).
	URI string
	// Plausible marks a URI that was only guessed from a base and a relative one: a request with it passes, since the server checks
	// again, but no error is ever redirected to it.
	Plausible bool
}

// Match says how a redirect URI relates to the registered ones.
type Match uint8

const (
	// None is a URI that is not registered.
	None Match = iota
	// Plausible is equal to a guessed one, see [Registered].
	Plausible
	// Loopback is equal to a registered loopback URI but for the port, RFC 8252 section 7.3.
	Loopback
	// Exact is equal to a registered one, byte by byte.
	Exact
)

// Compare finds the best match of a decoded redirect URI among the registered ones.
func Compare(uri string, registered []Registered) Match {
	best := None
	for i := range registered {
		if registered[i].URI != uri {
			continue
		}
		if !registered[i].Plausible {
			return Exact
		}
		best = Plausible
	}
	if best != None {
		return best
	}
	host, rest, ok := cutLoopback(uri)
	if !ok {
		return None
	}
	for i := range registered {
		if registered[i].Plausible || !strings.HasSuffix(registered[i].URI, rest) {
			continue
		}
		if registeredHost, registeredRest, ok := cutLoopback(registered[i].URI); ok && registeredHost == host && registeredRest == rest {
			return Loopback
		}
	}
	return None
}

// cutLoopback splits http://127.0.0.1 or http://[::1], an optional port, and the rest. Only these two literals can be trusted to be
// the loopback of every browser; RFC 8252 section 8.3 advises against localhost.
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range [...]string{"http://127.0.0.1", "http://[::1]"} {
		rest, found := strings.CutPrefix(uri, host)
		if !found {
			continue
		}
		if strings.HasPrefix(rest, ":") {
			digits := 1
			for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
				digits++
			}
			if port, err := strconv.ParseUint(rest[1:digits], 10, 16); err != nil || port == 0 || rest[1] == '0' {
				return "", "", false
			}
			rest = rest[digits:]
		}
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			return "", "", false
		}
		return host, rest, true
	}
	return "", "", false
}

// Computed is the set of redirect URIs that JetBrains Hub computes for a service (Hub documentation, "Manage Authentication Endpoints"): the
// absolute ones, and every relative one joined with the home URL and with each base URL. How Hub joins is not documented, so the
// RFC 3986 resolution counts as registered, and plain concatenations on the same origin as plausible.
func Computed(home string, bases, redirectURIs []string) []Registered {
	set := make([]Registered, 0, len(redirectURIs))
	seen := make(map[string]struct{}, len(redirectURIs))
	add := func(uri string, plausible bool) {
		if _, done := seen[uri]; done || uri == "" {
			return
		}
		seen[uri] = struct{}{}
		set = append(set, Registered{URI: uri, Plausible: plausible})
	}
	all := make([]string, 0, len(bases)+1)
	for _, base := range append([]string{home}, bases...) {
		if parsed, err := url.Parse(base); err == nil && parsed.IsAbs() && parsed.Host != "" {
			all = append(all, base)
		}
	}
	for _, uri := range redirectURIs {
		if _, _, absolute := cutScheme(uri); absolute {
			add(uri, false)
		}
	}
	for _, guess := range [...]bool{false, true} {
		for _, base := range all {
			for _, relative := range redirectURIs {
				if _, _, absolute := cutScheme(relative); absolute {
					continue
				}
				if !guess {
					add(resolve(base, relative), false)
					continue
				}
				for _, joined := range [...]string{base + relative, strings.TrimRight(base, "/") + "/" + strings.TrimLeft(relative, "/")} {
					if sameOrigin(base, joined) {
						add(joined, true)
					}
				}
			}
		}
	}
	return set
}

func resolve(base, relative string) string {
	parsed, err := url.Parse(base)
	if err != nil {
		return ""
	}
	reference, err := url.Parse(relative)
	if err != nil {
		return ""
	}
	joined := parsed.ResolveReference(reference).String()
	if !sameOrigin(base, joined) {
		return ""
	}
	return joined
}

func sameOrigin(a, b string) bool { return Origin(a) != "" && Origin(a) == Origin(b) }

// Origin is the web origin of an http or https URI as browsers write it in the Origin header: scheme, host in lower case and a port that is
// not the default. It is empty for other URIs.
func Origin(uri string) string {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return ""
	}
	host := strings.ToLower(parsed.Host)
	if port := parsed.Port(); port == "" || parsed.Scheme == "http" && port == "80" || parsed.Scheme == "https" && port == "443" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return parsed.Scheme + "://" + host
}
