package caddymodule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Preset names a server whose endpoints are known.
type Preset struct {
	// The server: `space` (JetBrains Space), `keycloak`, `doorkeeper`, `identityserver` or `spring` (Spring Authorization Server).
	Server string `json:"server,omitempty"`
	// Where the server is mounted: `/` if it has the host to itself. For Keycloak it is the path of the realm, such as `/realms/main`.
	Path string `json:"path,omitempty"`
}

// presetPaths are the paths of one kind of endpoint, below the path of the preset.
type presetPaths struct {
	endpoint rule.Endpoint
	paths    []string
}

// presets are the paths that the servers have unless somebody changes them. The order is that of the documentation.
var presets = []struct {
	server, title string
	endpoints     []presetPaths
}{
	{"space", "JetBrains Space", []presetPaths{
		{rule.Authorize, []string{"/oauth/auth"}},
		{rule.Token, []string{"/oauth/token"}},
		{rule.Resource, []string{"/api/http/*"}},
	}},
	// Keycloak takes an authorization request at three paths: two of them open with another page than the login.
	{"keycloak", "Keycloak 17 and later", []presetPaths{
		{rule.Authorize, []string{"/protocol/openid-connect/auth", "/protocol/openid-connect/registrations", "/protocol/openid-connect/forgot-credentials"}},
		{rule.Token, []string{"/protocol/openid-connect/token"}},
		{rule.PAR, []string{"/protocol/openid-connect/ext/par/request"}},
		{rule.Device, []string{"/protocol/openid-connect/auth/device"}},
		{rule.Backchannel, []string{"/protocol/openid-connect/ext/ciba/auth"}},
		{rule.Revocation, []string{"/protocol/openid-connect/revoke"}},
		{rule.Introspection, []string{"/protocol/openid-connect/token/introspect"}},
		{rule.Registration, []string{"/clients-registrations/openid-connect"}},
		{rule.Logout, []string{"/protocol/openid-connect/logout"}},
		{rule.Userinfo, []string{"/protocol/openid-connect/userinfo"}},
	}},
	{"doorkeeper", "Doorkeeper, with its extensions for OpenID Connect and devices", []presetPaths{
		{rule.Authorize, []string{"/oauth/authorize"}},
		{rule.Token, []string{"/oauth/token"}},
		{rule.Device, []string{"/oauth/authorize_device"}},
		{rule.Revocation, []string{"/oauth/revoke"}},
		{rule.Introspection, []string{"/oauth/introspect"}},
		{rule.Userinfo, []string{"/oauth/userinfo"}},
		{rule.Resource, []string{"/oauth/token/info"}},
	}},
	{"identityserver", "Duende IdentityServer and IdentityServer4", []presetPaths{
		{rule.Authorize, []string{"/connect/authorize"}},
		{rule.Token, []string{"/connect/token"}},
		{rule.PAR, []string{"/connect/par"}},
		{rule.Device, []string{"/connect/deviceauthorization"}},
		{rule.Backchannel, []string{"/connect/ciba"}},
		{rule.Revocation, []string{"/connect/revocation"}},
		{rule.Introspection, []string{"/connect/introspect"}},
		{rule.Registration, []string{"/connect/dcr"}},
		{rule.Logout, []string{"/connect/endsession"}},
		{rule.Userinfo, []string{"/connect/userinfo"}},
	}},
	{"spring", "Spring Authorization Server", []presetPaths{
		{rule.Authorize, []string{"/oauth2/authorize"}},
		{rule.Token, []string{"/oauth2/token"}},
		{rule.PAR, []string{"/oauth2/par"}},
		{rule.Device, []string{"/oauth2/device_authorization"}},
		{rule.Revocation, []string{"/oauth2/revoke"}},
		{rule.Introspection, []string{"/oauth2/introspect"}},
		{rule.Registration, []string{"/connect/register", "/oauth2/register"}},
		{rule.Logout, []string{"/connect/logout"}},
		{rule.Userinfo, []string{"/userinfo"}},
	}},
}

// server is the place of the server among the presets.
func (p *Preset) server() (int, error) {
	names := make([]string, len(presets))
	for i := range presets {
		names[i] = presets[i].server
	}
	known := slices.Index(names, p.Server)
	switch {
	case known < 0:
		return known, fmt.Errorf("preset: unknown server %q: use one of %s, or name the paths with endpoint", p.Server, strings.Join(names, ", "))
	case !strings.HasPrefix(p.Path, "/"):
		return known, fmt.Errorf("preset %s: path %q must begin with a slash: write / if the server has the host to itself", p.Server, p.Path)
	}
	return known, nil
}

// endpoints are the paths of the preset. The profile hub speaks the language of JetBrains' servers, which others do not.
func (p *Preset) endpoints(profile rule.Profile) (map[rule.Endpoint][]string, error) {
	known, err := p.server()
	switch {
	case err != nil:
		return nil, err
	case profile == rule.Hub && p.Server != "space":
		return nil, fmt.Errorf("preset %s: the profile hub is for servers of JetBrains: add profile rfc6749, oauth21 or fapi2", p.Server)
	}
	base := strings.TrimSuffix(p.Path, "/")
	endpoints := make(map[rule.Endpoint][]string)
	for _, kind := range presets[known].endpoints {
		for _, path := range kind.paths {
			endpoints[kind.endpoint] = append(endpoints[kind.endpoint], base+path)
		}
	}
	return endpoints, nil
}
