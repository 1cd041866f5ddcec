package caddymodule

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// surroundings fills in what a client's proofs are about, beside the request itself: when and where it was sent, and by whose certificate.
func (h *Handler) surroundings(r *http.Request, request *rule.Request) {
	request.Time = time.Now()
	proof := len(r.Header["Dpop"]) > 0
	if r.TLS == nil && !proof {
		return
	}
	// What arrives from a trusted proxy is the client's by that proxy's word; the connection and its certificate are the proxy's own.
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	if r.TLS != nil && !trusted {
		request.EndsTLS = true
		if chain := r.TLS.PeerCertificates; len(chain) > 0 {
			request.Certificate = chain[0].Raw
		}
	}
	if proof {
		address(r, trusted, request)
	}
}

// address fills in the URL that the client asked for. Over plain HTTP from nobody who is trusted the scheme stays unknown: a proxy that is not configured as trusted may have ended TLS.
func address(r *http.Request, trusted bool, request *rule.Request) {
	request.Host = r.Host
	if r.TLS != nil {
		request.Scheme = "https"
	}
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		request.Host = original.Host
		request.Target = escapedPath(&original)
	}
	if !trusted {
		return
	}
	if scheme := firstOf(r.Header["X-Forwarded-Proto"]); scheme != "" {
		request.Scheme = strings.ToLower(scheme)
	}
	if host := firstOf(r.Header["X-Forwarded-Host"]); host != "" {
		request.Host = host
	}
}

// firstOf is the first element of a list in the fields of a header: what the proxy that is nearest to the client wrote.
func firstOf(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	first, _, _ := strings.Cut(fields[0], ",")
	return strings.Trim(first, " \t")
}
