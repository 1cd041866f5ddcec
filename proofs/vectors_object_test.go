package proofs

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

var (
	objectHeader = object{"typ": "oauth-authz-req+jwt", "alg": "EdDSA", "kid": "1"}
	objectClaims = object{
		"iss": "signing", "aud": vectors.Origin, "iat": now - 10, "nbf": now - 10, "exp": now + 290, "jti": "x8Yt", "client_id": "signing", "response_type": "code",
		"redirect_uri": "https://signing.example/cb", "scope": "openid", "state": "af0ifjsldkj", "nonce": "n-0S6_WzA2Mj",
		"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
	}
	lasting = object{"iat": longAgo, "nbf": longAgo, "exp": distant}
	// plainClaims are those of a client that registered no keys.
	plainClaims = with(objectClaims, with(lasting, object{"iss": "app", "client_id": "app", "redirect_uri": "https://app.example/cb"}))
)

// signed is an object of the client with registered keys.
func signed(claims object) string { return clientKey.sign(objectHeader, with(objectClaims, claims)) }

// signedForLong is the same, and holds at any time.
func signedForLong(claims object) string {
	return clientKey.sign(objectHeader, with(with(objectClaims, lasting), claims))
}

// request is an authorization request with an object.
func request(clientID, object string, more ...string) []string {
	return get("/oauth2/auth?" + values(append([]string{"client_id", clientID, "request", object}, more...)...).Encode())
}

// signing is an authorization request of the client with registered keys.
func signing(claims object, more ...string) []string {
	return request("signing", signedForLong(claims), more...)
}

// pushing is the same request, pushed.
func pushing(claims object) []string {
	return post("/oauth2/par", values("client_id", "signing", "client_assertion_type", jwtAuthentication, "client_assertion", assertionOf("signing", nil, nil), "request", signedForLong(claims)))
}

func used(v vectors.Vector) vectors.Vector {
	v.RequestObjects = "used"
	return v
}

func also(id string, v vectors.Vector) vectors.Vector {
	v.Also = append(v.Also, id)
	return v
}

func ignored(v vectors.Vector) vectors.Vector {
	v.RequestObjects = "ignored"
	return v
}

func unknown(v vectors.Vector) vectors.Vector {
	v.RequestObjects = "unknown"
	return v
}

func referenceVectors() suite {
	outer := []string{"response_type", "code", "redirect_uri", "https://app.example/cb"}
	reference := func(uri string) []string {
		return get("/oauth2/auth?" + values(append(outer, "client_id", "app", "request_uri", uri)...).Encode())
	}
	registered := func(uri string) []string {
		return get("/oauth2/auth?" + values("client_id", "signing", "request_uri", uri).Encode())
	}
	both := request("app", part(object{"alg": "none"})+"."+part(plainClaims)+".", append(outer, "request_uri", "https://app.example/object")...)
	long := "https://app.example/" + strings.Repeat("a", 500)
	return suite{"requestobject", map[string][]vectors.Vector{
		"request_object.several": {
			used(answered(fires("both", both), "invalid_request", 400)), unknown(fires("both, where objects may be known", both)), ignored(misses("both, where objects are ignored", both)),
			unknown(misses("one", reference("https://app.example/object"))), unknown(misses("one of them empty", request("app", "", append(outer, "request_uri", "https://app.example/object")...))),
		},
		"request_object.request_uri.malformed": {
			unknown(answered(fires("http", reference("http://app.example/object")), "invalid_request_uri", 400)), unknown(fires("a file", reference("file:///etc/passwd"))),
			unknown(fires("no scheme", reference("//app.example/object"))), unknown(fires("user information", reference("https://app.example@10.0.0.1/"))),
			unknown(fires("a backslash", reference(`https://app.example\@10.0.0.1/`))), unknown(fires("an empty URN", reference("urn:"))), used(fires("a word", reference("object"))),
			unknown(misses("https with a hash", reference("https://app.example/object#GkurKxf5T0Y-mnPFCHqWOMiZi4VS138cQO_V7PZHAdM"))),
			unknown(misses("a URN", reference("urn:example:bwc4JK-ESC0w8acc191e-Y1LTC2"))), used(misses("of a pushed request", reference("urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c"))),
			ignored(misses("ignored", reference("http://app.example/object"))),
		},
		"request_object.request_uri.too_long": {
			unknown(fires("520 characters", reference(long))), unknown(misses("512 characters", reference(long[:512]))), ignored(misses("ignored", reference(long))),
		},
		"request_object.request_uri.unregistered": {
			unknown(answered(fires("another address", registered("https://evil.example/object")), "invalid_request_uri", 400)),
			unknown(fires("a longer path", registered("https://signing.example/object/x"))), used(fires("a query", registered("https://signing.example/object?x"))),
			unknown(misses("registered, with another hash", registered("https://signing.example/object#other"))), unknown(misses("a URN", registered("urn:ietf:params:oauth:request_uri:x"))),
			unknown(misses("nothing is known", reference("https://elsewhere.example/object"))), ignored(misses("ignored", reference("https://evil.example/object"))),
		},
	}}
}

