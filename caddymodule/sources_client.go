package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// unmarshalClient parses the block of one client.
func unmarshalClient(client *clients.Client, d *caddyfile.Dispenser) error {
	seen := make(map[string]bool)
	lists := map[string]*[]string{
		"redirect_uris": &client.RedirectURIs, "response_types": &client.ResponseTypes, "grant_types": &client.GrantTypes, "exempt": &client.Exempt,
	}
	words := map[string]*string{
		"client_name": &client.ClientName, "token_endpoint_auth_method": &client.TokenEndpointAuthMethod, "delivery": &client.Delivery,
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
