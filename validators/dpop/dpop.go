// Package dpop holds the rules of DPoP proofs: RFC 9449. Nonces, and proofs that were used before, are known to the server alone (section 8 and section 11.1).
package dpop

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// here are the endpoints at which a proof is looked at.
var here = rule.Protected | rule.At(rule.Token, rule.PAR)

// The window in which the iat of a proof must lie, in seconds. RFC 9449 section 11.1 leaves it to the server, on the order of seconds or minutes. The conformance suite of the OpenID
// Foundation wants 10 seconds accepted, and an hour refused. Five minutes is what servers allow that allow much, so the guard refuses only what they all would.
const maxAge = 300

// Header are the rules about the proof as it is written.
var Header = []rule.Rule{
	{
		ID: "dpop.header.repeated", Endpoints: here, Error: "invalid_dpop_proof", Modes: rule.EnforceOutsideHub, When: rule.When{Traits: rule.Proving},
		Title:       "More than one DPoP header",
		Why:         "One proof is checked, the other is used.",
		Source:      "RFC 9449 section 4.3, check 1",
		Covers:      []string{"D-01"},
		Description: "there must be one DPoP header",
		Check:       func(c *rule.Case) bool { return len(c.ProofHeader) > 1 },
	},
	{
		ID: "dpop.proof.malformed", Endpoints: here, Error: "invalid_dpop_proof", Modes: rule.EnforceOutsideHub, When: rule.When{Traits: rule.Proving},
		Title:       "The DPoP header is not one signed JWT that every parser reads alike",
		Why:         "Parts that are not base64url, a member that occurs twice, or extensions that must be understood are read by some servers and not by others.",
		Source:      "RFC 9449 section 4.3, check 2; RFC 7515 sections 4, 4.1.11 and 7.1",
		Covers:      []string{"D-02", "E-05"},
		Description: "the DPoP proof is malformed",
		Check: func(c *rule.Case) bool {
			if len(c.ProofHeader) != 1 {
				return false
			}
			token := c.JWT(c.ProofHeader[0])
			return token.Form != jwt.Signed || token.Critical()
		},
	},
	about(rule.Rule{
		ID:          "dpop.typ.wrong",
		Title:       "typ of the proof is not dpop+jwt",
		Why:         "A JWT that was made for something else must not pass for a proof.",
		Source:      "RFC 9449 section 4.3, check 4; RFC 7515 section 4.1.9",
		Covers:      []string{"D-04"},
		Description: "the DPoP proof is of the wrong type",
	}, func(_ *rule.Case, p *jwt.Token) bool {
		kind, _ := p.Header["typ"].(string)
		return !strings.EqualFold(strings.TrimPrefix(kind, "application/"), "dpop+jwt")
	}),
	about(rule.Rule{
		ID:          "dpop.alg.not_allowed",
		Title:       "The proof is not signed, or with a key that both sides have",
		Why:         "Such a proof shows nothing: everybody can make it.",
		Source:      "RFC 9449 section 4.3, check 5",
		Covers:      []string{"D-05", "E-05"},
		Description: "the algorithm of the DPoP proof is not allowed",
	}, func(_ *rule.Case, p *jwt.Token) bool { return p.Unsigned() || p.Symmetric() }),
	about(rule.Rule{
		ID: "dpop.alg.weak", Modes: rule.EnforceFAPI2,
		Title:       "The proof is signed with another algorithm than PS256, ES256 or EdDSA",
		Why:         "The profile fapi2 allows no others; elsewhere the rule is off.",
		Source:      "FAPI 2.0 Security Profile section 5.4.1",
		Covers:      []string{"D-05", "F-01"},
		Description: "the algorithm of the DPoP proof is not allowed",
	}, func(_ *rule.Case, p *jwt.Token) bool { return !rule.FAPIAlgorithm(p.Algorithm()) }),
	about(rule.Rule{
		ID:          "dpop.jwk.missing",
		Title:       "The header of the proof has no jwk",
		Why:         "The proof does not say whose it is.",
		Source:      "RFC 9449 sections 4.2 and 4.3, check 3",
		Covers:      []string{"D-03"},
		Description: "the DPoP proof has no public key",
	}, func(_ *rule.Case, p *jwt.Token) bool {
		key := keyOf(p)
		kind, _ := key["kty"].(string)
		return kind == ""
	}),
	about(rule.Rule{
		ID:          "dpop.jwk.private",
		Title:       "jwk of the proof holds a private key",
		Why:         "Whoever sees the request can make proofs from then on.",
		Source:      "RFC 9449 section 4.3, check 7",
		Covers:      []string{"D-07"},
		Description: "the DPoP proof must not hold a private key",
	}, func(_ *rule.Case, p *jwt.Token) bool { return jwt.Private(keyOf(p)) }),
}

