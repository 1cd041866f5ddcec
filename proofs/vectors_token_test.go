package proofs

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// certificate stands for the DER of a certificate: nothing in the rules but its hash matters.
var certificate = []byte("certificate of the client")

func presenting(der string, v vectors.Vector) vectors.Vector {
	v.Certificate = der
	return v
}

func certificateVectors() suite {
	encoded, sum := base64.StdEncoding.EncodeToString(certificate), sha256.Sum256(certificate)
	own, others := bound(object{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}), bound(object{"x5t#S256": hash("x")})
	form := func(pairs ...string) []string {
		return post("/oauth2/token", values(append([]string{"grant_type", "client_credentials"}, pairs...)...))
	}
	return suite{"mtls", map[string][]vectors.Vector{
		"mtls.client_id.missing": {
			presenting(encoded, fires("named by an assertion alone", form("client_assertion_type", jwtAuthentication, "client_assertion", assertionOf("certified", nil, nil)))),
			presenting(encoded, misses("client_id", form("client_id", "certified"))),
			misses("another client", form("client_assertion_type", jwtAuthentication, "client_assertion", assertionOf("app", nil, nil))),
		},
		"mtls.certificate.missing": {
			presenting("none", fires("none", form("client_id", "certified"))),
			presenting("none", fires("at revocation", post("/oauth2/revoke", values("token", "x", "client_id", "certified")))),
			presenting(encoded, misses("a certificate", form("client_id", "certified"))), misses("TLS ends elsewhere", form("client_id", "certified")),
			presenting("none", misses("a client with a secret", form("client_id", "app", "client_secret", "s"))),
		},
		"mtls.token.other_certificate": {
			presenting(encoded, answered(fires("another certificate", atAPI("Bearer "+others)), "invalid_token", 401)),
			presenting(encoded, misses("its certificate", atAPI("Bearer "+own))), presenting(encoded, misses("an opaque token", atAPI("Bearer "+accessToken))),
			presenting(encoded, misses("not bound", atAPI("Bearer "+bound(object{})))), misses("TLS ends elsewhere", atAPI("Bearer "+others)),
		},
		"mtls.token.unproven": {
			presenting("none", answered(fires("no certificate", atAPI("Bearer "+own)), "invalid_token", 401)),
			presenting(encoded, misses("its certificate", atAPI("Bearer "+own))), misses("TLS ends elsewhere", atAPI("Bearer "+own)),
			presenting("none", misses("not bound", atAPI("Bearer "+bound(object{})))), presenting("none", misses("an opaque token", atAPI("Bearer "+accessToken))),
		},
	}}
}

func tokenVectors() suite {
	claims := object{"iss": vectors.Origin, "sub": "u", "exp": now + 300, "iat": now}
	header := object{"typ": "at+jwt", "alg": "EdDSA"}
	bearer := func(token string) []string { return atAPI("Bearer " + token) }
	timedToken := func(changes object) []string { return bearer(clientKey.sign(header, with(claims, changes))) }
	return suite{"bearer", map[string][]vectors.Vector{
		"bearer.token.unsigned": {
			answered(fires("none", bearer(part(object{"alg": "none"})+"."+part(with(claims, object{"exp": distant}))+".")), "invalid_token", 401),
			fires("in other letters", bearer(part(object{"alg": "None"})+"."+part(with(claims, object{"exp": distant}))+".AAAA")),
			misses("signed", bearer(clientKey.sign(header, with(claims, object{"exp": distant, "iat": longAgo})))), misses("opaque", bearer(accessToken)),
			misses("three parts that are no JWT", bearer("ey.ey.ey")), misses("encrypted", bearer(part(object{"alg": "dir", "enc": "A128GCM"})+"..AAAA.AAAA.AAAA")),
		},
		"bearer.token.expired": {
			timed(answered(fires("expired", timedToken(object{"exp": now - 61})), "invalid_token", 401)), timed(fires("not valid yet", timedToken(object{"nbf": now + 61}))),
			timed(fires("in the query", get("/oauth2/userinfo?access_token="+clientKey.sign(header, with(claims, object{"exp": now - 61}))))),
			timed(misses("valid", timedToken(nil))), timed(misses("expired a moment ago", timedToken(object{"exp": now - 59}))),
			timed(misses("without a time", timedToken(object{"exp": nil, "iat": nil}))), timed(misses("opaque", bearer(accessToken))),
		},
	}}
}
