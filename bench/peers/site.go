package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Site is what a peer stands before: the paths of the endpoints and the registered clients.
type Site struct {
	// Authorize and Token are the paths of the endpoints.
	Authorize, Token []string
	// Clients are registered.
	Clients []Client
}

// Client is a registered client, with the names of RFC 7591.
type Client struct {
	ID string `json:"client_id"`
	// RedirectURIs are the registered ones; nil if nothing is known about them.
	RedirectURIs  []string `json:"redirect_uris,omitzero"`
	GrantTypes    []string `json:"grant_types,omitempty"`
	ResponseTypes []string `json:"response_types,omitempty"`
	Method        string   `json:"token_endpoint_auth_method,omitempty"`
	Trusted       *bool    `json:"trusted,omitempty"`
	Scope         string   `json:"scope,omitempty"`

	record json.RawMessage // as it was read, for peers that understand all of it
}

// ReadClients reads a file of RFC 7591 records, without clients whose redirect URI is a script, which the guard does not let anybody register.
func ReadClients(file string) ([]Client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var records []json.RawMessage
	if err := json.Unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	clients := make([]Client, len(records))
	for i, record := range records {
		if err := json.Unmarshal(record, &clients[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		clients[i].record = record
	}
	return slices.DeleteFunc(clients, func(c Client) bool {
		return slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return strings.HasPrefix(uri, "javascript:") })
	}), nil
}

// KnowsRedirectURIs says whether anything is known about the client's redirect URIs.
func (c Client) KnowsRedirectURIs() bool { return c.RedirectURIs != nil }

// Spellings are the redirect URIs, those of the loopback without their port as well, since it is free: RFC 8252 section 7.3.
func (c Client) Spellings() []string {
	spellings := slices.Clone(c.RedirectURIs)
	for _, uri := range c.RedirectURIs {
		if loopback.MatchString(uri) {
			spellings = append(spellings, loopback.ReplaceAllString(uri, "$1"))
		}
	}
	slices.Sort(spellings)
	return slices.Compact(spellings)
}

// loopback matches the part of a redirect URI in which the port is free.
var loopback = regexp.MustCompile(`^(http://127\.0\.0\.1)(:[0-9]+)?`)

// Confidential says that the client must authenticate.
func (c Client) Confidential() bool {
	return c.Method == "client_secret_basic" || c.Method == "client_secret_post" || c.Method == "" && c.Trusted != nil && *c.Trusted
}

// Public says that the client has no secret.
func (c Client) Public() bool { return c.Method == "none" }

// ClientsJSON is the content of a file of the clients.
func (s Site) ClientsJSON() (string, error) {
	records := make([]any, len(s.Clients))
	for i, client := range s.Clients {
		records[i] = client
		if client.record != nil {
			records[i] = client.record
		}
	}
	text, err := json.Marshal(records)
	return string(text), err
}

// IDs are the identifiers of all clients.
func (s Site) IDs() []string {
	var ids []string
	for _, c := range s.Clients {
		ids = append(ids, c.ID)
	}
	return ids
}

// Pair is a client with one of its redirect URIs.
type Pair struct {
	ID, URI string
}

// Pairs are all clients with each of their redirect URIs.
func (s Site) Pairs() []Pair {
	var pairs []Pair
	for _, c := range s.Clients {
		for _, uri := range c.RedirectURIs {
			pairs = append(pairs, Pair{c.ID, uri})
		}
	}
	return pairs
}

// Free are the clients of which no redirect URIs are known, so that any passes.
func (s Site) Free() []string {
	var ids []string
	for _, c := range s.Clients {
		if c.RedirectURIs == nil {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Optional are the clients that may leave redirect_uri out: they have exactly one, or nothing is known about it.
func (s Site) Optional() []string {
	var ids []string
	for _, c := range s.Clients {
		if c.RedirectURIs == nil || len(c.RedirectURIs) == 1 {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// AuthorizeNames and TokenNames are the parameters of the standards that must not be repeated, for peers that must be told each.
func (Site) AuthorizeNames() []string {
	return []string{"client_id", "redirect_uri", "response_type", "scope", "state", "response_mode", "nonce", "prompt", "display", "max_age", "ui_locales",
		"id_token_hint", "login_hint", "acr_values", "code_challenge", "code_challenge_method", "request", "request_uri", "claims"}
}

// TokenNames are those of the token endpoint.
func (Site) TokenNames() []string {
	return []string{"grant_type", "code", "redirect_uri", "client_id", "client_secret", "refresh_token", "username", "password", "scope", "code_verifier",
		"client_assertion", "client_assertion_type", "assertion"}
}
