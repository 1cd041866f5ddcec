package matrix_test

import (
	"fmt"
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/upstream"
)

// stepRule says what a step of a flow needs.
type stepRule struct {
	name string
	// offer is what the server must have.
	offer string
	// after is the step that must have succeeded, if any.
	after string
}

// The names of steps that several tables know.
const (
	afterRefresh    = "bearer after refresh"
	afterRevocation = "bearer after revocation"
)

// stepRules are the steps of each flow. Where the library has no API for one, it is left out.
var stepRules = map[string][]stepRule{
	clients.Code: {
		{"code", upstream.Code, ""},
		{"bearer", upstream.Code, "code"},
		{"refresh", upstream.Refresh, "code"},
		{afterRefresh, upstream.Refresh, "refresh"},
		{"introspection", upstream.Introspection, "code"},
		{"revocation", upstream.Revocation, "code"},
		{afterRevocation, upstream.Code, "code"},
	},
	clients.ClientCredentials: {{"token", upstream.ClientCredentials, ""}, {"bearer", upstream.ClientCredentials, "token"}},
	clients.Password:          {{"token", upstream.Password, ""}, {"bearer", upstream.Password, "token"}},
	clients.Implicit:          {{"token", upstream.Implicit, ""}, {"bearer", upstream.Implicit, "token"}},
	clients.Device: {
		{"device authorization", upstream.Device, ""},
		{"device token", upstream.Device, "device authorization"},
		{"bearer", upstream.Device, "device token"},
	},
}

// left are the steps for which a library has no API.
var left = map[string][]string{
	"golang.org/x/oauth2": {"introspection", "revocation", afterRevocation},
	"requests-oauthlib":   {"introspection"},
	"oidc-client-ts":      {"introspection"},
}

// exception is a step that fails although the server offers what it needs, or that succeeds although it should not. Empty fields stand for everything.
type exception struct {
	kind, library string
	styles        []string
	flow, step    string
	reason        string
}

// matches says whether the exception is about a step of a cell.
func (e exception) matches(c cell, step string) bool {
	return (e.kind == "" || e.kind == c.kind.Name) && (e.library == "" || e.library == c.library) && (e.styles == nil || slices.Contains(e.styles, c.style.Name)) &&
		(e.flow == "" || e.flow == c.flow) && e.step == step
}

// openID says whether the library knows OpenID Connect, and the server too.
func (c cell) openID() bool {
	return c.kind.OpenID && slices.Contains([]string{"openid-client", "oauth4webapi", "oidc-client-ts"}, c.library)
}

// want says for each step of a cell whether it must succeed.
func (c cell) want() (names []string, works map[string]bool, used []int) {
	works = map[string]bool{}
	for _, rule := range stepRules[c.flow] {
		if slices.Contains(left[c.library], rule.name) {
			continue
		}
		names = append(names, rule.name)
		work := c.kind.Offer(rule.offer)
		if rule.name == afterRevocation {
			work = !c.kind.Offer(upstream.Revocation)
		}
		if possible := rule.after == "" || works[rule.after]; !possible {
			continue
		}
		for i, e := range exceptions {
			if e.matches(c, rule.name) {
				work = !work
				used = append(used, i)
				break
			}
		}
		works[rule.name] = work
	}
	return names, works, used
}

// unexpected returns where the steps are not those that the server and the library promise.
func (c cell) unexpected(steps []clients.Step) []string {
	names, works, _ := c.want()
	var problems, got []string
	for _, step := range steps {
		got = append(got, step.Name)
		if success := step.Failure() == ""; success != works[step.Name] {
			problems = append(problems, fmt.Sprintf("success is %t: %s", success, step))
		}
		problems = append(problems, c.implausible(step)...)
	}
	if !slices.Equal(names, got) {
		problems = append(problems, fmt.Sprintf("the steps are %q, want %q", got, names))
	}
	return problems
}

// implausible returns what a step that succeeded lacks.
func (c cell) implausible(step clients.Step) []string {
	if step.Failure() != "" {
		return nil
	}
	var problems []string
	wrong := func(name string, got, want any) {
		if got != want {
			problems = append(problems, fmt.Sprintf("%s is %v, want %v: %s", name, got, want, step))
		}
	}
	switch step.Name {
	case "code", "token", "refresh", "device token":
		if c.style.Name == "dpop" && c.kind.OpenID {
			wrong("token_type", step.Result["token_type"], "dpop")
		}
		if c.openID() && c.flow != clients.ClientCredentials {
			claims, _ := step.Result["id_token"].(map[string]any)
			wrong("sub", claims["sub"], account.Login)
		}
		user := c.flow != clients.ClientCredentials && c.flow != clients.Implicit
		wrong("refresh_token", step.Result["refresh_token"], user && c.kind.Offer(upstream.Refresh))
	case "bearer", afterRefresh, afterRevocation:
		if c.flow != clients.ClientCredentials {
			wrong("sub", step.Result["sub"], account.Login)
		}
	case "introspection":
		wrong("active", step.Result["active"], true)
		wrong("client_id", step.Result["client_id"], registered[c.style.Method].ID)
	}
	return problems
}
