package integration

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type claims = map[string]any

// signJWT makes a JWS in compact form.
func signJWT(key ed25519.PrivateKey, header, body claims) string {
	part := func(value claims) string {
		text, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := part(header) + "." + part(body)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(input)))
}

func jwkOf(key ed25519.PrivateKey) claims {
	return claims{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))}
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sha(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// TestProofs sends DPoP proofs of this moment to a site behind a trusted proxy, and looks at what arrives and what is answered.
func TestProofs(t *testing.T) {
	key := newKey(t)
	p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
	lines := guard("profile rfc6749\n" + endpointLines)
	rewritten := "handle_path /realm/* {\n" + lines + p.upstream.proxy() + "\n}\n"
	load(t, "servers {\ntrusted_proxies static 127.0.0.0/8\n}\n", site(p.guarded, rewritten+lines+p.upstream.proxy())+site(p.twin, "handle_path /realm/* {\n"+p.upstream.proxy()+"\n}\n"+p.upstream.proxy()))

	const token = "a-token"
	proof := func(changes claims) string {
		body := claims{"jti": fmt.Sprint(time.Now().UnixNano()), "htm": "GET", "htu": "https://api.example/api/users", "iat": time.Now().Unix(), "ath": sha([]byte(token))}
		for name, value := range changes {
			body[name] = value
		}
		return "DPoP: " + signJWT(key, claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwkOf(key)}, body)
	}
	request := func(target, authorization string, fields ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: inner.example\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: api.example\r\nAuthorization: " + authorization + "\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	}
	p.passes(t, request("/api/users?x=1", "DPoP "+token, proof(nil)))
	p.passes(t, request("/realm/api/users", "DPoP "+token, proof(claims{"htu": "https://api.example/realm/api/users"})))
	p.passes(t, request("/api/users", "Bearer "+token))
	for name, raw := range map[string]string{
		"another host":           request("/api/users", "DPoP "+token, proof(claims{"htu": "https://inner.example/api/users"})),
		"another scheme":         request("/api/users", "DPoP "+token, proof(claims{"htu": "http://api.example/api/users"})),
		"the path after rewrite": request("/realm/api/users", "DPoP "+token, proof(nil)),
		"an hour ago":            request("/api/users", "DPoP "+token, proof(claims{"iat": time.Now().Unix() - 3600})),
		"another key":            request("/api/users", "DPoP "+token, "DPoP: "+signJWT(newKey(t), claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwkOf(key)}, claims{"jti": "x", "htm": "GET", "htu": "https://api.example/api/users", "iat": time.Now().Unix(), "ath": sha([]byte(token))})),
		"twice":                  request("/api/users", "DPoP "+token, proof(nil), proof(nil)),
	} {
		got := p.refused(t, raw)
		challenge := got.header.Get("WWW-Authenticate")
		if got.status != 401 || !strings.HasPrefix(challenge, `DPoP realm="OAuth", algs="ES256 `) || !strings.Contains(challenge, `, error="invalid_dpop_proof", error_description="`) {
			t.Errorf("%s: answered with %d, %q", name, got.status, challenge)
		}
		if !strings.Contains(got.body, `"error":"invalid_dpop_proof"`) {
			t.Errorf("%s: the body is %q", name, got.body)
		}
	}
	if got := p.refused(t, request("/api/users", "DPoP "+token)); got.status != 401 || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "DPoP ") {
		t.Errorf("without a proof: answered with %d, %q", got.status, got.header.Get("WWW-Authenticate"))
	}
	form := "grant_type=refresh_token&refresh_token=r&client_id=app"
	got := p.refused(t, "POST /oauth2/token HTTP/1.1\r\nHost: inner.example\r\nContent-Type: application/x-www-form-urlencoded\r\nDPoP: x\r\nContent-Length: "+fmt.Sprint(len(form))+"\r\n\r\n"+form)
	if got.status != 400 || !strings.Contains(got.body, `"error":"invalid_dpop_proof"`) || got.header.Get("WWW-Authenticate") != "" {
		t.Errorf("at the token endpoint: answered with %d, %q, %q", got.status, got.body, got.header.Get("WWW-Authenticate"))
	}
}

// TestProofUnknownScheme: without TLS and without a trusted proxy nobody knows which scheme the client used.
func TestProofUnknownScheme(t *testing.T) {
	key := newKey(t)
	p := profilePair(t, "rfc6749", "")
	for _, scheme := range []string{"https", "http"} {
		proof := signJWT(key, claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwkOf(key)},
			claims{"jti": "x", "htm": "GET", "htu": scheme + "://api.example/api/users", "iat": time.Now().Unix(), "ath": sha([]byte("a"))})
		p.passes(t, "GET /api/users HTTP/1.1\r\nHost: api.example\r\nAuthorization: DPoP a\r\nDPoP: "+proof+"\r\n\r\n")
	}
}

