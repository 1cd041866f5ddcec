package caddymodule

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// expectation is what a configuration says about a server that also says something about itself (RFC 8414, OpenID Connect Discovery). The configuration counts; a difference
// is worth a look.
type expectation struct {
	endpoints map[rule.Endpoint][]string
	issuer    string
}

// drift lists the differences.
func (e expectation) drift(m *clients.Metadata) []string {
	var differences []string
	for _, endpoint := range []struct {
		kind    rule.Endpoint
		address string
	}{{rule.Authorize, m.AuthorizationEndpoint}, {rule.Token, m.TokenEndpoint}, {rule.Userinfo, m.UserinfoEndpoint}} {
		address, err := url.Parse(endpoint.address)
		if endpoint.address == "" || err != nil {
			continue
		}
		// A part of the path may be stripped before the guard, so only the end has to fit.
		guarded := slices.ContainsFunc(e.endpoints[endpoint.kind], func(path string) bool { return strings.HasSuffix(address.EscapedPath(), path) })
		if !guarded {
			differences = append(differences, fmt.Sprintf("its %s endpoint is %s, and the guard has it at %s", endpoint.kind, address.EscapedPath(), pathsOf(e.endpoints[endpoint.kind])))
		}
	}
	supported := m.AuthorizationResponseIssParameterSupported
	switch {
	case e.issuer != "" && e.issuer != m.Issuer:
		differences = append(differences, fmt.Sprintf("its issuer is %q, and errors issuer is %q", m.Issuer, e.issuer))
	case e.issuer != "" && supported != nil && !*supported:
		differences = append(differences, "it sends no iss, and errors issuer lets the guard send one")
	}
	return differences
}

// pathsOf lists paths for people.
func pathsOf(paths []string) string {
	if len(paths) == 0 {
		return "no path"
	}
	return strings.Join(paths, " ")
}

// issuerOf is the issuer that a server sends as iss with its answers (RFC 9207 section 2); empty if it does not say that it does.
func issuerOf(m *clients.Metadata) string {
	if m == nil || m.AuthorizationResponseIssParameterSupported == nil || !*m.AuthorizationResponseIssParameterSupported {
		return ""
	}
	return m.Issuer
}

// expect notes what a guard says about the server of a source.
func (a *App) expect(pooled *pooledFeed, e expectation) {
	if a.expectations == nil {
		a.expectations = make(map[string][]expectation)
	}
	label := a.labels[pooled]
	a.expectations[label] = append(a.expectations[label], e)
}

// compare logs where a server's description of itself differs from the configuration, and why it is not believed.
func (a *App) compare(label string, state clients.State) {
	source := zap.String("source", label)
	if state.MetadataError != "" {
		a.logger.Info("what the server says about itself cannot be read, or is not believed", source, zap.String("error", state.MetadataError))
		return
	}
	if state.Metadata == nil {
		return
	}
	for _, e := range a.expectations[label] {
		if differences := e.drift(state.Metadata); len(differences) > 0 {
			a.logger.Warn("the server describes itself in another way than the configuration of the guard; the configuration counts",
				source, zap.String("metadata", state.Metadata.Location), zap.Strings("differences", differences))
		}
	}
}
