package validators

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/authorize"
	"github.com/oauthguard/caddy-oauth-guard/validators/backchannel"
	"github.com/oauthguard/caddy-oauth-guard/validators/bearer"
	"github.com/oauthguard/caddy-oauth-guard/validators/device"
	"github.com/oauthguard/caddy-oauth-guard/validators/dpop"
	"github.com/oauthguard/caddy-oauth-guard/validators/introspection"
	"github.com/oauthguard/caddy-oauth-guard/validators/logout"
	"github.com/oauthguard/caddy-oauth-guard/validators/mtls"
	"github.com/oauthguard/caddy-oauth-guard/validators/registration"
	"github.com/oauthguard/caddy-oauth-guard/validators/requestobject"
	"github.com/oauthguard/caddy-oauth-guard/validators/revocation"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/token"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// byBytes are the rules about bytes, which come first; byMeaning are the rules about what the bytes say.
var (
	byBytes   = slices.Concat(wire.Paths, wire.Methods, wire.Bodies, wire.Parameters)
	byMeaning = slices.Concat(
		// Who pushes a request is asked before what is pushed (RFC 9126 section 2.1).
		token.Parameters, token.Authentication, token.ClientAssertions, mtls.Clients, token.FAPI,
		authorize.Repeats, authorize.Clients, authorize.Pushed,
		requestobject.References, requestobject.Objects, requestobject.Security,
		authorize.RedirectURIs, authorize.Responses, authorize.Parameters, authorize.PKCE, authorize.OpenID,
		token.Grants, token.ExtensionGrants, token.Assertions, device.Rules, backchannel.Rules, token.Scopes, revocation.Rules, introspection.Rules,
		registration.Rules, registration.RedirectURIs, logout.Rules,
		bearer.Rules, bearer.Tokens, dpop.Header, dpop.Claims, dpop.Bindings, mtls.Tokens, bearer.Hub,
		// Signatures take longest.
		token.ClientSignature, requestobject.Signature, dpop.Signature,
	)
	catalogue = slices.Concat(wire.Transport, byBytes, byMeaning)
)

// How many rules of the catalogue need no body, and how many come before the meaning is asked for.
var (
	withoutBody   = len(wire.Transport) + len(wire.Paths) + len(wire.Methods)
	beforeMeaning = len(wire.Transport) + len(byBytes)
)

// unknownClient is the place of the rule about unknown clients of each endpoint that has one.
var unknownClient = func() (places [rule.EndpointCount]int) {
	for i := range catalogue {
		if strings.HasSuffix(catalogue[i].ID, ".client_id.unknown") {
			for _, endpoint := range rule.AllEndpoints() {
				if catalogue[i].Endpoints.Has(endpoint) {
					places[endpoint] = i
				}
			}
		}
	}
	return places
}()

// Catalogue lists every rule in the order of evaluation. The result must not be changed.
func Catalogue() []rule.Rule { return catalogue }

// Lookup returns the rule of that ID.
func Lookup(id string) (*rule.Rule, bool) {
	for i := range catalogue {
		if catalogue[i].ID == id {
			return &catalogue[i], true
		}
	}
	return nil, false
}

// Matching lists the IDs that a pattern matches: an ID, or a glob with *.
func Matching(pattern string) []string {
	var ids []string
	for i := range catalogue {
		if rule.MatchID(pattern, catalogue[i].ID) {
			ids = append(ids, catalogue[i].ID)
		}
	}
	return ids
}

// Stricter lists the rules that a profile enforces and rfc6749 does not: what the profile refuses although RFC 6749 allows it.
func Stricter(profile rule.Profile) []*rule.Rule {
	var rules []*rule.Rule
	for i := range catalogue {
		if r := &catalogue[i]; r.Modes.In(profile) == rule.Enforce && r.Modes.In(rule.RFC6749) != rule.Enforce {
			rules = append(rules, r)
		}
	}
	return rules
}

// Nearest is the ID that is most like a mistyped one.
func Nearest(id string) string {
	best, bestDistance := "", len(id)+1
	for i := range catalogue {
		if d := EditDistance(strings.ToLower(id), catalogue[i].ID); best == "" || d < bestDistance {
			best, bestDistance = catalogue[i].ID, d
		}
	}
	return best
}

// EditDistance counts the edits of single bytes between two texts, such as a mistyped one and what may have been meant.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
