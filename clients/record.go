// Package clients knows who is registered: the record of one client, the directory of all clients that a request is judged by, and the
// sources that directories come from. A directory never changes; a newer one takes its place as a whole, so readers need no lock.
package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Client is one registered client, with the member names of RFC 7591 (OAuth 2.0 Dynamic Client Registration). A member that is absent
// means that nothing is known, and switches off the rules that need it; an empty array means that there is none. Other members of
// RFC 7591, such as logo_uri or client_secret, are ignored when a file is read, and never stored.
type Client struct {
	// The identifier that the client sends as `client_id`, in printable ASCII. It is compared byte by byte. Required. (RFC 6749 section
	// 2.2, RFC 7591 section 3.2.1)
	ClientID string `json:"client_id,omitempty"`

	// What people call the client, for lists and reports; no rule looks at it. Default: none, then the `client_id` is shown. (RFC 7591
	// section 2)
	ClientName string `json:"client_name,omitempty"`

	// The redirect URIs of the client. Each is absolute and compared byte by byte with the decoded one of the request; only the port of
	// `http://127.0.0.1` and `http://[::1]` is free. An empty array means that the client has none, so that it cannot use the
	// authorization endpoint. Default: unknown, then no redirect URI of this client is refused for not being registered, and no error is
	// redirected. (RFC 6749 section 3.1.2, RFC 7591 section 2)
	RedirectURIs []string `json:"redirect_uris,omitzero"`

	// The response types that the client may use, such as `code` or `code id_token`, each with its words in any order. Default: unknown,
	// then all are allowed. (RFC 7591 section 2, which has `code` as its default; a record without the member says nothing here)
	ResponseTypes []string `json:"response_types,omitzero"`

	// The grant types that the client may use at the token endpoint, such as `authorization_code` or `refresh_token`. Default: unknown,
	// then all are allowed. (RFC 7591 section 2, which has `authorization_code` as its default; a record without the member says nothing
	// here)
	GrantTypes []string `json:"grant_types,omitzero"`

	// How the client authenticates at the token endpoint: `none` for a public client without a secret, else for example
	// `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `tls_client_auth`. Default: unknown, then authentication is not
	// demanded unless `trusted` is true. (RFC 7591 section 2; the names are in the IANA registry of token endpoint authentication methods)
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`

	// The scope values that the client may ask for, separated by spaces. Default: unknown, then all are allowed; the same holds for an
	// empty string, since a scope has at least one value. (RFC 7591 section 2, RFC 6749 section 3.3)
	Scope string `json:"scope,omitempty"`

	// Whether the administrator of the authorization server trusts ("verified") the client. A trusted client has a secret and must use
	// it; one that is not trusted may not use the client credentials grant. Default: unknown. (JetBrains Hub, "trusted" of a service)
	Trusted *bool `json:"trusted,omitempty"`

	// The targets to which the client may send a person after a logout, compared byte by byte. Default: unknown, then none is refused for not being registered. (OpenID Connect
	// RP-Initiated Logout 1.0 section 3.1)
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitzero"`

	// The addresses of request objects that the client may name as `request_uri`, compared byte by byte, without a fragment. Default: unknown, then none is refused for not being
	// registered. (OpenID Connect Dynamic Client Registration 1.0 section 2)
	RequestURIs []string `json:"request_uris,omitzero"`

	// The algorithm that the client signs request objects with, such as `ES256`. Default: any. (OpenID Connect Dynamic Client Registration 1.0 section 2)
	RequestObjectSigningAlg string `json:"request_object_signing_alg,omitempty"`

	// Whether request objects of the client must be signed. Default: false. (RFC 9101 section 10.5)
	RequireSignedRequestObject bool `json:"require_signed_request_object,omitempty"`

	// Whether the client must push its authorization requests. Default: false. (RFC 9126 section 6)
	RequirePushedAuthorizationRequests bool `json:"require_pushed_authorization_requests,omitempty"`

	// Whether the client always uses DPoP when it asks for tokens. Default: false. (RFC 9449 section 5.2)
	DPoPBoundAccessTokens bool `json:"dpop_bound_access_tokens,omitempty"`

	// Whether the client's access tokens are bound to its certificate. Default: false. (RFC 8705 section 3.4)
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	// The public keys that the client signs with, as a JWK Set of at most 64 KiB. Then signatures of its request objects and assertions are verified. Private and symmetric keys are an
	// error. Default: unknown, then signatures are left to the server. (RFC 7591 section 2, RFC 7517 section 5)
	JWKS json.RawMessage `json:"jwks,omitempty"`

	// The IDs of rules, or globs such as `authorize.scope.*`, that do not apply to this client. Rules about bytes and paths, and those
	// without which the client could not be told, cannot be exempted. Default: none. (The guard's own)
	Exempt []string `json:"exempt,omitempty"`

	// How errors of authorization requests reach this client: `redirect` sends them to its redirect URI once that is proven registered,
	// `page` shows a page to the user, `pass` lets the authorization server refuse the request itself. Default: the guard's setting. (The
	// guard's own; RFC 6749 section 4.1.2.1)
	Delivery string `json:"delivery,omitempty"`
}

