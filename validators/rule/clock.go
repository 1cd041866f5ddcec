package rule

import "github.com/oauthguard/caddy-oauth-guard/validators/jwt"

// ClockSkew is how much the clocks of a client and of this machine may differ, in seconds. RFC 7519 section 4.1.4 leaves a leeway of a few minutes at the most; FAPI 2.0 Security
// Profile section 5.3.2.1 wants 10 seconds accepted and more than 60 refused.
const ClockSkew = 60

// Seconds is the time of the request in seconds since 1970. It is only known if the time is not zero.
func (c *Case) Seconds() float64 { return float64(c.Time.UnixMilli()) / 1000 }

// OutOfTime reports whether a token is expired, or not valid yet, by its claims exp, nbf and iat (RFC 7519 section 4.1). One that is there and no number is as good as passed.
// Without the time of the request nothing is.
func (c *Case) OutOfTime(token *jwt.Token) bool {
	if c.Time.IsZero() {
		return false
	}
	now := c.Seconds()
	if token.Has("exp") {
		if end, ok := token.Seconds("exp"); !ok || now >= end+ClockSkew {
			return true
		}
	}
	for _, claim := range [...]string{"nbf", "iat"} {
		if !token.Has(claim) {
			continue
		}
		if begin, ok := token.Seconds(claim); !ok || begin > now+ClockSkew {
			return true
		}
	}
	return false
}

// FAPIAlgorithm reports whether the security profile of FAPI 2.0 allows an algorithm for signatures (section 5.4.1). Ed25519 is the newer name of its EdDSA (RFC 9864).
func FAPIAlgorithm(name string) bool {
	switch name {
	case "PS256", "ES256", "EdDSA", "Ed25519":
		return true
	}
	return false
}
