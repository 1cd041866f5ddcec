package command

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// comparison is a redirect URI beside the registered one that is most like it.
type comparison struct {
	// Requested and Nearest are shown without user information, query and fragment.
	Requested string `json:"requested"`
	Nearest   string `json:"nearest_registered,omitempty"`
	// Differs is the part of the nearest that is different in the request, and what stands there; both are empty if the difference is not shown.
	Differs *difference `json:"difference,omitempty"`
	// Note says in words what is different.
	Note string `json:"note"`
}

// difference is what stands in two texts between a common beginning and a common end.
type difference struct {
	Requested  string `json:"requested"`
	Registered string `json:"registered"`
	// prefix is how many characters both have in common at the beginning.
	prefix int
}

// maxCompared bounds how many URIs, and how many bytes of each, are compared.
const (
	maxCompared      = 1000
	maxComparedBytes = 500
)

// compare finds the registered URI that is most like the requested one, and the difference.
func compare(requested string, registered []redirecturi.Registered) comparison {
	result := comparison{Requested: redact.URI(requested)}
	best, bestDistance, exact := "", -1, requested
	requested = requested[:min(len(requested), maxComparedBytes)]
	for i := range registered[:min(len(registered), maxCompared)] {
		uri := registered[i].URI
		if uri == exact {
			result.Nearest, result.Note = redact.URI(uri), "it is registered"
			return result
		}
		if d := validators.EditDistance(requested, uri[:min(len(uri), maxComparedBytes)]); bestDistance < 0 || d < bestDistance {
			best, bestDistance = uri, d
		}
	}
	if bestDistance < 0 {
		result.Note = "the client has no registered redirect URI"
		return result
	}
	result.Nearest = redact.URI(best)
	if result.Nearest == result.Requested {
		result.Note = "it differs in what is not shown: user information, query or fragment"
		return result
	}
	result.Differs = differ(result.Requested, result.Nearest)
	result.Note = explain(result.Requested, result.Nearest)
	return result
}

// differ cuts off what two texts have in common at the beginning and at the end.
func differ(requested, registered string) *difference {
	a, b := []rune(requested), []rune(registered)
	prefix := 0
	for prefix < len(a) && prefix < len(b) && a[prefix] == b[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < len(a)-prefix && suffix < len(b)-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return &difference{Requested: string(a[prefix : len(a)-suffix]), Registered: string(b[prefix : len(b)-suffix]), prefix: prefix}
}

// explain says in words what the usual differences are.
func explain(requested, registered string) string {
	a, b := splitURI(requested), splitURI(registered)
	switch {
	case strings.TrimSuffix(requested, "/") == strings.TrimSuffix(registered, "/"):
		return "it differs in the final slash"
	case strings.EqualFold(requested, registered):
		return "it differs in upper and lower case"
	case a.scheme != b.scheme && a.authority == b.authority && a.path == b.path:
		return "it differs in the scheme"
	case a.authority != b.authority && a.scheme == b.scheme && a.path == b.path:
		if hostOf(a.authority) == hostOf(b.authority) {
			return "it differs in the port"
		}
		return "it differs in the host"
	case a.path != b.path && a.scheme == b.scheme && a.authority == b.authority:
		return "it differs in the path"
	}
	return "it differs in several parts"
}

// parts are what people call the parts of a URI.
type parts struct{ scheme, authority, path string }

func splitURI(uri string) parts {
	scheme, rest, found := strings.Cut(uri, "://")
	if !found {
		scheme, rest, _ = strings.Cut(uri, ":")
		return parts{scheme: scheme, path: rest}
	}
	authority, path, _ := strings.Cut(rest, "/")
	return parts{scheme, authority, path}
}

func hostOf(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		return authority[:i]
	}
	return authority
}
