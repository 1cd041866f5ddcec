package hubtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
)

func (c *call) me() {
	switch {
	case !c.known:
		fail(c.w, http.StatusUnauthorized, "Unknown or expired token")
	case c.r.Header.Get("Authorization") == "":
		c.object(map[string]any{"type": "user", "id": "guest", "login": "guest", "name": "guest", "guest": true})
	default:
		c.object(map[string]any{"type": "user", "id": "owner", "login": "owner", "name": "Owner of the token", "guest": false})
	}
}

// metadata is that of OpenID Connect, with the endpoints of Hub's documentation.
func (c *call) metadata() {
	base := c.URL()
	oauth := base + restPath + "/oauth2"
	write(c.w, http.StatusOK, marshal(map[string]any{
		"issuer":                 cmp.Or(c.config.Issuer, base),
		"authorization_endpoint": oauth + "/auth", "token_endpoint": oauth + "/token", "userinfo_endpoint": oauth + "/userinfo", "jwks_uri": oauth + "/keys",
		"response_types_supported": []string{"code", "token", "id_token", "id_token token"}, "scopes_supported": []string{"openid", "profile", "email"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"client_id_metadata_document_supported": false,
	}))
}

func (c *call) keys() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.key == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			fail(c.w, http.StatusInternalServerError, err.Error())
			return
		}
		c.key = key
	}
	encode := base64.RawURLEncoding.EncodeToString
	write(c.w, http.StatusOK, marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": encode(c.key.N.Bytes()), "e": encode(big.NewInt(int64(c.key.E)).Bytes()),
	}}}))
}

// oauth is what a Hub does with somebody who has not logged in; the stand-in does no more.
func (c *call) oauth() {
	switch c.kind {
	case Authorize:
		c.w.Header().Set("Location", c.config.Path+"/auth/login?"+c.r.URL.RawQuery)
		c.w.WriteHeader(http.StatusSeeOther)
	case Token:
		c.w.Header().Set("Cache-Control", "no-store")
		write(c.w, http.StatusBadRequest, `{"error":"invalid_grant","error_code":400,"error_description":"The stand-in issues no tokens","error_developer_message":"The stand-in issues no tokens"}`)
	default:
		fail(c.w, http.StatusUnauthorized, "Not logged in")
	}
}
