package rule

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// Client is what is known about a registered client. An absent member means unknown, and switches off the rules that need it.
type Client struct {
	// ID is the client_id.
	ID string
	// Name is what people call the client.
	Name string
	// RedirectURIs are the registered redirect URIs. Nil means unknown; empty means that none is registered.
	RedirectURIs []redirecturi.Registered
	// ResponseTypes are the response types that the client may use, each with its words in any order. Nil means unknown.
	ResponseTypes []string
	// GrantTypes are the grant types that the client may use. Nil means unknown.
	GrantTypes []string
	// AuthMethod is the token_endpoint_auth_method of RFC 7591; "none" is a public client. Empty means unknown.
	AuthMethod string
	// Scopes are the scope values that the client may ask for. Nil means unknown.
	Scopes []string
	// Trust says whether the server's administrator trusts the client.
	Trust Trust
	// Delivery overrides how authorize errors reach this client. Empty means the guard's setting.
	Delivery string
	// Exempt lists rule IDs and globs that do not apply to this client.
	Exempt []string
	// PostLogoutRedirectURIs are the registered targets after a logout. Nil means unknown.
	PostLogoutRedirectURIs []string
	// RequestURIs are the registered addresses of request objects. Nil means unknown.
	RequestURIs []string
	// RequestObjectAlgorithm is the request_object_signing_alg of RFC 9101 section 10.5. Empty means that any is allowed.
	RequestObjectAlgorithm string
	// SignedRequests, PushedRequests, DPoPBound and CertificateBound say what the client must use: require_signed_request_object (RFC 9101 section 10.5),
	// require_pushed_authorization_requests (RFC 9126 section 6), dpop_bound_access_tokens (RFC 9449 section 5.2) and
	// tls_client_certificate_bound_access_tokens (RFC 8705 section 3.4).
	SignedRequests, PushedRequests, DPoPBound, CertificateBound bool
	// Keys are the client's public keys: its jwks, a JWK Set as JSON (RFC 7517 section 5), which must not be written to. Nil means unknown.
	Keys json.RawMessage
	// Operator says that the operator of the guard wrote the record, so that its redirect URIs are trusted with error redirects.
	Operator bool
}

// ByCertificate reports whether the client is known to authenticate by certificate.
func (c *Client) ByCertificate() bool {
	return c.AuthMethod == "tls_client_auth" || c.AuthMethod == "self_signed_tls_client_auth"
}

// Trust says whether a client is trusted, in the words of JetBrains Hub.
type Trust uint8

// The states of trust.
const (
	TrustUnknown Trust = iota
	Trusted
	Untrusted
)

// Public reports whether the client is known to have no secret, RFC 6749 section 2.1.
func (c *Client) Public() bool { return c.AuthMethod == "none" }

// Confidential reports whether the client is known to authenticate with a secret or an assertion, which a request shows. Mutual TLS and attestations show elsewhere.
func (c *Client) Confidential() bool {
	switch c.AuthMethod {
	case "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt":
		return true
	case "":
		return c.Trust == Trusted
	}
	return false
}

// Standing says what a directory knows about a client_id.
type Standing uint8

// The standings.
const (
	// NotAsked is a request without a client_id, or a guard without a directory.
	NotAsked Standing = iota
	// Known is a registered client.
	Known
	// Absent is a client_id that a complete directory does not hold.
	Absent
	// Unjudged is a client_id about which nothing can be said, because the directory was never loaded, is not complete, or is too old.
	Unjudged
	// Askable is a client_id that the directory does not hold, while its source can be asked for this one. Rules see it as Unjudged.
	Askable
)

// Directory is the set of registered clients. It is immutable while a request is judged, and safe for concurrent use. One that would have to make a client when it is asked for it should
// be a [RoomFinder] as well.
type Directory interface {
	// Find returns the client of that ID and how it stands. The client is nil unless it is Known. The ID is a piece of the request: it is
	// only valid during the call, so keep a copy, not the string.
	Find(clientID string) (*Client, Standing)
	// Service reports whether one element of a scope names a registered service of JetBrains Hub; complete is
	// false if the directory does not hold all services, so that an unknown name says nothing.
	Service(element string) (known, complete bool)
}

// MatchID reports whether a rule ID matches a pattern: an ID, or a glob in which * stands for any run of characters without a slash.
func MatchID(pattern, id string) bool {
	if literal := strings.IndexAny(pattern, `*?[\`); literal < 0 {
		return pattern == id
	} else if !strings.HasPrefix(id, pattern[:literal]) {
		return false
	}
	matched, err := path.Match(pattern, id)
	return err == nil && matched
}