// Validate reports the first thing in the record that cannot be meant. The error names the client, the member, the value and the fix.
// Patterns in Exempt are not checked, since that takes the catalogue of rules.
func (c *Client) Validate() error {
	// Without an identifier no request could ever be judged by the record.
	if c.ClientID == "" {
		return errors.New("client_id is missing or empty; give the identifier that the client sends in its requests")
	}
	// RFC 6749 appendix A.1: a client_id consists of printable ASCII. Any other could not be told from look-alikes.
	for i := 0; i < len(c.ClientID); i++ {
		if c.ClientID[i] < 0x20 || c.ClientID[i] > 0x7E {
			return fmt.Errorf("client %s: client_id holds a character that is not printable ASCII; "+
				"write it as the client sends it, without line ends and invisible characters", quote(c.ClientID))
		}
	}
	for _, uri := range c.RedirectURIs {
		if err := validateRedirectURI(uri); err != nil {
			return fmt.Errorf("client %s: redirect_uris: %w", quote(c.ClientID), err)
		}
	}
	// The keys are stored and shared with the record, so they must be no secrets.
	if c.keyed() {
		if err := jwt.CheckKeys(string(c.JWKS)); err != nil {
			return fmt.Errorf("client %s: jwks: %w", quote(c.ClientID), err)
		}
	}
	switch c.Delivery {
	case "", "redirect", "page", "pass":
	default:
		return fmt.Errorf("client %s: delivery: %s is not a delivery; use redirect, page or pass", quote(c.ClientID), quote(c.Delivery))
	}
	return nil
}

func validateRedirectURI(uri string) error {
	// Most are plainly absolute, and there may be a million of them.
	if _, plain := plainOrigin(uri); plain {
		return nil
	}
	// A registered script would run in the browser under the server's name; no client is called that way.
	if redirecturi.Scripts(uri) != 0 {
		return fmt.Errorf("%s would run a script in the browser; remove it", quote(uri))
	}
	// RFC 6749 section 3.1.2: a redirection endpoint is an absolute URI. Only Hub joins relative ones with a base.
	if redirecturi.Inspect(uri)&redirecturi.Relative != 0 {
		return fmt.Errorf("%s is not absolute; begin with a scheme, and for http and https with a host, as in https://app.example.com/callback",
			quote(uri))
	}
	return nil
}

// registration is what the rules need to know. The operator of the guard wrote the record.
func (c *Client) registration() Registration {
	var registration Registration
	c.register(&registration)
	return registration
}

