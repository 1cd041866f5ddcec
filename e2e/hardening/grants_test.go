package hardening_test

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// grants are what one server issues. They implement [issuer].
type grants struct {
	t       *testing.T
	session *upstream.Session
	clients []upstream.Client
	// token is an access token, once there is one.
	token string
}

// newGrants lets a user log in at the server without the guard.
func newGrants(t *testing.T, p *place, clients []upstream.Client) *grants {
	t.Helper()
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &grants{t: t, session: upstream.NewSession(p.kind, p.alone.URL(), user, transport), clients: clients}
}

// client finds a client.
func (g *grants) client(id string) upstream.Client {
	g.t.Helper()
	i := slices.IndexFunc(g.clients, func(client upstream.Client) bool { return client.ID == id })
	if i < 0 {
		g.t.Fatalf("no client %s", id)
	}
	return g.clients[i]
}

// code implements [issuer].
func (g *grants) code(clientID, challenge string) string {
	g.t.Helper()
	client := g.client(clientID)
	scope := client.Scope
	if scope == "" {
		scope = strings.Join(g.session.Kind.Scopes, " ")
	}
	code, err := g.session.Code(client, client.RedirectURIs[0], scope, challenge)
	if err != nil {
		g.t.Fatalf("no code: %v", err)
	}
	return code
}

// redeem exchanges a code of the client app.
func (g *grants) redeem(member string) string {
	g.t.Helper()
	client := g.client("app")
	verifier := rand.Text() + rand.Text()
	token, err := g.session.Redeem(g.code(client.ID, challengeOf(verifier)), client, client.RedirectURIs[0], verifier)
	if err != nil {
		g.t.Fatalf("no token: %v", err)
	}
	value, _ := token[member].(string)
	if value == "" {
		g.t.Fatalf("no %s in the token response", member)
	}
	return value
}

// refreshToken implements [issuer]. A refresh token may be used up by a request.
func (g *grants) refreshToken() string { return g.redeem("refresh_token") }

// accessToken implements [issuer].
func (g *grants) accessToken() string {
	g.t.Helper()
	if g.token == "" {
		g.token = g.redeem("access_token")
	}
	return g.token
}
