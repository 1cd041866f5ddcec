package proofs

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

const (
	basicApp    = "Authorization: Basic YXBwOnNlY3JldA=="
	accessToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
)

var (
	proofHeader = object{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": proofKey.jwk()}
	tokenProof  = object{"jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": "https://server.example/oauth2/token", "iat": now}
	pushedProof = with(tokenProof, object{"htu": "https://server.example/oauth2/par"})
	apiProof    = object{"jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": "https://server.example/api/users", "iat": now, "ath": hash(accessToken)}
	codeForm    = values("grant_type", "authorization_code", "code", "abc", "redirect_uri", "https://app.example/cb")
	pushedForm  = values("response_type", "code", "client_id", "app", "redirect_uri", "https://app.example/cb", "state", "af0ifjsldkj")
)

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// dpop is the line of a proof with other header parameters and claims.
func dpop(base, header, claims object) string {
	return "DPoP: " + proofKey.sign(with(proofHeader, header), with(base, claims))
}

func atToken(proofs ...string) []string {
	return post("/oauth2/token", codeForm, append([]string{basicApp}, proofs...)...)
}

func atPAR(form url.Values, proofs ...string) []string {
	return post("/oauth2/par", form, append([]string{basicApp}, proofs...)...)
}

func atAPI(authorization string, proofs ...string) []string {
	return get("/api/users?fields=id", append([]string{"Authorization: " + authorization}, proofs...)...)
}

// good are requests with proofs that nothing is wrong with.
func good() []vectors.Vector {
	return []vectors.Vector{
		timed(misses("good at the token endpoint", atToken(dpop(tokenProof, nil, nil)))),
		timed(misses("good in a pushed request", atPAR(pushedForm, dpop(pushedProof, nil, nil)))),
		timed(misses("good at a resource", atAPI("DPoP "+accessToken, dpop(apiProof, nil, nil)))),
	}
}

func proofVectors() suite {
	header, claims := func(changes object) []string { return atToken(dpop(tokenProof, changes, nil)) }, func(changes object) []string { return atToken(dpop(tokenProof, nil, changes)) }
	one := proofKey.sign(proofHeader, tokenProof)
	parts := strings.Split(one, ".")
	private := with(proofKey.jwk(), object{"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})
	rules := map[string][]vectors.Vector{
		"dpop.header.repeated": {
			fires("twice", atToken("DPoP: "+one, "DPoP: "+one)),
			answered(fires("twice at a resource", atAPI("DPoP "+accessToken, dpop(apiProof, nil, nil), "DPoP: x")), "invalid_dpop_proof", 401),
		},
		"dpop.proof.malformed": {
			answered(fires("not a JWT", atToken("DPoP: x")), "invalid_dpop_proof", 400),
			fires("empty", atToken("DPoP: ")),
			fires("two in one field", atToken("DPoP: "+one+", "+one)),
			fires("padding", atToken("DPoP: "+one+"=")),
			fires("standard base64", atToken("DPoP: "+parts[0]+"."+parts[1]+".+/"+parts[2][2:])),
			fires("two parts", atToken("DPoP: "+parts[0]+"."+parts[1])),
			fires("encrypted", atToken("DPoP: "+part(object{"alg": "dir", "enc": "A128GCM"})+"..AAAA.AAAA.AAAA")),
			fires("a member twice", atToken("DPoP: "+parts[0]+"."+part(`{"jti":"x","jti":"y"}`)+"."+parts[2])),
			fires("claims are an array", atToken("DPoP: "+parts[0]+"."+part("[]")+"."+parts[2])),
			fires("no algorithm", header(object{"alg": nil})),
			fires("a critical extension", header(object{"crit": []string{"exp"}, "exp": now})),
			answered(fires("at a resource", atAPI("DPoP "+accessToken, "DPoP: x")), "invalid_dpop_proof", 401),
			answered(fires("at UserInfo", get("/oauth2/userinfo", "Authorization: DPoP "+accessToken, "DPoP: x")), "invalid_dpop_proof", 401),
			fires("in a pushed request", atPAR(pushedForm, "DPoP: x")),
			misses("no proof", atToken()),
		},
		"dpop.typ.wrong": {
			fires("JWT", header(object{"typ": "JWT"})), fires("none", header(object{"typ": nil})), fires("a number", header(object{"typ": 1})),
			timed(misses("in other letters", header(object{"typ": "DPoP+JWT"}))),
		},
		"dpop.alg.not_allowed": {
			fires("none", atToken("DPoP: "+part(with(proofHeader, object{"alg": "none"}))+"."+parts[1]+".")),
			fires("none in other letters, with a signature", header(object{"alg": "nOnE"})),
			fires("no signature", atToken("DPoP: "+parts[0]+"."+parts[1]+".")),
			fires("a MAC", header(object{"alg": "HS256"})),
			timed(in("rfc6749", misses("one that is not understood here", header(object{"alg": "ML-DSA-44"})))),
		},
		"dpop.alg.weak": {fires("RS256", header(object{"alg": "RS256"}))},
		"dpop.jwk.missing": {
			fires("none", header(object{"jwk": nil})), fires("a string", header(object{"jwk": "x"})), fires("without a type", header(object{"jwk": object{"x": "AA"}})),
		},
		"dpop.jwk.private": {
			fires("the private part", header(object{"jwk": private})), fires("a symmetric key", header(object{"jwk": object{"kty": "oct", "k": "AAAA"}})),
		},
		"dpop.claim.missing": {
			fires("jti", claims(object{"jti": nil})), fires("htm", claims(object{"htm": nil})), fires("htu", claims(object{"htu": nil})), fires("iat", claims(object{"iat": nil})),
			fires("iat is a string", claims(object{"iat": "1780315200"})), fires("jti is empty", claims(object{"jti": ""})),
			fires("ath", atAPI("DPoP "+accessToken, dpop(apiProof, nil, object{"ath": nil}))),
			timed(misses("no ath without an access token", atToken(dpop(tokenProof, nil, nil)))),
		},
		"dpop.htm.mismatch": {
			fires("another method", claims(object{"htm": "GET"})), fires("in small letters", claims(object{"htm": "post"})),
		},
		"dpop.htu.mismatch": {
			fires("another path", claims(object{"htu": "https://server.example/oauth2/revoke"})),
			fires("another host", claims(object{"htu": "https://evil.example/oauth2/token"})),
			fires("a longer host", claims(object{"htu": "https://server.example.evil.example/oauth2/token"})),
			fires("user information", claims(object{"htu": "https://server.example@evil.example/oauth2/token"})),
			fires("another port", claims(object{"htu": "https://server.example:8443/oauth2/token"})),
			fires("another scheme", claims(object{"htu": "http://server.example/oauth2/token"})),
			fires("a path alone", claims(object{"htu": "/oauth2/token"})),
			fires("no path", claims(object{"htu": "https://server.example"})),
			fires("a final slash", claims(object{"htu": "https://server.example/oauth2/token/"})),
			fires("an escaped slash", claims(object{"htu": "https://server.example/oauth2%2Ftoken"})),
			timed(misses("the default port", claims(object{"htu": "https://server.example:443/oauth2/token"}))),
			timed(misses("other letters", claims(object{"htu": "HTTPS://Server.Example/oauth2/token"}))),
			timed(misses("query and fragment", claims(object{"htu": "https://server.example/oauth2/token?x=1#y"}))),
			timed(misses("an escape that need not be", claims(object{"htu": "https://server.example/oauth2/%74oken"}))),
			timed(from("https://server.example:8443", misses("the port of the request", claims(object{"htu": "https://server.example:8443/oauth2/token"})))),
			timed(from("http://server.example:80", misses("the default port of http", claims(object{"htu": "http://server.example/oauth2/token"})))),
		},
		"dpop.iat.out_of_window": {
			timed(fires("an hour old", claims(object{"iat": now - 3600}))), timed(fires("an hour from the future", claims(object{"iat": now + 3600}))),
			timed(fires("301 seconds old", claims(object{"iat": now - 301}))), timed(fires("61 seconds from the future", claims(object{"iat": now + 61}))),
			timed(misses("299 seconds old", claims(object{"iat": now - 299}))), timed(misses("10 seconds from the future", claims(object{"iat": now + 10}))),
			timed(misses("a fraction", claims(object{"iat": float64(now) - 0.5}))),
			timed(misses("a nonce of the server's", claims(object{"iat": now - 3600, "nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v"}))),
		},
		"dpop.ath.mismatch": {
			answered(fires("of another token", atAPI("DPoP "+accessToken, dpop(apiProof, nil, object{"ath": hash("other")}))), "invalid_dpop_proof", 401),
			fires("in hexadecimal digits", atAPI("DPoP "+accessToken, dpop(apiProof, nil, object{"ath": strings.Repeat("0a", 32)}))),
			timed(misses("the scheme in other letters, two blanks", atAPI("dPoP  "+accessToken, dpop(apiProof, nil, nil)))),
		},
		"dpop.signature.invalid": {
			timed(answered(fires("by another key", atToken("DPoP: "+strangerKey.sign(proofHeader, tokenProof))), "invalid_dpop_proof", 400)),
			timed(fires("changed claims", atToken("DPoP: "+parts[0]+"."+part(with(tokenProof, object{"jti": "other"}))+"."+parts[2]))),
			timed(fires("a key that is none", header(object{"jwk": object{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}}))),
			timed(answered(fires("at a resource", atAPI("DPoP "+accessToken, "DPoP: "+strangerKey.sign(proofHeader, apiProof))), "invalid_dpop_proof", 401)),
			timed(misses("a key that is not understood here", header(object{"jwk": object{"kty": "OKP", "crv": "Ed448", "x": "AAAA"}}))),
		},
	}
	for id := range rules {
		rules[id] = append(rules[id], good()...)
	}
	return suite{"dpop", rules}
}

func from(origin string, v vectors.Vector) vectors.Vector {
	v.Origin = origin
	return v
}

// bound is an access token that is readable as a JWT and bound to a key.
func bound(confirmation object) string {
	return clientKey.sign(object{"typ": "at+jwt", "alg": "EdDSA"}, object{"iss": vectors.Origin, "sub": "u", "aud": "api", "exp": distant, "iat": longAgo, "cnf": confirmation})
}

func bindingVectors() suite {
	own, others := bound(object{"jkt": proofKey.thumbprint()}), bound(object{"jkt": strangerKey.thumbprint()})
	proofOf := func(token string) string { return dpop(apiProof, nil, object{"ath": hash(token)}) }
	withKey := func(jkt string) url.Values {
		form := values("dpop_jkt", jkt)
		for name, list := range pushedForm {
			form[name] = list
		}
		return form
	}
	boundForm := values("grant_type", "authorization_code", "code", "abc", "client_id", "bound", "redirect_uri", "https://bound.example/cb")
	return suite{"dpop", map[string][]vectors.Vector{
		"dpop.proof.required": {
			answered(fires("none", post("/oauth2/token", boundForm)), "invalid_dpop_proof", 400),
			timed(misses("a proof", post("/oauth2/token", boundForm, dpop(tokenProof, nil, nil)))),
			misses("another client", atToken()),
		},
		"dpop.jkt.mismatch": {
			timed(fires("another key", atPAR(withKey(strangerKey.thumbprint()), dpop(pushedProof, nil, nil)))),
			timed(misses("the same key", atPAR(withKey(proofKey.thumbprint()), dpop(pushedProof, nil, nil)))),
			misses("no proof", atPAR(withKey(strangerKey.thumbprint()))),
		},
		"dpop.authorization.unproven": {
			answered(fires("no proof", atAPI("DPoP "+accessToken)), "invalid_token", 401), fires("at UserInfo", get("/oauth2/userinfo", "Authorization: dpop "+accessToken)),
			misses("a bearer token", atAPI("Bearer "+accessToken)), timed(misses("a proof", atAPI("DPoP "+accessToken, dpop(apiProof, nil, nil)))),
		},
		"dpop.authorization.bearer": {
			timed(fires("a proof beside a bearer token", atAPI("Bearer "+accessToken, dpop(apiProof, nil, nil)))),
			misses("a bearer token", atAPI("Bearer "+accessToken)), timed(misses("the scheme DPoP", atAPI("DPoP "+accessToken, dpop(apiProof, nil, nil)))),
		},
		"dpop.token.other_key": {
			timed(answered(fires("another key", atAPI("DPoP "+others, proofOf(others))), "invalid_token", 401)),
			timed(misses("its key", atAPI("DPoP "+own, proofOf(own)))), timed(misses("an opaque token", atAPI("DPoP "+accessToken, dpop(apiProof, nil, nil)))),
		},
		"dpop.token.as_bearer": {
			answered(fires("bound to a key", atAPI("Bearer "+own)), "invalid_token", 401),
			misses("bound to a certificate", atAPI("Bearer "+bound(object{"x5t#S256": hash("x")}))), misses("an opaque token", atAPI("Bearer "+accessToken)),
			timed(misses("the scheme DPoP", atAPI("DPoP "+own, proofOf(own)))),
		},
	}}
}
