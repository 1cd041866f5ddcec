package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
)

// unmarshalClient parses the block of one client.
func unmarshalClient(client *clients.Client, d *caddyfile.Dispenser) error {
	seen := make(map[string]bool)
	lists := map[string]*[]string{
		"redirect_uris": &client.RedirectURIs, "response_types": &client.ResponseTypes, "grant_types": &client.GrantTypes, "exempt": &client.Exempt,
		"post_logout_redirect_uris": &client.PostLogoutRedirectURIs, "request_uris": &client.RequestURIs,
	}
	words := map[string]*string{
		"client_name": &client.ClientName, "token_endpoint_auth_method": &client.TokenEndpointAuthMethod, "delivery": &client.Delivery,
		"request_object_signing_alg": &client.RequestObjectSigningAlg,
	}
	flags := map[string]*bool{
		"require_signed_request_object": &client.RequireSignedRequestObject, "require_pushed_authorization_requests": &client.RequirePushedAuthorizationRequests,
		"dpop_bound_access_tokens": &client.DPoPBoundAccessTokens, "tls_client_certificate_bound_access_tokens": &client.TLSClientCertificateBoundAccessTokens,
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] {
			return d.Errf("oauth_guard: %s of client %s is already set: write all values in one line", name, client.ClientID)
		}
		seen[name] = true
		switch {
		case lists[name] != nil:
			*lists[name] = append([]string{}, d.RemainingArgs()...)
			if name == "exempt" {
				if err := validators.CheckExemptions(client.Exempt); err != nil {
					return d.Errf("oauth_guard: exempt of client %s: %w", client.ClientID, err)
				}
			}
		case words[name] != nil:
			if !d.AllArgs(words[name]) {
				return d.ArgErr()
			}
		case name == "scope":
			scopes := d.RemainingArgs()
			if len(scopes) == 0 {
				return d.ArgErr()
			}
			client.Scope = strings.Join(scopes, " ")
		case flags[name] != nil:
			if d.NextArg() {
				return d.ArgErr()
			}
			*flags[name] = true
		case name == "jwks":
			if err := unmarshalKeys(client, d); err != nil {
				return err
			}
		case name == "trusted":
			if d.NextArg() {
				return d.ArgErr()
			}
			trusted := true
			client.Trusted = &trusted
		default:
			return d.Errf("oauth_guard: unrecognized option %s of client %s", name, client.ClientID)
		}
	}
	return nil
}

// unmarshalKeys parses the file with the keys of a client. It is read now, so that the JSON configuration holds the keys.
func unmarshalKeys(client *clients.Client, d *caddyfile.Dispenser) error {
	var name string
	if !d.AllArgs(&name) {
		return d.ArgErr()
	}
	text, err := readKeys(name)
	if err == nil {
		err = jwt.CheckKeys(string(text))
	}
	if err != nil {
		return d.Errf("oauth_guard: jwks of client %s: %s: %w", client.ClientID, name, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return d.Errf("oauth_guard: jwks of client %s: %s: %w", client.ClientID, name, err)
	}
	client.JWKS = compact.Bytes()
	return nil
}

// maxKeysFile bounds what is read of a file with keys, in bytes.
const maxKeysFile = 64 << 10

func readKeys(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer file.Close()
	// One byte more is too large, which the check says.
	text, err := io.ReadAll(io.LimitReader(file, maxKeysFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return text, nil
}
