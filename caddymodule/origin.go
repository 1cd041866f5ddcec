package caddymodule

import (
	"net/http"
	"slices"
	"strings"
)

// originPolicy decides which browser origins may read an error. Without the right header a web application sees a refusal as a broken network, and does not recover.
type originPolicy struct {
	off     bool
	any     bool
	origins []string
}

func newOriginPolicy(settings []string) originPolicy {
	return originPolicy{off: slices.Contains(settings, "off"), any: slices.Contains(settings, "*"), origins: settings}
}

// apply lets the origin of the request read the answer if it is the guarded site's own, the origin of a registered redirect URI, or configured. Errors of the authorization
// endpoint never come here: they are for people.
func (p *originPolicy) apply(header *fields, r *http.Request, directory clientDirectory) {
	if p.off {
		return
	}
	header.add("Vary", "Origin")
	sent := r.Header["Origin"]
	if len(sent) != 1 || sent[0] == "" || sent[0] == "null" {
		return
	}
	origin := sent[0]
	switch {
	case p.any:
		origin = "*"
	case slices.Contains(p.origins, origin):
	case isOwnOrigin(origin, r):
	case directory != nil && directory.RegisteredOrigin(origin):
	default:
		return
	}
	header.set("Access-Control-Allow-Origin", origin)
	if origin != "*" {
		// A page that sent cookies along may read the error too; there is nothing secret in it.
		header.set("Access-Control-Allow-Credentials", "true")
	}
	header.set("Access-Control-Expose-Headers", "WWW-Authenticate")
}

// isOwnOrigin reports whether the origin is that of the guarded site, under either scheme, since TLS may end before this server.
func isOwnOrigin(origin string, r *http.Request) bool {
	_, host, found := strings.Cut(origin, "://")
	return found && strings.EqualFold(host, r.Host)
}
