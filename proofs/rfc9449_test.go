package proofs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// keyFor makes a private key for an algorithm.
func keyFor(t testing.TB, algorithm jose.SignatureAlgorithm) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithm {
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// jws signs claims with go-jose; header parameters replace those of the library, and go without a signature of their own if alg is among them.
func jws(t testing.TB, algorithm jose.SignatureAlgorithm, key crypto.Signer, header, claims object) string {
	t.Helper()
	options := new(jose.SignerOptions)
	for name, value := range header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	signed, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// publicJWK is the JWK of a public key; privateJWK that of the private one.
func publicJWK(t testing.TB, key crypto.Signer) object  { return jwkOf(t, key.Public()) }
func privateJWK(t testing.TB, key crypto.Signer) object { return jwkOf(t, key) }

func jwkOf(t testing.TB, key any) object {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	members := object{}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// TestRFC9449Section43 goes through the checks of RFC 9449 section 4.3, each with proofs that pass and proofs that do not, signed with real keys, at the time of the test.
func TestRFC9449Section43(t *testing.T) {
	config := validators.Config{Endpoints: map[rule.Endpoint][]string{rule.Token: {"/oauth2/token"}, rule.PAR: {"/oauth2/par"}, rule.Userinfo: {"/oauth2/userinfo"}, rule.Resource: {"/api/*"}}}
	config.Profile, config.Signatures = rule.RFC6749, Signatures{}
	engine, err := validators.New(config)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	key := keyFor(t, jose.ES256)
	other := keyFor(t, jose.ES256)
	public := publicJWK(t, key)
	header := func(changes object) object { return with(object{"typ": "dpop+jwt", "jwk": public}, changes) }
	claims := func(changes object) object {
		return with(object{"jti": "-BwC3ESc6acc2lTc", "htm": "POST", "htu": "https://server.example/oauth2/token", "iat": now.Unix()}, changes)
	}
	proof := func(h, c object) string { return jws(t, jose.ES256, key, header(h), claims(c)) }
	atAPI := object{"htm": "GET", "htu": "https://server.example/api/users", "ath": hash(accessToken)}
	// go-jose makes no proof without a signature, or with a wrong algorithm, so these are put together here.
	rewritten := func(changes object, signature string) string {
		return part(with(header(object{"alg": "ES256"}), changes)) + "." + part(claims(nil)) + "." + signature
	}
	signature := strings.Split(proof(nil, nil), ".")[2]
	signedWith := func(algorithm jose.SignatureAlgorithm) string {
		own := keyFor(t, algorithm)
		return jws(t, algorithm, own, object{"typ": "dpop+jwt", "jwk": publicJWK(t, own)}, claims(nil))
	}
	token, api := "POST /oauth2/token", "GET /api/users"
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}

	cases := []struct {
		name   string
		target string
		proofs []string
		rule   string // empty: it passes
	}{
		{"1: one header field", token, []string{proof(nil, nil)}, ""},
		{"1: two different fields", token, []string{proof(nil, nil), proof(nil, object{"jti": "b"})}, "dpop.header.repeated"},
		{"1: the same field twice", token, []string{proof(nil, nil), proof(nil, nil)}, "dpop.header.repeated"},
		{"2: two proofs in one field", token, []string{proof(nil, nil) + ", " + proof(nil, nil)}, "dpop.proof.malformed"},
		{"2: not a JWT", token, []string{"proof"}, "dpop.proof.malformed"},
		{"2: JSON serialization", token, []string{`{"payload":"e30","signatures":[]}`}, "dpop.proof.malformed"},
		{"2: base64 with padding", token, []string{proof(nil, nil) + "="}, "dpop.proof.malformed"},
		{"2: a member twice", token, []string{part(header(object{"alg": "ES256"})) + "." + part(`{"htm":"POST","htm":"GET"}`) + "." + signature}, "dpop.proof.malformed"},
		{"2: four parts", token, []string{proof(nil, nil) + ".x"}, "dpop.proof.malformed"},
		{"3: no jti", token, []string{proof(nil, object{"jti": nil})}, "dpop.claim.missing"},
		{"3: no htm", token, []string{proof(nil, object{"htm": nil})}, "dpop.claim.missing"},
		{"3: no htu", token, []string{proof(nil, object{"htu": nil})}, "dpop.claim.missing"},
		{"3: no iat", token, []string{proof(nil, object{"iat": nil})}, "dpop.claim.missing"},
		{"3: iat is a string", token, []string{proof(nil, object{"iat": "now"})}, "dpop.claim.missing"},
		{"3: no ath beside a token", api, []string{proof(nil, with(atAPI, object{"ath": ""}))}, "dpop.claim.missing"},
		{"3: other claims are ignored", token, []string{proof(nil, object{"x": object{"y": 1}})}, ""},
		{"4: typ JWT", token, []string{proof(object{"typ": "JWT"}, nil)}, "dpop.typ.wrong"},
		{"4: no typ", token, []string{proof(object{"typ": nil}, nil)}, "dpop.typ.wrong"},
		{"5: ES384", token, []string{signedWith(jose.ES384)}, ""},
		{"5: ES512", token, []string{signedWith(jose.ES512)}, ""},
		{"5: PS256", token, []string{signedWith(jose.PS256)}, ""},
		{"5: RS256", token, []string{signedWith(jose.RS256)}, ""},
		{"5: EdDSA", token, []string{signedWith(jose.EdDSA)}, ""},
		{"5: none, without a signature", token, []string{rewritten(object{"alg": "none"}, "")}, "dpop.alg.not_allowed"},
		{"5: none, with a signature", token, []string{rewritten(object{"alg": "none"}, signature)}, "dpop.alg.not_allowed"},
		{"5: HS256 with the public key as secret", token, []string{hmacProof(header(object{"alg": "HS256"}), claims(nil), spki)}, "dpop.alg.not_allowed"},
		{"6: the key of somebody else", token, []string{jws(t, jose.ES256, other, header(nil), claims(nil))}, "dpop.signature.invalid"},
		{"6: the signature of another proof", token, []string{rewritten(nil, strings.Split(proof(nil, object{"jti": "b"}), ".")[2])}, "dpop.signature.invalid"},
		{"6: a signature in DER", token, []string{rewritten(nil, part("0\x06\x02\x01\x01\x02\x01\x01"))}, "dpop.signature.invalid"},
		{"6: a signature of zeros", token, []string{rewritten(nil, strings.Repeat("A", 86))}, "dpop.signature.invalid"},
		{"6: a point that is not on the curve", token, []string{rewritten(object{"jwk": with(public, object{"x": public["y"], "y": public["x"]})}, signature)}, "dpop.signature.invalid"},
		{"6: an algorithm that does not fit the key", token, []string{rewritten(object{"alg": "PS256"}, signature)}, "dpop.signature.invalid"},
		{"7: a private key", token, []string{rewritten(object{"jwk": privateJWK(t, key)}, signature)}, "dpop.jwk.private"},
		{"7: no key", token, []string{rewritten(object{"jwk": nil}, signature)}, "dpop.jwk.missing"},
		{"8: another method", token, []string{proof(nil, object{"htm": "GET"})}, "dpop.htm.mismatch"},
		{"8: the method in small letters", token, []string{proof(nil, object{"htm": "post"})}, "dpop.htm.mismatch"},
		{"9: another path", token, []string{proof(nil, object{"htu": "https://server.example/oauth2/par"})}, "dpop.htu.mismatch"},
		{"9: another host", token, []string{proof(nil, object{"htu": "https://other.example/oauth2/token"})}, "dpop.htu.mismatch"},
		{"9: query and fragment do not count", token, []string{proof(nil, object{"htu": "https://server.example/oauth2/token?a=b#c"})}, ""},
		{"9: default port, letters, escapes", token, []string{proof(nil, object{"htu": "HTTPS://SERVER.example:443/oauth2/tok%65n"})}, ""},
		{"10: a nonce is the server's to check", token, []string{proof(nil, object{"nonce": "x"})}, ""},
		{"11: ten seconds ahead", token, []string{proof(nil, object{"iat": now.Unix() + 10})}, ""},
		{"11: ten seconds behind", token, []string{proof(nil, object{"iat": now.Unix() - 10})}, ""},
		{"11: an hour ahead", token, []string{proof(nil, object{"iat": now.Unix() + 3600})}, "dpop.iat.out_of_window"},
		{"11: an hour behind", token, []string{proof(nil, object{"iat": now.Unix() - 3600})}, "dpop.iat.out_of_window"},
		{"12: the hash of the token", api, []string{proof(nil, atAPI)}, ""},
		{"12: the hash of another token", api, []string{proof(nil, with(atAPI, object{"ath": hash("x")}))}, "dpop.ath.mismatch"},
		{"12: the token itself", api, []string{proof(nil, with(atAPI, object{"ath": accessToken}))}, "dpop.ath.mismatch"},
		{"no proof", api, nil, "dpop.authorization.unproven"},
	}
	if len(cases) < 32 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			method, path, _ := strings.Cut(test.target, " ")
			request := rule.Request{Method: method, Path: path, Header: map[string][]string{}, Scheme: "https", Host: "server.example", Time: now}
			if test.proofs != nil {
				request.Header["Dpop"] = test.proofs
			}
			status := 401
			if method == "POST" {
				request.Body, request.BodyState, status = codeForm.Encode(), rule.BodyRead, 400
				request.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
				request.Header["Authorization"] = []string{"Basic YXBwOnNlY3JldA=="}
			} else {
				request.Header["Authorization"] = []string{"DPoP " + accessToken}
			}
			verdict := engine.Decide(new(rule.Case), &request, engine.Route(path), nil)
			decided := ""
			if verdict.Decision == validators.Reject {
				decided = verdict.Rule.ID
			}
			if decided != test.rule {
				t.Fatalf("refused by %q, want %q", decided, test.rule)
			}
			if decided == "" {
				return
			}
			if code := verdict.Error; code != "invalid_dpop_proof" && decided != "dpop.authorization.unproven" || verdict.Status != status {
				t.Errorf("answered with %d %s, want %d", verdict.Status, code, status)
			}
		})
	}
}
