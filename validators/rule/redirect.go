package rule

import (
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// RedirectURI compares the redirect URI of an authorization request with the registered ones, and finds the flaws that count: all of an unregistered URI, only a
// script of a registered one.
func (c *Case) RedirectURI() (redirecturi.Match, redirecturi.Flaws) {
	if c.redirectAsked {
		return c.redirectMatch, c.redirectFlaws
	}
	c.redirectAsked = true
	c.redirectMatch, c.redirectFlaws = redirecturi.None, 0
	if c.Has(scan.RedirectURI) {
		uri := ""
		if client, standing := c.Client(); standing == Known {
			c.redirectMatch, uri = c.matchRedirectURI(client)
		}
		if c.redirectMatch == redirecturi.None {
			c.redirectFlaws = redirecturi.Inspect(c.Get(scan.RedirectURI))
		} else {
			c.redirectFlaws = redirecturi.Scripts(uri)
		}
	}
	return c.redirectMatch, c.redirectFlaws
}

// fewURIs is up to how many registered URIs are compared with one that is escaped without decoding it.
const fewURIs = 8

// matchRedirectURI compares the redirect URI with those of a client, and returns what it is if there is a match. Most are registered as they are, which shows without decoding.
func (c *Case) matchRedirectURI(client *Client) (match redirecturi.Match, uri string) {
	raw, escaped := c.Parameters.Raw(scan.RedirectURI)
	if !escaped {
		return redirecturi.Compare(raw, client.RedirectURIs), raw
	}
	if len(client.RedirectURIs) <= fewURIs {
		for i := range client.RedirectURIs {
			if r := &client.RedirectURIs[i]; !r.Plausible && scan.Means(raw, r.URI) {
				return redirecturi.Exact, r.URI
			}
		}
	}
	uri = c.Get(scan.RedirectURI)
	return redirecturi.Compare(uri, client.RedirectURIs), uri
}

// RedirectURIRegistered reports whether the redirect URI of a token request is registered for some client that the request may come from, or some such client's are not known.
func (c *Case) RedirectURIRegistered() bool {
	if !c.redirectAsked {
		c.redirectAsked = true
		c.redirectMatch, c.redirectFlaws = redirecturi.None, 0
		for _, client := range c.Authentication().Clients() {
			if len(client.RedirectURIs) == 0 {
				c.redirectMatch = redirecturi.Plausible
			} else {
				c.redirectMatch, _ = c.matchRedirectURI(client)
			}
			if c.redirectMatch != redirecturi.None {
				break
			}
		}
	}
	return c.redirectMatch != redirecturi.None
}

// LogoutTarget compares the target of a logout with the registered ones, and finds the flaws that count: all of an unregistered one, only a script of a registered one.
func (c *Case) LogoutTarget() (registered bool, flaws redirecturi.Flaws) {
	if !c.redirectAsked {
		c.redirectAsked = true
		c.redirectMatch, c.redirectFlaws = redirecturi.None, 0
		if target := c.Get(scan.PostLogoutRedirectURI); target != "" {
			if client, standing := c.Client(); standing == Known && slices.Contains(client.PostLogoutRedirectURIs, target) {
				c.redirectMatch, c.redirectFlaws = redirecturi.Exact, redirecturi.Scripts(target)
			} else {
				c.redirectFlaws = redirecturi.Inspect(target)
			}
		}
	}
	return c.redirectMatch != redirecturi.None, c.redirectFlaws
}