// register fills in what the rules need to know, in the lists that are there. The operator of the guard wrote the record.
func (c *Client) register(registration *Registration) {
	uris, scopes := registration.RedirectURIs[:0], registration.Scopes[:0]
	*registration = Registration{Client: rule.Client{
		ID:            c.ClientID,
		Name:          c.ClientName,
		ResponseTypes: c.ResponseTypes,
		GrantTypes:    c.GrantTypes,
		AuthMethod:    c.TokenEndpointAuthMethod,
		Trust:         trustOf(c.Trusted),
		Delivery:      c.Delivery,
		Exempt:        c.Exempt,
		Operator:      true,

		PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		RequestURIs:            c.RequestURIs,
		RequestObjectAlgorithm: c.RequestObjectSigningAlg,
		SignedRequests:         c.RequireSignedRequestObject,
		PushedRequests:         c.RequirePushedAuthorizationRequests,
		DPoPBound:              c.DPoPBoundAccessTokens,
		CertificateBound:       c.TLSClientCertificateBoundAccessTokens,
		Keys:                   c.keys(),
	}}
	// None registered differs from unknown, so the empty array must not become nil.
	if c.RedirectURIs != nil {
		if cap(uris) < len(c.RedirectURIs) || uris == nil {
			uris = make([]redirecturi.Registered, 0, len(c.RedirectURIs))
		}
		for _, uri := range c.RedirectURIs {
			uris = append(uris, redirecturi.Registered{URI: uri})
		}
		registration.RedirectURIs = uris
	}
	// A scope of no words is no scope (RFC 6749 section 3.3), so it says nothing about what the client may ask for.
	for word := range strings.FieldsSeq(c.Scope) {
		scopes = append(scopes, word)
	}
	if len(scopes) > 0 {
		registration.Scopes = scopes
	}
}

// keyed reports whether the record has keys.
func (c *Client) keyed() bool { return len(c.JWKS) > 0 && string(c.JWKS) != "null" }

// keys are the client's keys, without blanks; nil if they are unknown.
func (c *Client) keys() json.RawMessage {
	var compact bytes.Buffer
	if !c.keyed() || json.Compact(&compact, c.JWKS) != nil {
		return nil
	}
	return compact.Bytes()
}

// RecordOf writes down what is known about a client. What is unknown is absent.
func RecordOf(client *rule.Client) Client {
	record := Client{
		ClientID:                client.ID,
		ClientName:              client.Name,
		ResponseTypes:           client.ResponseTypes,
		GrantTypes:              client.GrantTypes,
		TokenEndpointAuthMethod: client.AuthMethod,
		Scope:                   strings.Join(client.Scopes, " "),
		Exempt:                  client.Exempt,
		Delivery:                client.Delivery,

		PostLogoutRedirectURIs:                client.PostLogoutRedirectURIs,
		RequestURIs:                           client.RequestURIs,
		RequestObjectSigningAlg:               client.RequestObjectAlgorithm,
		RequireSignedRequestObject:            client.SignedRequests,
		RequirePushedAuthorizationRequests:    client.PushedRequests,
		DPoPBoundAccessTokens:                 client.DPoPBound,
		TLSClientCertificateBoundAccessTokens: client.CertificateBound,
		JWKS:                                  client.Keys,
	}
	if client.Trust != rule.TrustUnknown {
		trusted := client.Trust == rule.Trusted
		record.Trusted = &trusted
	}
	if client.RedirectURIs != nil {
		record.RedirectURIs = make([]string, 0, len(client.RedirectURIs))
		for _, uri := range client.RedirectURIs {
			record.RedirectURIs = append(record.RedirectURIs, uri.URI)
		}
	}
	return record
}

func trustOf(trusted *bool) rule.Trust {
	switch {
	case trusted == nil:
		return rule.TrustUnknown
	case *trusted:
		return rule.Trusted
	}
	return rule.Untrusted
}

// quote makes a value of a record fit for an error text: escaped, and not longer than a line.
func quote(value string) string {
	const longest = 120
	if len(value) > longest {
		return strconv.QuoteToASCII(value[:longest]) + "..."
	}
	return strconv.QuoteToASCII(value)
}