// TestRequestObjects: what a signed object asks for is judged, and errors go to the redirect URI in it only if its signature verifies.
func TestRequestObjects(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	set, _ := json.Marshal(claims{"keys": []any{jwkOf(key)}})
	record, _ := json.Marshal([]any{
		claims{"client_id": "signing", "redirect_uris": []string{"https://signing.example/cb"}, "jwks": json.RawMessage(set)},
		claims{"client_id": "keyless", "redirect_uris": []string{"https://signing.example/cb"}},
	})
	file := filepath.Join(t.TempDir(), "clients.json")
	if err := os.WriteFile(file, record, 0o600); err != nil {
		t.Fatal(err)
	}
	p := newPair(t, "profile rfc6749\nrequest_objects used\n"+endpointLines+"clients file "+file+"\n")
	object := func(key ed25519.PrivateKey, changes claims) string {
		body := claims{"client_id": "signing", "response_type": "code", "redirect_uri": "https://signing.example/cb", "state": "inner", "exp": time.Now().Unix() + 60}
		for name, value := range changes {
			body[name] = value
		}
		return signJWT(key, claims{"alg": "EdDSA"}, body)
	}
	request := func(clientID, object, more string) string {
		return "GET /oauth2/auth?client_id=" + clientID + "&request=" + object + more + " HTTP/1.1\r\nHost: server.example\r\n\r\n"
	}
	p.passes(t, request("signing", object(key, nil), ""))
	p.passes(t, request("signing", object(key, nil), "&redirect_uri=https%3A%2F%2Fevil.example&state=outer&response_type=code"))
	bad := claims{"response_type": "foo"}
	got := p.refused(t, request("signing", object(key, bad), "&redirect_uri=https%3A%2F%2Fevil.example&state=outer"))
	if location := got.header.Get("Location"); got.status != 303 || !strings.HasPrefix(location, "https://signing.example/cb?error=unsupported_response_type&") || !strings.HasSuffix(location, "&state=inner") {
		t.Errorf("signed: answered with %d to %q", got.status, location)
	}
	for name, raw := range map[string]string{
		"signed by somebody else":    request("signing", object(stranger, bad), ""),
		"of a client without keys":   request("keyless", object(key, claims{"response_type": "foo", "client_id": "keyless"}), ""),
		"an unregistered target":     request("signing", object(key, claims{"redirect_uri": "https://evil.example/"}), ""),
		"a registered target beside": request("signing", object(key, claims{"redirect_uri": nil, "response_type": "foo"}), "&redirect_uri=https%3A%2F%2Fsigning.example%2Fcb"),
		"another client":             request("keyless", object(key, nil), ""),
		"expired":                    request("signing", object(key, claims{"exp": time.Now().Unix() - 120}), ""),
		"a bad signature alone":      request("signing", object(stranger, nil), ""),
	} {
		if got := p.refused(t, raw); got.status != 400 || got.header.Get("Location") != "" {
			t.Errorf("%s: answered with %d to %q", name, got.status, got.header.Get("Location"))
		}
	}
}

// TestCertificates: where TLS ends at the guard, a client that authenticates by certificate must present one, and a token that is bound to one needs it.
func TestCertificates(t *testing.T) {
	address, recording := freeAddress(t), newUpstream(t)
	_, port, _ := net.SplitHostPort(address)
	load(t, "auto_https disable_redirects\nskip_install_trust\n", "https://localhost:"+port+" {\nbind 127.0.0.1\ntls internal {\nclient_auth {\nmode request\n}\n}\n"+
		guard("profile rfc6749\nrule mtls.token.unproven enforce\n"+endpointLines+"clients static {\nclient certified {\ntoken_endpoint_auth_method tls_client_auth\n}\n}\n")+recording.proxy()+"\n}\n")
	// The certificate of the server is made in the background.
	eventually(t, "the certificate", func() bool {
		conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	certificate := selfSigned(t)
	bound := func(hash string) string {
		return signJWT(newKey(t), claims{"alg": "EdDSA"}, claims{"sub": "u", "cnf": claims{"x5t#S256": hash}})
	}
	own, others := bound(sha(certificate.Certificate[0])), bound(sha([]byte("x")))
	for _, test := range []struct {
		name        string
		certificate bool
		bearer      string // empty: a token request
		status      int
		code        string
	}{
		{"token request without a certificate", false, "", 400, "invalid_client"},
		{"token request with a certificate", true, "", 200, ""},
		{"the token's certificate", true, own, 200, ""},
		{"another certificate", true, others, 401, "invalid_token"},
		{"no certificate", false, own, 401, "invalid_token"},
	} {
		config := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
		if test.certificate {
			config.Certificates = []tls.Certificate{certificate}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: patience}
		var response *http.Response
		var err error
		if test.bearer == "" {
			response, err = client.PostForm("https://localhost:"+port+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"certified"}})
		} else {
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost:"+port+"/api/users", nil)
			request.Header.Set("Authorization", "Bearer "+test.bearer)
			response, err = client.Do(request)
		}
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		client.CloseIdleConnections()
		if err != nil || response.StatusCode != test.status || test.code != "" && !bytes.Contains(body, []byte(`"error":"`+test.code+`"`)) {
			t.Errorf("%s: answered with %d %s (%v), want %d %s", test.name, response.StatusCode, body, err, test.status, test.code)
		}
		if arrived := recording.take(); (len(arrived) > 0) != (test.status == 200) {
			t.Errorf("%s: %d requests arrived", test.name, len(arrived))
		}
	}
}

// selfSigned makes a certificate of a client.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
