package validators

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/authorize"
	"github.com/oauthguard/caddy-oauth-guard/validators/bearer"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/token"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// byBytes are the rules about bytes, which come first; byMeaning are the rules about what the bytes say.
var (
	byBytes   = slices.Concat(wire.Paths, wire.Methods, wire.Bodies, wire.Parameters)
	byMeaning = slices.Concat(
		authorize.Repeats, authorize.Clients, authorize.RedirectURIs, authorize.Responses, authorize.Parameters, authorize.PKCE, authorize.OpenID,
		token.Parameters, token.Authentication, token.Grants, token.Scopes,
		bearer.Rules, bearer.Hub,
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

// Nearest is the ID that is most like a mistyped one.
func Nearest(id string) string {
	best, bestDistance := "", len(id)+1
	for i := range catalogue {
		if d := distance(strings.ToLower(id), catalogue[i].ID); best == "" || d < bestDistance {
			best, bestDistance = catalogue[i].ID, d
		}
	}
	return best
}

// distance counts the single-character edits between two strings.
func distance(a, b string) int {
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
