package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// archivedClient is what is stored of a registration, one JSON object per line. It lists the members on its own, so that a field that the
// rules may get later is not shared by accident. Nil and empty slices differ: an absent member is unknown, an empty array is none.
type archivedClient struct {
	ID            string        `json:"client_id"`
	Name          string        `json:"client_name,omitempty"`
	RedirectURIs  []archivedURI `json:"redirect_uris,omitzero"`
	ResponseTypes []string      `json:"response_types,omitzero"`
	GrantTypes    []string      `json:"grant_types,omitzero"`
	AuthMethod    string        `json:"token_endpoint_auth_method,omitempty"`
	Scopes        []string      `json:"scopes,omitzero"`
	Trust         string        `json:"trust,omitempty"`
	Delivery      string        `json:"delivery,omitempty"`
	Exempt        []string      `json:"exempt,omitzero"`
	Operator      bool          `json:"operator,omitempty"`
	Aliases       []string      `json:"aliases,omitzero"`
	ServiceNames  []string      `json:"service_names,omitzero"`

	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris,omitzero"`
	RequestURIs            []string        `json:"request_uris,omitzero"`
	RequestObjectAlgorithm string          `json:"request_object_signing_alg,omitempty"`
	SignedRequests         bool            `json:"require_signed_request_object,omitempty"`
	PushedRequests         bool            `json:"require_pushed_authorization_requests,omitempty"`
	DPoPBound              bool            `json:"dpop_bound_access_tokens,omitempty"`
	CertificateBound       bool            `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	Keys                   json.RawMessage `json:"jwks,omitempty"`
}

type archivedURI struct {
	URI       string `json:"uri"`
	Plausible bool   `json:"plausible,omitempty"`
}

// The stored words for trust. Any other, as of a later release, is unknown.
const (
	archivedTrusted   = "trusted"
	archivedUntrusted = "untrusted"
)

// encodeClients is what is stored of clients. A client with bytes that JSON cannot hold is an error.
func encodeClients(registrations []Registration) ([]byte, error) {
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	for i := range registrations {
		stored := archived(&registrations[i])
		// JSON would replace such bytes, and a redirect URI that was changed no longer matches.
		if !stored.valid() {
			return nil, fmt.Errorf("clients storage: client %s is not in UTF-8, so it cannot be shared", quote(stored.ID))
		}
		if err := encoder.Encode(stored); err != nil {
			return nil, fmt.Errorf("clients storage: client %s: %w", quote(stored.ID), err)
		}
	}
	return content.Bytes(), nil
}

// decodeClients reads what encodeClients wrote. Members that it does not know are ignored.
func decodeClients(content []byte) ([]Registration, error) {
	registrations := make([]Registration, 0, bytes.Count(content, []byte{'\n'}))
	for line := range bytes.Lines(content) {
		var stored archivedClient
		if err := json.Unmarshal(line, &stored); err != nil {
			return nil, fmt.Errorf("client %d: %w", len(registrations)+1, err)
		}
		registrations = append(registrations, stored.registration())
	}
	return registrations, nil
}

func archived(r *Registration) *archivedClient {
	stored := &archivedClient{
		ID:            r.ID,
		Name:          r.Name,
		ResponseTypes: r.ResponseTypes,
		GrantTypes:    r.GrantTypes,
		AuthMethod:    r.AuthMethod,
		Scopes:        r.Scopes,
		Delivery:      r.Delivery,
		Exempt:        r.Exempt,
		Operator:      r.Operator,
		Aliases:       r.Aliases,
		ServiceNames:  r.ServiceNames,

		PostLogoutRedirectURIs: r.PostLogoutRedirectURIs,
		RequestURIs:            r.RequestURIs,
		RequestObjectAlgorithm: r.RequestObjectAlgorithm,
		SignedRequests:         r.SignedRequests,
		PushedRequests:         r.PushedRequests,
		DPoPBound:              r.DPoPBound,
		CertificateBound:       r.CertificateBound,
		Keys:                   r.Keys,
	}
	switch r.Trust {
	case rule.Trusted:
		stored.Trust = archivedTrusted
	case rule.Untrusted:
		stored.Trust = archivedUntrusted
	}
	if r.RedirectURIs != nil {
		stored.RedirectURIs = make([]archivedURI, len(r.RedirectURIs))
		for i, uri := range r.RedirectURIs {
			stored.RedirectURIs[i] = archivedURI{URI: uri.URI, Plausible: uri.Plausible}
		}
	}
	return stored
}

func (c *archivedClient) registration() Registration {
	client := rule.Client{
		ID:            c.ID,
		Name:          c.Name,
		ResponseTypes: c.ResponseTypes,
		GrantTypes:    c.GrantTypes,
		AuthMethod:    c.AuthMethod,
		Scopes:        c.Scopes,
		Delivery:      c.Delivery,
		Exempt:        c.Exempt,
		Operator:      c.Operator,

		PostLogoutRedirectURIs: c.PostLogoutRedirectURIs,
		RequestURIs:            c.RequestURIs,
		RequestObjectAlgorithm: c.RequestObjectAlgorithm,
		SignedRequests:         c.SignedRequests,
		PushedRequests:         c.PushedRequests,
		DPoPBound:              c.DPoPBound,
		CertificateBound:       c.CertificateBound,
		Keys:                   c.Keys,
	}
	switch c.Trust {
	case archivedTrusted:
		client.Trust = rule.Trusted
	case archivedUntrusted:
		client.Trust = rule.Untrusted
	}
	if c.RedirectURIs != nil {
		client.RedirectURIs = make([]redirecturi.Registered, len(c.RedirectURIs))
		for i, uri := range c.RedirectURIs {
			client.RedirectURIs[i] = redirecturi.Registered{URI: uri.URI, Plausible: uri.Plausible}
		}
	}
	return Registration{Client: client, Aliases: c.Aliases, ServiceNames: c.ServiceNames}
}

// valid reports whether all texts are UTF-8.
func (c *archivedClient) valid() bool {
	for _, text := range []string{c.ID, c.Name, c.AuthMethod, c.Delivery, c.RequestObjectAlgorithm, string(c.Keys)} {
		if !utf8.ValidString(text) {
			return false
		}
	}
	for _, texts := range [][]string{c.ResponseTypes, c.GrantTypes, c.Scopes, c.Exempt, c.Aliases, c.ServiceNames, c.PostLogoutRedirectURIs, c.RequestURIs} {
		for _, text := range texts {
			if !utf8.ValidString(text) {
				return false
			}
		}
	}
	for i := range c.RedirectURIs {
		if !utf8.ValidString(c.RedirectURIs[i].URI) {
			return false
		}
	}
	return true
}
