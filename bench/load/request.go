// Package load sends the same requests again and again, with wrk.
package load

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
)

// Request is one of the four requests that are measured.
type Request struct {
	// Name is its word in the data.
	Name string
	// Title is its name in the document.
	Title string
	// Method, Target, Body and Header are what is sent.
	Method, Target, Body string
	Header               [][2]string
	// Refused says that it must not reach the server.
	Refused bool
}

// An authorization request as a modern client sends it, and the token request that follows. The clients are those of the test vectors.
const (
	query = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid%20profile%20email&state=Zk3vJ8aWq0Lr7xT2yB5nC9dF1gH4jK6m" +
		"&nonce=n-0S6_WzA2Mj8Qx7Yv5Tb3Rc1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	form = "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA7Xq3Zr9Lk2Mn5Pv8Ty1Wu4Ej6Ho0Da&redirect_uri=https%3A%2F%2Fapp.example%2Fcb" +
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&scope=openid%20profile%20email&resource=https%3A%2F%2Fapi.example%2Fv1%2Fusers"
)

// Requests are the four that are measured: at each endpoint a valid one, and one with a repeated parameter.
func Requests() []Request {
	accept := [2]string{"Accept", "application/json"}
	tokenHeader := [][2]string{accept, {"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", "Basic YXBwOnMzY3IzdC1zM2NyM3Qtc2VjcmV0LTEyMzQ="}}
	return []Request{
		{Name: "authorize-valid", Title: "authorize, valid", Method: "GET", Target: conformance.AuthorizePath + "?" + query, Header: [][2]string{accept}},
		{Name: "token-valid", Title: "token, valid", Method: "POST", Target: conformance.TokenPath, Body: form, Header: tokenHeader},
		{Name: "authorize-refused", Title: "authorize, refused", Method: "GET", Header: [][2]string{accept}, Refused: true,
			Target: conformance.AuthorizePath + "?" + query + "&redirect_uri=https%3A%2F%2Fevil.example%2Fcb"},
		{Name: "token-refused", Title: "token, refused", Method: "POST", Target: conformance.TokenPath, Body: form + "&code=another", Header: tokenHeader, Refused: true},
	}
}

// Message is the request as bytes.
func (r Request) Message(host string) string {
	text := r.Method + " " + r.Target + " HTTP/1.1\r\nHost: " + host + "\r\n"
	for _, field := range r.Header {
		text += field[0] + ": " + field[1] + "\r\n"
	}
	if r.Body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(r.Body))
	}
	return text + "\r\n" + r.Body
}

// script tells wrk what to send, and to write its counts as one line.
func (r Request) script() string {
	var text strings.Builder
	fmt.Fprintf(&text, "wrk.method = %q\n", r.Method)
	if r.Body != "" {
		fmt.Fprintf(&text, "wrk.body = %q\n", r.Body)
	}
	for _, field := range r.Header {
		fmt.Fprintf(&text, "wrk.headers[%q] = %q\n", field[0], field[1])
	}
	text.WriteString(`function done(summary, latency)
	local e = summary.errors
	io.write(string.format("result %d %d %d %d %d %d %f %f\n", summary.requests, summary.duration, e.status, e.connect + e.read + e.write, e.timeout,
		latency.max, latency:percentile(50), latency:percentile(99)))
end
`)
	return text.String()
}
