package rule

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// MaxToken is the length in bytes from which an access token is worth a report.
const MaxToken = 8 << 10

// AccessToken is the access token in the Authorization header, and whether its scheme is DPoP (RFC 9449 section 7.1) and not Bearer. It is empty if there is none, or if it is not
// clear which one counts.
func (c *Case) AccessToken() (token string, dpop bool) {
	if len(c.AuthorizationHeader) != 1 {
		return "", false
	}
	scheme, rest, _ := strings.Cut(c.AuthorizationHeader[0], " ")
	dpop = UsesDPoP(scheme)
	if !dpop && !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimLeft(rest, " "), dpop
}

// UsesDPoP reports whether an Authorization value has the scheme DPoP (RFC 9449 section 7.1).
func UsesDPoP(authorization string) bool {
	if authorization == "" || authorization[0]|0x20 != 'd' {
		return false
	}
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "DPoP")
}

// AccessTokenJWT is the access token, in the header or in a parameter, if it can be read as a signed JWT (RFC 9068); else nil. Clients must not read it, and no standard demands the
// form, so whatever cannot be read is as good as any other token.
func (c *Case) AccessTokenJWT() *jwt.Token {
	text, _ := c.AccessToken()
	if text == "" {
		text = c.Get(scan.AccessToken)
	}
	// The base64url of "{" and the next character begins so, and most tokens are told by that.
	if !strings.HasPrefix(text, "e") || strings.Count(text, ".") != 2 {
		return nil
	}
	if token := c.JWT(text); token.Form == jwt.Signed {
		return token
	}
	return nil
}
