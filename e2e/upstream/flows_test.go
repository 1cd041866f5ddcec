package upstream_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// flow tries what a server may offer, with each of its clients.
type flow struct {
	name    string
	clients []upstream.Client
	run     func(s *upstream.Session, client upstream.Client) error
}

// confidential are clients with a secret.
var confidential = []upstream.Client{basic, posting}

// flows are one for each word of [upstream.Kind.Offers].
var flows = []flow{
	{upstream.Code, slices.Concat(confidential, []upstream.Client{public}), func(s *upstream.Session, client upstream.Client) error {
		token, err := codeGrant(s, client, redirectURI)
		return open(s, token, err)
	}},
	{upstream.Refresh, slices.Concat(confidential, []upstream.Client{public}), refresh},
	{upstream.ClientCredentials, slices.Concat(confidential, []upstream.Client{machine}), clientCredentials},
	{upstream.Password, confidential, passwordGrant},
	{upstream.Implicit, confidential, implicit},
	{upstream.Device, confidential, func(s *upstream.Session, client upstream.Client) error {
		token, err := s.Device(client, scope(s))
		return open(s, token, err)
	}},
	{upstream.Introspection, confidential, introspection},
	{upstream.Revocation, confidential, revocation},
}

// scope is what a typical client asks for.
func scope(s *upstream.Session) string { return strings.Join(s.Kind.Scopes, " ") }

// accessToken is that of a token response.
func accessToken(token map[string]any) string {
	text, _ := token["access_token"].(string)
	return text
}

// open expects that a token opens the resource of the user.
func open(s *upstream.Session, token map[string]any, err error) error {
	if err != nil {
		return err
	}
	owner, err := s.Resource(accessToken(token))
	if err == nil && owner["sub"] != s.User.Login {
		err = fmt.Errorf("the resource says %v", owner)
	}
	return err
}

// codeGrant is the code flow with PKCE.
func codeGrant(s *upstream.Session, client upstream.Client, redirectURI string) (map[string]any, error) {
	verifier := oauth2.GenerateVerifier()
	code, err := s.Code(client, redirectURI, scope(s), oauth2.S256ChallengeFromVerifier(verifier))
	if err != nil {
		return nil, err
	}
	return s.Redeem(code, client, redirectURI, verifier)
}

func refresh(s *upstream.Session, client upstream.Client) error {
	token, err := codeGrant(s, client, redirectURI)
	if err != nil {
		return err
	}
	old, _ := token["refresh_token"].(string)
	fresh, err := s.Token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old}}, client)
	if err == nil && accessToken(fresh) == accessToken(token) {
		err = fmt.Errorf("the token is the old one: %v", fresh)
	}
	return open(s, fresh, err)
}

// clientCredentials expects a token that opens the resource, where no user is known. The resource of an OpenID provider is about a user, so that it stays closed.
func clientCredentials(s *upstream.Session, client upstream.Client) error {
	token, err := s.Token(url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}, client)
	if err != nil {
		return err
	}
	owner, err := s.Resource(accessToken(token))
	if s.Kind.OpenID && refused(err) {
		return nil
	}
	if err == nil && (owner["client_id"] != client.ID || owner["sub"] == s.User.Login) {
		err = fmt.Errorf("the resource says %v", owner)
	}
	return err
}

func passwordGrant(s *upstream.Session, client upstream.Client) error {
	token, err := s.Token(url.Values{
		"grant_type": {"password"}, "username": {s.User.Login}, "password": {s.User.Password}, "scope": {"read"},
	}, client)
	return open(s, token, err)
}

func implicit(s *upstream.Session, client upstream.Client) error {
	answer, err := s.Implicit(client, redirectURI, "read")
	return open(s, map[string]any{"access_token": answer.Get("access_token")}, err)
}

// inspect asks the introspection endpoint about a token.
func inspect(s *upstream.Session, client upstream.Client, token string) (map[string]any, error) {
	return s.Post(s.Kind.Paths.Introspection, url.Values{"token": {token}}, client)
}

func introspection(s *upstream.Session, client upstream.Client) error {
	token, err := codeGrant(s, client, redirectURI)
	if err != nil {
		return err
	}
	good, err := inspect(s, client, accessToken(token))
	if err != nil {
		return err
	}
	bad, err := inspect(s, client, "unknown")
	if err == nil && (good["active"] != true || good["client_id"] != client.ID || bad["active"] != false) {
		err = fmt.Errorf("a good token is %v, a bad one %v", good, bad)
	}
	return err
}

// revocation expects that a revoked token does not open the resource any more.
func revocation(s *upstream.Session, client upstream.Client) error {
	token, err := codeGrant(s, client, redirectURI)
	if err := open(s, token, err); err != nil {
		return err
	}
	if _, err := s.Post(s.Kind.Paths.Revocation, url.Values{"token": {accessToken(token)}}, client); err != nil {
		return err
	}
	if owner, err := s.Resource(accessToken(token)); !refused(err) {
		return fmt.Errorf("the revoked token opens %v, %v", owner, err)
	}
	return nil
}
