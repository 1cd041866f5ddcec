// Package mtls holds the rules of mutual TLS: RFC 8705. They only look at connections whose TLS ends at the guard; what a proxy in front of it was shown cannot be seen.
package mtls

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Clients are the rules about clients that authenticate by certificate.
var Clients = []rule.Rule{
	{
		ID: "mtls.client_id.missing", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceOutsideHub, When: rule.When{Traits: rule.Limited},
		Title:       "A client that authenticates by certificate does not send client_id",
		Why:         "The certificate is looked up by the client, so the client must be named in the form.",
		Source:      "RFC 8705 section 2",
		Covers:      []string{"M-01"},
		Description: "client_id is missing",
		Check: func(c *rule.Case) bool {
			return !c.Has(scan.ClientID) && c.Authentication().All((*rule.Client).ByCertificate)
		},
	},
	{
		ID: "mtls.certificate.missing", Endpoints: rule.Backchannels, Error: "invalid_client", Modes: rule.EnforceOutsideHub, When: rule.When{Traits: rule.Limited},
		Title:       "A client that authenticates by certificate presents none",
		Why:         "A server behind the guard could only take its word. Only judged where the client's TLS connection ends, and not for what a trusted proxy sends.",
		Source:      "RFC 8705 section 2",
		Covers:      []string{"M-01"},
		Description: "the client must present its certificate",
		Check: func(c *rule.Case) bool {
			return c.EndsTLS && len(c.Certificate) == 0 && c.Authentication().All((*rule.Client).ByCertificate)
		},
	},
}

// Tokens are the rules about access tokens that are bound to a certificate.
var Tokens = []rule.Rule{
	{
		ID: "mtls.token.other_certificate", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Modes: rule.EnforceOutsideHub, Unexemptible: true, When: rule.When{Traits: rule.Readable},
		Title:       "The access token is bound to another certificate than the client presents",
		Why:         "Somebody uses a stolen token. Only judged for tokens that are readable as JWT, by cnf.x5t#S256.",
		Source:      "RFC 8705 section 3",
		Covers:      []string{"M-02"},
		Description: "the access token is bound to another certificate",
		Check: func(c *rule.Case) bool {
			if len(c.Certificate) == 0 {
				return false
			}
			bound := boundTo(c)
			sum := sha256.Sum256(c.Certificate)
			return bound != "" && bound != base64.RawURLEncoding.EncodeToString(sum[:])
		},
	},
	{
		ID: "mtls.token.unproven", Endpoints: rule.Protected, Error: "invalid_token", Status: 401, Modes: rule.EnforceFAPI2, Unexemptible: true, When: rule.When{Traits: rule.Readable},
		Title: "The access token is bound to a certificate, and the client presents none",
		Why: "Whoever stole it need not have the certificate. It takes reading the JWT of every bearer token, so it is on by default in the profile fapi2 " +
			"only; and only judged where the client's TLS connection ends.",
		Source:      "RFC 8705 section 3",
		Covers:      []string{"M-02"},
		Description: "the access token is bound to a certificate",
		Check:       func(c *rule.Case) bool { return c.EndsTLS && len(c.Certificate) == 0 && boundTo(c) != "" },
	},
}

// boundTo is the hash of the certificate that the access token is bound to; empty if it is bound to none, or cannot be read.
func boundTo(c *rule.Case) string {
	token := c.AccessTokenJWT()
	if token == nil {
		return ""
	}
	return token.Confirmation("x5t#S256")
}