func objectVectors() suite {
	one := signed(lasting)
	parts := strings.Split(one, ".")
	rules := map[string][]vectors.Vector{
		"request_object.malformed": {
			answered(fires("not a JWT", request("signing", "x")), "invalid_request_object", 400), fires("padding", request("signing", one+"=")),
			fires("two parts", request("signing", parts[0]+"."+parts[1])), fires("a member twice", request("signing", parts[0]+"."+part(`{"client_id":"app","client_id":"signing"}`)+"."+parts[2])),
			fires("a critical extension", request("signing", clientKey.sign(with(objectHeader, object{"crit": []string{"x"}, "x": 1}), with(objectClaims, lasting)))),
			answered(fires("pushed", post("/oauth2/par", values("client_id", "app", "client_secret", "s", "request", "x"))), "invalid_request_object", 400),
			misses("encrypted", request("app", part(object{"alg": "RSA-OAEP-256", "enc": "A128GCM"})+".AAAA.AAAA.AAAA.AAAA")),
			misses("empty", get("/oauth2/auth?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&request=")),
			unknown(misses("not a JWT, where objects may be unknown", request("app", "x", "response_type", "code", "redirect_uri", "https://app.example/cb"))),
		},
		"request_object.nested": {
			answered(fires("request_uri", signing(object{"request_uri": "https://signing.example/object"})), "invalid_request_object", 400), fires("request", signing(object{"request": one})),
			fires("pushed", pushing(object{"request_uri": "urn:x"})),
		},
		"request_object.client_id.mismatch": {
			answered(fires("another client", request("two", one)), "invalid_request_object", 400), fires("pushed by another client", post("/oauth2/par", values("client_id", "app", "client_secret", "s", "request", one))),
			fires("pushed by another client, which only authenticates", post("/oauth2/par", url.Values{"request": {one}}, basicApp)),
			fires("a number", signing(object{"client_id": 1})), misses("none, as in OpenID Connect", signing(object{"client_id": nil})),
		},
		"request_object.client_id.missing": {
			fires("none", signing(object{"client_id": nil})), fires("null", signing(object{"client_id": json.RawMessage("null")})),
		},
		"request_object.response_type.mismatch": {
			fires("another type", signing(nil, "response_type", "code token")), misses("the same type", signing(nil, "response_type", "code")),
			misses("in another order", signing(object{"response_type": "code id_token"}, "response_type", "id_token code")),
			also("authorize.response_type.missing", misses("none inside", signing(object{"response_type": nil}, "response_type", "code"))),
		},
	}
	for id := range rules {
		rules[id] = append(rules[id], misses("good", signing(nil)), misses("good, pushed", pushing(nil)), misses("other parameters beside it do not count", signing(nil, "redirect_uri", "https://evil.example/", "state", "x", "nonce", "y", "scope", "a\" b")))
		for i := range rules[id] {
			if rules[id][i].RequestObjects == "" {
				rules[id][i] = used(rules[id][i])
			}
		}
	}
	return suite{"requestobject", rules}
}

