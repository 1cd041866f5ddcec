package bearer

import (
	"encoding/base64"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Hub are rules about requests that a JetBrains Hub should refuse itself.
var Hub = []rule.Rule{
	{
		ID: "hub.services.anonymous_registration", Endpoints: rule.At(rule.Resource), Status: 401, Delivery: rule.Bare, Modes: rule.OnRequest, Unexemptible: true, When: rule.When{Traits: rule.OddPath},
		Title: "Somebody who is not signed in registers a service",
		Why: "Old Hubs let everybody register a service, and so a client with redirect URIs of its own; published exploits begin with that, and another " +
			"made the service a trusted one. It looks at POST, and at methods other than GET, HEAD and OPTIONS, to api/rest/services below base_path in any " +
			"spelling. Credentials of some kind are enough: whether they are good is for the Hub to say. Switch it on unless applications register themselves.",
		Source:      "CVE-2022-25260, CVE-2026-86480; Hub documentation, HUB REST API, Services",
		Description: "registering a service needs an access token",
		Check: func(c *rule.Case) bool {
			return c.Services && !harmless(c) && !credentials(c)
		},
	},
}

// harmless reports whether a request only reads, whichever method a server takes it to have.
func harmless(c *rule.Case) bool {
	for _, name := range [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
		if len(c.Header[name]) > 0 {
			return false
		}
	}
	return c.Method == "GET" || c.Method == "HEAD" || c.Method == "OPTIONS"
}

// credentials reports whether a request holds an access token or a user's password in its header, so that a server cannot take it for one of a guest.
func credentials(c *rule.Case) bool {
	if len(c.AuthorizationHeader) != 1 {
		return false
	}
	scheme, rest, _ := strings.Cut(c.AuthorizationHeader[0], " ")
	rest = strings.Trim(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return rest != ""
	case strings.EqualFold(scheme, "Basic"):
		decoded, err := base64.StdEncoding.DecodeString(rest)
		return err == nil && strings.IndexByte(string(decoded), ':') > 0
	}
	return false
}
