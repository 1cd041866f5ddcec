package upstream

import (
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// OIDCProvider is oidc-provider, which is strict, with everything on that its clients in these tests use.
func OIDCProvider() Kind {
	version, err := npmVersion("oidc-provider")
	return Kind{
		Name: "oidc-provider", Title: title("oidc-provider", version, err, "Node.js"), OpenID: true,
		Paths: Paths{
			Authorize: "/auth", Token: "/token", Resource: "/me", DeviceAuthorization: "/device/auth",
			Introspection: "/token/introspection", Revocation: "/token/revocation", PushedAuthorizationRequest: "/request",
		},
		Offers: []string{Code, Refresh, ClientCredentials, Device, Introspection, Revocation},
		Scopes: []string{"openid", "profile", "read"},
		start:  node("oidc-provider.mjs"),
	}
}

// OAuth2Server is oauth2-server, which is old and does not do more than its two grants with a user, refresh and client credentials.
func OAuth2Server() Kind {
	version, err := npmVersion("oauth2-server")
	return Kind{
		Name: "oauth2-server", Title: title("oauth2-server", version, err, "Node.js"),
		Paths: Paths{
			Authorize: "/oauth/authorize", Token: "/oauth/token", Resource: "/profile", DeviceAuthorization: "/oauth/device",
			Introspection: "/oauth/introspect", Revocation: "/oauth/revoke", PushedAuthorizationRequest: "/oauth/par",
		},
		Offers: []string{Code, Refresh, ClientCredentials, Password},
		Scopes: []string{"read", "write"},
		start:  node("oauth2-server.mjs"),
	}
}

// node starts a program of this folder with Node.js.
func node(name string) func(Config) (*Server, error) {
	return func(config Config) (*Server, error) {
		folder, err := packages.Folder()
		if err != nil {
			return nil, err
		}
		interpreter, err := packages.Node()
		if err != nil {
			return nil, err
		}
		return program{
			command:   []string{interpreter, name},
			directory: filepath.Join(folder, "upstream"),
			install:   "its packages are in e2e/package.json",
		}.run(config)
	}
}
