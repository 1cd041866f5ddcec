package matrix_test

import "github.com/oauthguard/caddy-oauth-guard/e2e/clients"

// exceptions are the steps whose outcome is not what the server offers, with and without the guard. The first row that is about a step turns its outcome around; every
// row must be needed.
var exceptions = []exception{
	{
		kind: "oidc-provider", flow: clients.ClientCredentials, step: "bearer",
		reason: "the userinfo endpoint is about users, and the token is for none",
	},
	{
		kind: "oidc-provider", library: "golang.org/x/oauth2", styles: []string{"AutoDetect", "InHeader", "InParams"}, step: "device authorization",
		reason: "the library does not authenticate the client there, and the server wants it to",
	},
	{
		kind: "oidc-provider", library: "oidc-client-ts", step: "revocation",
		reason: "the server answers with an empty text, and the library accepts JSON only",
	},
	{
		kind: "osin", styles: []string{"none"}, flow: clients.Code, step: "code",
		reason: "the server wants a secret of every client, be it empty",
	},
	{
		kind: "osin", styles: []string{"none"}, flow: clients.Password, step: "token",
		reason: "the server wants a secret of every client, be it empty",
	},
	{
		kind: "oauth2-server", styles: []string{"none"}, flow: clients.Password, step: "token",
		reason: "the server wants a secret with this grant",
	},
}
