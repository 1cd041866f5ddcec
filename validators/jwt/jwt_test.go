package jwt

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func compact(header, claims string) string {
	return encode(header) + "." + encode(claims) + "." + encode("sig")
}

func TestRead(t *testing.T) {
	const header = `{"alg":"ES256"}`
	encrypted := encode(`{"alg":"dir","enc":"A128GCM"}`)
	for _, test := range []struct {
		name, text string
		want       Form
	}{
		{"signed", compact(header, `{"sub":"x"}`), Signed},
		{"no signature", encode(header) + "." + encode("{}") + ".", Signed},
		{"blanks in the JSON", compact(" {\n\"alg\" : \"ES256\"}", " {} "), Signed},
		{"encrypted", encrypted + "..AAAA.AAAA.AAAA", Encrypted},
		{"encrypted, with a key", encrypted + ".AAAA.AAAA.AAAA.AAAA", Encrypted},
		{"empty", "", Malformed},
		{"two parts", encode(header) + "." + encode("{}"), Malformed},
		{"four parts", compact(header, "{}") + ".AAAA", Malformed},
		{"six parts", encrypted + ".AAAA.AAAA.AAAA.AAAA.AAAA", Malformed},
		{"padding", encode(header) + "=." + encode("{}") + ".AAAA", Malformed},
		{"the other alphabet", encode(header) + "." + encode("{}") + ".+/AA", Malformed},
		{"a line end", encode(header) + "." + encode("{}") + ".AA\nAA", Malformed},
		{"bits behind the end", encode(header) + "." + encode("{}") + ".AB", Malformed},
		{"half a byte", encode(header) + "." + encode("{}") + ".A", Malformed},
		{"no algorithm", compact("{}", "{}"), Malformed},
		{"an empty algorithm", compact(`{"alg":""}`, "{}"), Malformed},
		{"an algorithm that is no string", compact(`{"alg":["ES256"]}`, "{}"), Malformed},
		{"an algorithm in other letters", compact(`{"Alg":"ES256"}`, "{}"), Malformed},
		{"the header is no object", compact(`"ES256"`, "{}"), Malformed},
		{"a header member twice", compact(`{"alg":"none","alg":"ES256"}`, "{}"), Malformed},
		{"a claim twice", compact(header, `{"sub":"a","sub":"b"}`), Malformed},
		{"the claims are an array", compact(header, "[]"), Malformed},
		{"the claims are no JSON", compact(header, "x"), Malformed},
		{"the claims are not UTF-8", compact(header, "{\"a\":\"\xff\"}"), Malformed},
		{"encrypted, without the encryption", encode(header) + "..AAAA.AAAA.AAAA", Malformed},
		{"encrypted, not base64url", encrypted + "..AAAA.AA+A.AAAA", Malformed},
		{"as long as may be", padded(MaxSize), Signed},
		{"too long", padded(MaxSize + 4), Malformed},
	} {
		token := Read(test.text)
		if token.Form != test.want {
			t.Errorf("%s: %v, want %v", test.name, token.Form, test.want)
		}
		if token.Form != Malformed && token.Header == nil || (token.Form == Signed) && token.Claims == nil {
			t.Errorf("%s: %+v", test.name, token)
		}
	}
}

// padded is a signed token of so many bytes.
func padded(size int) string {
	text := compact(`{"alg":"ES256"}`, `{}`)
	return text + strings.Repeat("A", size-len(text))
}

func TestHeader(t *testing.T) {
	for header, want := range map[string][3]bool{ // unsigned, symmetric, critical
		`{"alg":"ES256"}`:                {false, false, false},
		`{"alg":"none"}`:                 {true, false, false},
		`{"alg":"NONE"}`:                 {true, false, false},
		`{"alg":"HS256"}`:                {false, true, false},
		`{"alg":"hs512"}`:                {false, true, false},
		`{"alg":"ES256","crit":["exp"]}`: {false, false, true},
		`{"alg":"ES256","crit":null}`:    {false, false, true},
	} {
		token := Read(compact(header, "{}"))
		if got := [3]bool{token.Unsigned(), token.Symmetric(), token.Critical()}; got != want || token.Form != Signed {
			t.Errorf("%s: %v, want %v", header, got, want)
		}
	}
	if token := Read(encode(`{"alg":"ES256"}`) + "." + encode("{}") + "."); !token.Unsigned() {
		t.Error("an empty signature signs nothing")
	}
}

func TestClaims(t *testing.T) {
	token := Read(compact(`{"alg":"ES256"}`, `{"sub":"x","other":{"a":[1]},"iat":1.5,"exp":1e400,"nbf":null,"jti":true,"aud":["a",1],"cnf":{"jkt":"k","x":1}}`))
	if token.Text("sub") != "x" || token.Text("iat") != "" || token.Text("nonce") != "" {
		t.Error("text")
	}
	if token.Has("other") {
		t.Error("a claim that nothing looks at is kept")
	}
	if !token.Has("jti") || token.Has("nbf") || token.Has("nonce") {
		t.Error("has")
	}
	if seconds, ok := token.Seconds("iat"); seconds != 1.5 || !ok {
		t.Errorf("seconds %v, %v", seconds, ok)
	}
	for _, claim := range []string{"sub", "exp", "nbf", "nonce"} {
		if _, ok := token.Seconds(claim); ok {
			t.Errorf("%s is a number of seconds", claim)
		}
	}
	if values, single := token.Audience(); single || !slices.Equal(values, []string{"a", ""}) {
		t.Errorf("audience %q, %v", values, single)
	}
	if values, single := Read(compact(`{"alg":"ES256"}`, `{"aud":"a"}`)).Audience(); !single || !slices.Equal(values, []string{"a"}) {
		t.Errorf("audience %q, %v", values, single)
	}
	if token.Confirmation("jkt") != "k" || token.Confirmation("x") != "" || Read("x").Confirmation("jkt") != "" {
		t.Error("confirmation")
	}
}

// TestThumbprint has the example of RFC 7638 section 3.1, and that of RFC 8037 appendix A.3.
func TestThumbprint(t *testing.T) {
	for _, test := range []struct {
		name string
		key  map[string]any
		want string
	}{
		{"RSA", map[string]any{"kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
			"n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-" +
				"65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"},
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"OKP", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"EC without y", map[string]any{"kty": "EC", "crv": "P-256", "x": "AA"}, ""},
		{"an unknown type", map[string]any{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, ""},
		{"a value that needs an escape", map[string]any{"kty": "OKP", "crv": `Ed"25519`, "x": "AA"}, ""},
		{"nothing", nil, ""},
	} {
		if got, ok := Thumbprint(test.key); got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %s, %v", test.name, got, ok)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(compact(`{"alg":"ES256"}`, `{"aud":["a"],"exp":1,"cnf":{"jkt":"k"}}`))
	f.Add(encode(`{"alg":"dir","enc":"A128GCM"}`) + "..AAAA.AAAA.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		token := Read(text)
		token.Audience()
		token.Confirmation("jkt")
		if _, _ = token.Seconds("exp"); token.Form == Signed && (token.Algorithm() == "" || strings.Count(text, ".") != 2 || strings.ContainsAny(text, "=+/ \r\n")) {
			t.Errorf("%q is read as signed", text)
		}
	})
}