func securityVectors() suite {
	unsigned := part(object{"alg": "none"}) + "." + part(plainClaims) + "."
	at := func(claims object) []string { return request("signing", signed(claims)) }
	rules := map[string][]vectors.Vector{
		"request_object.unsigned": {
			fires("none", request("app", unsigned)), fires("no signature", request("app", part(objectHeader)+"."+part(plainClaims)+".")), misses("signed", signing(nil)),
		},
		"request_object.algorithm.not_allowed": {
			fires("another algorithm", request("signing", clientKey.sign(with(objectHeader, object{"alg": "RS256"}), with(objectClaims, lasting)))),
			fires("none although it must be signed", request("signing", part(object{"alg": "none"})+"."+part(with(objectClaims, lasting))+".")),
			misses("the registered algorithm", signing(nil)), in("rfc6749", misses("nothing is registered", request("app", unsigned))),
		},
		"request_object.algorithm.weak": {
			fires("RS256", request("app", clientKey.sign(with(objectHeader, object{"alg": "RS256"}), plainClaims))), misses("EdDSA", signing(nil)),
		},
		"request_object.audience.wrong": {
			fires("another server", signing(object{"aud": "https://other.example"})),
			misses("one of several", signing(object{"aud": []string{"https://other.example", vectors.Origin}})), misses("none", signing(object{"aud": nil})), misses("the issuer", signing(nil)),
		},
		"request_object.audience.missing": {
			fires("none", signing(object{"aud": nil})), misses("the issuer", signing(nil)),
		},
		"request_object.expired": {
			timed(answered(fires("expired", at(object{"exp": now - 61})), "invalid_request_object", 400)), timed(fires("not valid yet", at(object{"nbf": now + 61}))),
			timed(fires("exp is a string", at(object{"exp": "soon"}))), timed(fires("pushed", pushing(object{"exp": now - 61}))),
			timed(misses("8 seconds from the future", at(object{"nbf": now + 8, "iat": now + 8}))), timed(misses("in time", at(nil))), timed(misses("without times", at(object{"exp": nil, "nbf": nil, "iat": nil}))),
			timed(misses("a login form that comes late", post("/oauth2/auth?"+values("client_id", "signing", "request", signed(object{"exp": now - 61})).Encode(), values("username", "u", "password", "p")))),
		},
		"request_object.lifetime.too_long": {
			timed(fires("no exp", at(object{"exp": nil}))), timed(fires("no nbf", at(object{"nbf": nil}))), timed(fires("61 minutes", at(object{"exp": now - 10 + 3660}))),
			timed(fires("begun two hours ago", at(object{"nbf": now - 7200, "exp": now - 3600 + 1}))), timed(misses("an hour", at(object{"exp": now - 10 + 3600}))), timed(misses("five minutes", at(nil))),
		},
		"request_object.signature.invalid": {
			answered(fires("by another key", request("signing", strangerKey.sign(objectHeader, with(objectClaims, lasting)))), "invalid_request_object", 400),
			fires("changed", request("signing", changed(signed(lasting), with(objectClaims, with(lasting, object{"scope": "admin"}))))),
			fires("by another key, with another kid", request("signing", strangerKey.sign(with(objectHeader, object{"kid": "2"}), with(objectClaims, lasting)))),
			misses("by its key", signing(nil)), misses("by its key, pushed", pushing(nil)), misses("without a known key", request("app", strangerKey.sign(objectHeader, plainClaims))),
		},
	}
	for id := range rules {
		for i := range rules[id] {
			rules[id][i] = used(rules[id][i])
		}
	}
	return suite{"requestobject", rules}
}

// changed is a token with other claims and the old signature.
func changed(token string, claims object) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + part(claims) + "." + parts[2]
}
