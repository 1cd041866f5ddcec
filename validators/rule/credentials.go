package rule

import (
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Anonymous reports whether nothing in the request names a client. An attestation names one too (OAuth 2.0 Attestation-Based Client Authentication), in its subject.
func (c *Case) Anonymous() bool {
	return !c.Has(scan.ClientID) && !c.Has(scan.ClientAssertion) && !c.Has(scan.ClientSecret) && c.Authentication().Scheme == NoScheme && !c.attested()
}

// Credentials counts the ways in which the client authenticates by the form and the Authorization header, RFC 6749 section 2.3.
func (c *Case) Credentials() int {
	n := 0
	if c.Has(scan.ClientSecret) {
		n++
	}
	if c.Has(scan.ClientAssertion) {
		n++
	}
	if c.Authentication().BasicSecret() {
		n++
	}
	return n
}

// Unauthenticated reports whether the request lacks client authentication for certain: there is no credential of any kind, and either no client is named, or one that is
// known not to use a certificate. That of another client may have been taken by a proxy in front of the guard.
func (c *Case) Unauthenticated() bool {
	if c.Credentials() > 0 || c.Authentication().Scheme > BasicScheme || len(c.Certificate) > 0 || c.attested() {
		return false
	}
	return c.Anonymous() || c.Authentication().All(func(client *Client) bool { return client.Public() || client.Confidential() })
}

func (c *Case) attested() bool { return len(c.Header["Oauth-Client-Attestation"]) > 0 }

// BasicSecret reports whether there is a Basic header with a password. With an empty one it only identifies the client.
func (a *Authentication) BasicSecret() bool { return a.count > 0 && a.readings[0].Secret != "" }

// Hinted is the client to which the ID token was issued that a logout brings as its hint: azp and aud name it alone (OpenID Connect Core section 2). Nobody looked at the
// signature. It is empty if the hint cannot be read, or names several.
func (c *Case) Hinted() string {
	names := c.hintedNames()
	if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return name != names[0] }) {
		return ""
	}
	return names[0]
}

// HintedOther reports whether the hint of a logout was issued to others than client_id.
func (c *Case) HintedOther() bool {
	id, single := c.Single(scan.ClientID)
	names := c.hintedNames()
	return single && len(names) > 0 && !slices.Contains(names, id)
}

func (c *Case) hintedNames() []string {
	if c.Endpoint != Logout || !c.Has(scan.IDTokenHint) {
		return nil
	}
	token := c.JWT(c.Get(scan.IDTokenHint))
	names, _ := token.Audience()
	if party := token.Text("azp"); party != "" {
		names = append(slices.Clip(names), party)
	}
	return names
}