// Claims are the rules about what the proof says.
var Claims = []rule.Rule{
	about(rule.Rule{
		ID:          "dpop.claim.missing",
		Title:       "The proof lacks jti, htm, htu or iat, or, beside an access token, ath",
		Why:         "A proof that is not for one request can be used for others.",
		Source:      "RFC 9449 sections 4.2 and 4.3, check 3",
		Covers:      []string{"D-03"},
		Description: "the DPoP proof lacks a claim",
	}, func(c *rule.Case, p *jwt.Token) bool {
		_, timed := p.Seconds("iat")
		return p.Text("jti") == "" || p.Text("htm") == "" || p.Text("htu") == "" || !timed || presented(c) != "" && p.Text("ath") == ""
	}),
	about(rule.Rule{
		ID:          "dpop.htm.mismatch",
		Title:       "htm of the proof is not the method of the request",
		Why:         "The proof was made for another request.",
		Source:      "RFC 9449 section 4.3, check 8",
		Covers:      []string{"D-08"},
		Description: "htm of the DPoP proof does not match the request",
	}, func(c *rule.Case, p *jwt.Token) bool { return p.Text("htm") != "" && p.Text("htm") != c.Method }),
	about(rule.Rule{
		ID:    "dpop.htu.mismatch",
		Title: "htu of the proof is not the address of the request",
		Why: "The proof was made for another request. Query and fragment do not count, nor do default ports, the case of scheme and host, and escapes that need not be. A proxy in " +
			"front that changes the host must be a trusted one.",
		Source:      "RFC 9449 section 4.3, check 9; RFC 3986 sections 6.2.2 and 6.2.3",
		Covers:      []string{"D-09"},
		Description: "htu of the DPoP proof does not match the request",
	}, func(c *rule.Case, p *jwt.Token) bool { return p.Text("htu") != "" && !addressed(c, p.Text("htu")) }),
	about(rule.Rule{
		ID:    "dpop.iat.out_of_window",
		Title: "The proof is older than five minutes, or more than a minute from the future",
		Why: "A proof that was overheard must soon be worth nothing. Not judged with a nonce of the server's, which may stand for the time because the client's clock " +
			"is wrong.",
		Source:      "RFC 9449 section 4.3, check 11, and section 11.1; FAPI 2.0 Security Profile section 5.3.2.1",
		Covers:      []string{"D-10"},
		Description: "the DPoP proof is too old or from the future",
	}, func(c *rule.Case, p *jwt.Token) bool {
		made, ok := p.Seconds("iat")
		if !ok || p.Text("nonce") != "" || c.Time.IsZero() {
			return false
		}
		return made > c.Seconds()+rule.ClockSkew || made < c.Seconds()-maxAge
	}),
	about(rule.Rule{
		ID:          "dpop.ath.mismatch",
		Title:       "ath of the proof is not the hash of the access token",
		Why:         "The proof was made for another token.",
		Source:      "RFC 9449 section 4.3, check 12",
		Covers:      []string{"D-11"},
		Description: "ath of the DPoP proof does not match the access token",
	}, func(c *rule.Case, p *jwt.Token) bool {
		token := presented(c)
		if token == "" || p.Text("ath") == "" {
			return false
		}
		sum := sha256.Sum256([]byte(token))
		return p.Text("ath") != base64.RawURLEncoding.EncodeToString(sum[:])
	}),
}

// Signature is the rule that takes longest, so it comes last of all.
var Signature = []rule.Rule{
	about(rule.Rule{
		ID: "dpop.signature.invalid", Costly: true,
		Title:       "The signature of the proof does not verify with the key in it",
		Why:         "It was made by somebody who does not have the key, or was changed.",
		Source:      "RFC 9449 section 4.3, check 6",
		Covers:      []string{"D-06"},
		Description: "the signature of the DPoP proof is not valid",
	}, func(c *rule.Case, p *jwt.Token) bool {
		return c.Options.Signatures != nil && c.Options.Signatures.Embedded(p.Compact) == rule.SignatureInvalid
	}),
}

// about makes a rule about a proof that can be read.
func about(r rule.Rule, check func(*rule.Case, *jwt.Token) bool) rule.Rule {
	if r.Endpoints == 0 {
		r.Endpoints = here
	}
	r.When = rule.When{Traits: rule.Proving}
	if r.Error == "" {
		r.Error = "invalid_dpop_proof"
	}
	if r.Modes == (rule.Modes{}) {
		r.Modes = rule.EnforceOutsideHub
	}
	r.Check = func(c *rule.Case) bool {
		p := proof(c)
		return p != nil && check(c, p)
	}
	return r
}

// proof is the proof if there is one that can be read.
func proof(c *rule.Case) *jwt.Token {
	if len(c.ProofHeader) != 1 {
		return nil
	}
	if token := c.JWT(c.ProofHeader[0]); token.Form == jwt.Signed {
		return token
	}
	return nil
}

// keyOf is the public key of a proof.
func keyOf(p *jwt.Token) map[string]any {
	key, _ := p.Header["jwk"].(map[string]any)
	return key
}

// presented is the access token that a proof is sent with at a protected resource; empty if there is none.
func presented(c *rule.Case) string {
	if !rule.Protected.Has(c.Endpoint) {
		return ""
	}
	token, dpop := c.AccessToken()
	if !dpop {
		return ""
	}
	return token
}
