package token

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// authenticated are the endpoints at which the security profile of FAPI 2.0 wants clients to authenticate. Introspection may be asked for with an access token.
var authenticated = rule.Backchannels &^ rule.At(rule.Introspection)

// FAPI are the rules of the security profile of FAPI 2.0 about clients. Whether a client has a certificate is only known if its TLS connection ends here.
var FAPI = []rule.Rule{
	{
		ID: "token.client_authentication.secret", Endpoints: authenticated, Error: "invalid_client", Modes: rule.EnforceFAPI2, When: rule.When{Traits: rule.Secret},
		Title: "The client authenticates with a secret that the server knows as well",
		Why: "Whoever reads the secret on the way, or at the server, is the client. FAPI 2.0 wants a signed assertion or a certificate; on by default in the " +
			"profile fapi2 only.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.1",
		Covers:      []string{"F-01"},
		Description: "the client must authenticate with a signed assertion or a certificate",
		Check:       func(c *rule.Case) bool { return c.Has(scan.ClientSecret) || c.Authentication().BasicSecret() },
	},
	{
		ID: "token.client_authentication.unproven", Endpoints: authenticated, Error: "invalid_client", Modes: rule.EnforceFAPI2, When: rule.When{Traits: rule.Unproven},
		Title: "The client proves nothing: no assertion, no attestation, no certificate and no secret",
		Why: "FAPI 2.0 knows confidential clients only; on by default in the profile fapi2 only. If TLS ends at another proxy, a certificate is not seen, and only clients that are known " +
			"to be public are refused.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.1",
		Covers:      []string{"F-01"},
		Description: "the client must authenticate",
		Check: func(c *rule.Case) bool {
			if c.Credentials() > 0 || len(c.Header["Oauth-Client-Attestation"]) > 0 || len(c.Certificate) > 0 {
				return false
			}
			return c.EndsTLS || c.Authentication().All((*rule.Client).Public)
		},
	},
	{
		ID: "token.sender_constraint.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceFAPI2, When: rule.When{Traits: rule.Uncertified},
		Title: "Neither a DPoP proof nor a client certificate, to which the token could be bound",
		Why: "A token that anybody may use is worth stealing. On by default in the profile fapi2 only. If TLS ends at another proxy, a certificate is not seen, and nobody is " +
			"refused.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.1, RFC 9449 section 5, RFC 8705 section 3",
		Covers:      []string{"F-01"},
		Description: "a DPoP proof or a client certificate is required",
		Check: func(c *rule.Case) bool {
			return c.EndsTLS && len(c.ProofHeader) == 0 && len(c.Certificate) == 0
		},
	},
}
