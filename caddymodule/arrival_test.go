package caddymodule

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestArrival: a request is secure over TLS, or by the word of a proxy that Caddy trusts; without either it matters whether it comes from this machine.
func TestArrival(t *testing.T) {
	for _, test := range []struct {
		address, forwarded string
		tls, trusted       bool
		want               rule.Transport
	}{
		{address: "192.0.2.1", tls: true, want: rule.Secure},
		{address: "192.0.2.1", forwarded: "https", trusted: true, want: rule.Secure},
		{address: "192.0.2.1", forwarded: "https", want: rule.PlainHTTP},
		{address: "192.0.2.1", forwarded: "http", trusted: true, want: rule.PlainHTTP},
		{address: "127.0.0.1", want: rule.PlainLoopback},
		{address: "127.8.9.1:4711", want: rule.PlainLoopback},
		{address: "::1", want: rule.PlainLoopback},
		{address: "[::1]:4711", want: rule.PlainLoopback},
		{address: "::ffff:127.0.0.1", want: rule.PlainLoopback},
		{address: "2001:db8::1", want: rule.PlainHTTP},
		{address: "[2001:db8::1]:4711", want: rule.PlainHTTP},
		{address: "127.0.0.1.example", want: rule.PlainHTTP},
		{address: "", want: rule.PlainHTTP},
	} {
		w := httptest.NewRecorder()
		r := caddyhttp.PrepareRequest(httptest.NewRequest("GET", "/", nil), caddy.NewReplacer(), w, new(caddyhttp.Server))
		caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, test.address)
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, test.trusted)
		if test.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-Proto", test.forwarded)
		}
		if got := arrival(r); got != test.want {
			t.Errorf("%+v: %v, want %v", test, got, test.want)
		}
	}
}
