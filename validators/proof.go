package validators

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/authorize"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// prove finds out whether an error may be redirected, and where to. It looks at the request alone, never at modes: a rule that is off, reported or exempted must
// not become a proof by its silence.
//
// The proof: no rule about bytes fires; exactly one client_id, known; exactly one redirect_uri, clean and registered; no request object that could say otherwise, or one
// that the client signed for certain, which holds the redirect URI.
func prove(c *rule.Case) (Target, bool) {
	if c.Endpoint != rule.Authorize || c.Unread() || c.Parameters.Signs&scan.Doubt != 0 {
		return Target{}, false
	}
	if c.Object == nil && (c.RequestObject() || c.Options.RequestObjects != rule.RequestObjectsIgnored && c.Parameters.Seen&(1<<scan.Request|1<<scan.RequestURI) != 0) {
		return Target{}, false
	}
	for i := range byBytes {
		r := &byBytes[i]
		if r.Endpoints.Has(c.Endpoint) && r.When.Relevant(c) && r.Check(c) {
			return Target{}, false
		}
	}
	_, standing := c.Client()
	uri, single := c.Single(scan.RedirectURI)
	if standing != rule.Known || !single || c.Repeats(scan.ClientID) {
		return Target{}, false
	}
	match, _ := c.RedirectURI()
	switch match {
	case redirecturi.Exact:
	case redirecturi.Loopback:
		// Hub is not known to follow RFC 8252 here, so the URI passes there, but nothing is redirected to it.
		if c.Options.Profile == rule.Hub {
			return Target{}, false
		}
	default:
		return Target{}, false
	}
	if redirecturi.Inspect(uri)&^redirecturi.Insecure != 0 {
		return Target{}, false
	}
	place, ok := placeOf(c)
	if !ok {
		return Target{}, false
	}
	if c.Object != nil && !vouches(c) {
		return Target{}, false
	}
	target := Target{URI: uri, Place: place}
	target.State, target.HasState = c.Single(scan.State)
	return target, true
}

// vouches reports whether the request object has the redirect URI, and the client signed it for certain.
func vouches(c *rule.Case) bool {
	return c.Object.RedirectURI && c.Object.Token.Text("client_id") == c.Get(scan.ClientID) && c.ObjectSignature() == rule.SignatureValid
}

// placeOf finds out where the error response goes. The mode of the request counts if it is one that errors can be delivered in; else the default of the
// response type, which for a missing one is the query. A response in a JWT cannot be made without the server's key, so it is a page.
func placeOf(c *rule.Case) (Place, bool) {
	place, token := Query, false
	for i := range c.Parameters.List {
		if item := &c.Parameters.List[i]; item.Name == scan.ResponseType && authorize.CarriesToken(c.Parameters.Value(item)) {
			place, token = Fragment, true
		}
	}
	mode := c.Get(scan.ResponseMode)
	if c.Repeats(scan.ResponseMode) {
		mode = ""
	}
	switch {
	case mode == "jwt" || strings.HasSuffix(mode, ".jwt") || mode == "web_message":
		return place, false
	case mode == "form_post":
		return FormPost, true
	case mode == "fragment":
		return Fragment, true
	case mode == "query" && !token:
		return Query, true
	}
	return place, true
}

// silent reports whether the request must not show anything to a person, in a frame that no person sees.
func silent(c *rule.Case) bool {
	if fetched := c.Header["Sec-Fetch-Dest"]; len(fetched) != 1 || fetched[0] != "iframe" {
		return false
	}
	return strings.TrimSpace(c.Get(scan.Prompt)) == "none" || c.Get(scan.RequestCredentials) == "silent"
}
