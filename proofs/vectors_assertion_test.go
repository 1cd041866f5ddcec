package proofs

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

const (
	jwtAuthentication = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	jwtGrant          = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	samlGrant         = "urn:ietf:params:oauth:grant-type:saml2-bearer"
)

// assertionOf is an assertion of a client, which holds at any time.
func assertionOf(clientID string, header, claims object) string {
	return clientKey.sign(with(object{"alg": "EdDSA", "kid": "1"}, header),
		with(object{"iss": clientID, "sub": clientID, "aud": vectors.Origin, "exp": distant, "iat": longAgo, "jti": "id-" + clientID}, claims))
}

// authenticated is a token request with an assertion and its type.
func authenticated(assertion string, more ...string) []string {
	return post("/oauth2/token", values(append([]string{"grant_type", "client_credentials", "client_assertion_type", jwtAuthentication, "client_assertion", assertion}, more...)...))
}

func authenticationVectors() suite {
	good := misses("good", authenticated(assertionOf("signing", nil, nil)))
	goodElsewhere := misses("good at revocation", post("/oauth2/revoke", values("token", "x", "client_assertion_type", jwtAuthentication, "client_assertion", assertionOf("signing", nil, nil))))
	claims := func(changes object) []string { return authenticated(assertionOf("signing", nil, changes)) }
	untyped := func(pairs ...string) []string {
		return post("/oauth2/token", values(append([]string{"grant_type", "client_credentials"}, pairs...)...))
	}
	unsigned := part(object{"alg": "none"}) + "." + part(object{"iss": "signing", "sub": "signing", "aud": vectors.Origin, "exp": distant}) + "."
	rules := map[string][]vectors.Vector{
		"token.client_assertion_type.missing": {
			answered(fires("none", untyped("client_assertion", assertionOf("signing", nil, nil))), "invalid_request", 400), fires("empty", untyped("client_assertion", assertionOf("signing", nil, nil), "client_assertion_type", "")),
		},
		"token.client_assertion.missing": {fires("none", untyped("client_id", "two", "client_assertion_type", jwtAuthentication))},
		"token.client_assertion_type.malformed": {
			fires("a word", untyped("client_assertion", assertionOf("signing", nil, nil), "client_assertion_type", "jwt-bearer")),
			fires("a fragment", untyped("client_assertion", assertionOf("signing", nil, nil), "client_assertion_type", jwtAuthentication+"#x")),
			misses("another type", untyped("client_id", "two", "client_assertion", "x", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")),
		},
		"token.client_assertion.malformed": {
			answered(fires("not a JWT", authenticated("x", "client_id", "two")), "invalid_client", 400), fires("padding", authenticated(assertionOf("signing", nil, nil)+"=", "client_id", "two")),
			fires("a member twice", authenticated(part(object{"alg": "EdDSA"})+"."+part(`{"sub":"two","sub":"app"}`)+".AAAA", "client_id", "two")),
			fires("a critical extension", authenticated(assertionOf("signing", object{"crit": []string{"x"}, "x": 1}, nil))),
			fires("in a pushed request", post("/oauth2/par", values("response_type", "code", "client_id", "two", "redirect_uri", "https://two.example/a", "client_assertion_type", jwtAuthentication, "client_assertion", "x"))),
			misses("encrypted", authenticated(part(object{"alg": "dir", "enc": "A128GCM"})+"..AAAA.AAAA.AAAA", "client_id", "two")),
		},
		"token.client_assertion.unsigned": {
			answered(fires("none", authenticated(unsigned)), "invalid_client", 400), fires("no signature", authenticated(part(object{"alg": "EdDSA"})+"."+part(object{"sub": "signing"})+".")),
			fires("a secret instead of the key", authenticated(assertionOf("signing", object{"alg": "HS256"}, nil))),
			in("rfc6749", misses("a secret of a client without a key", authenticated(assertionOf("app", object{"alg": "HS256"}, nil)))),
		},
		"token.client_assertion.algorithm_weak": {fires("RS256", authenticated(assertionOf("two", object{"alg": "RS256"}, nil)))},
		"token.client_assertion.claim_missing": {
			fires("iss", claims(object{"iss": nil})), fires("sub", claims(object{"sub": nil})), fires("aud", claims(object{"aud": nil})), answered(fires("exp", claims(object{"exp": nil})), "invalid_client", 400),
			fires("exp is a string", claims(object{"exp": "4102444800"})), fires("no audience in the array", claims(object{"aud": []string{}})),
			in("rfc6749", misses("two audiences", claims(object{"aud": []string{vectors.Origin, "https://server.example/oauth2/token"}}))),
		},
		"token.client_assertion.jti_missing":     {fires("none", claims(object{"jti": nil})), fires("a number", claims(object{"jti": 7}))},
		"token.client_assertion.issuer_mismatch": {fires("another issuer", claims(object{"iss": "https://identity.example"}))},
		"token.client_assertion.audience_wrong": {
			fires("another server", claims(object{"aud": "https://other.example"})), fires("the token endpoint", claims(object{"aud": "https://server.example/oauth2/token"})),
			fires("an array", claims(object{"aud": []string{vectors.Origin}})),
		},
		"token.client_assertion.expired": {
			timed(answered(fires("expired", claims(object{"exp": now - 61})), "invalid_client", 400)), timed(fires("not valid yet", claims(object{"nbf": now + 61}))), timed(fires("issued in the future", claims(object{"iat": now + 61}))),
			timed(misses("expired a moment ago", claims(object{"exp": now - 59}))), timed(misses("issued 10 seconds from the future", claims(object{"iat": now + 10}))), timed(misses("in time", claims(nil))),
		},
		"token.client_assertion.signature_invalid": {
			answered(fires("by another key", authenticated(strangerKey.sign(object{"alg": "EdDSA", "kid": "1"}, object{"iss": "signing", "sub": "signing", "aud": vectors.Origin, "exp": distant}))), "invalid_client", 400),
			fires("changed", authenticated(changed(assertionOf("signing", nil, nil), object{"iss": "signing", "sub": "signing", "aud": vectors.Origin, "exp": distant, "jti": "other"}))),
			misses("without a known key", authenticated(strangerKey.sign(object{"alg": "EdDSA"}, object{"iss": "two", "sub": "two", "aud": vectors.Origin, "exp": distant}))),
		},
	}
	for id := range rules {
		rules[id] = append(rules[id], good, goodElsewhere)
	}
	return suite{"token", rules}
}

func grantVectors() suite {
	granted := func(grant, assertion string) []string {
		return post("/oauth2/token", values("grant_type", grant, "assertion", assertion), basicApp)
	}
	claims := func(changes object) []string { return granted(jwtGrant, assertionOf("user", nil, changes)) }
	good := misses("good", claims(nil))
	unsigned := part(object{"alg": "none"}) + "." + part(object{"iss": "i", "sub": "s", "aud": vectors.Origin, "exp": distant}) + "."
	return suite{"token", map[string][]vectors.Vector{
		"token.assertion.missing": {
			answered(fires("none", post("/oauth2/token", values("grant_type", jwtGrant), basicApp)), "invalid_request", 400), fires("empty", granted(jwtGrant, "")), good,
		},
		"token.assertion.saml_missing": {
			fires("none", post("/oauth2/token", values("grant_type", samlGrant), basicApp)), misses("an assertion", granted(samlGrant, "PHNhbWxwOl")),
		},
		"token.assertion.malformed": {
			answered(fires("not a JWT", granted(jwtGrant, "x")), "invalid_grant", 400), fires("unsigned", granted(jwtGrant, unsigned)), fires("padding", granted(jwtGrant, assertionOf("user", nil, nil)+"==")),
			fires("a critical extension", granted(jwtGrant, assertionOf("user", object{"crit": []string{"x"}, "x": 1}, nil))),
			good, misses("encrypted", granted(jwtGrant, part(object{"alg": "dir", "enc": "A128GCM"})+"..AAAA.AAAA.AAAA")), misses("of another grant", granted(samlGrant, "PHNhbWxwOl")),
		},
		"token.assertion.claim_missing": {
			fires("iss", claims(object{"iss": nil})), fires("sub", claims(object{"sub": nil})), fires("aud", claims(object{"aud": nil})), answered(fires("exp", claims(object{"exp": nil})), "invalid_grant", 400), good,
		},
		"token.assertion.expired": {
			timed(answered(fires("expired", claims(object{"exp": now - 61})), "invalid_grant", 400)), timed(fires("not valid yet", claims(object{"nbf": now + 61}))), timed(misses("in time", claims(nil))), good,
		},
	}}
}
