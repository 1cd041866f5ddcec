package validators

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// making is a directory that makes each client in the room that it is lent, as one of many clients does.
type making struct{ rule.Directory }

func (d making) FindIn(id string, room *rule.Room) (*rule.Client, rule.Standing) {
	known, standing := d.Find(id)
	if standing != rule.Known {
		return nil, standing
	}
	client := room.Client(known)
	client.ID, client.Name, client.Keys = known.ID, known.Name, known.Keys
	client.RedirectURIs, client.PostLogoutRedirectURIs, client.RequestURIs = known.RedirectURIs, known.PostLogoutRedirectURIs, known.RequestURIs
	return client, standing
}

// TestVerdictsWithRoom decides about every vector with a directory that makes clients in room, in memory that was used for everything before, and with one that has them. The verdicts are the
// same.
func TestVerdictsWithRoom(t *testing.T) {
	directory := testDirectory(t, "")
	engines, c := enginePairs(t), new(rule.Case)
	found, made := 0, make(map[*rule.Client]bool)
	for i, request := range requestsOfVectors(t) {
		for j := range engines {
			engine := engines[j].due
			got := engine.Decide(c, &request, engine.Route(request.Path), making{directory})
			if got.Client != nil {
				found++
				made[got.Client] = true
			}
			if got, want := comparable(got), comparable(decide(engine, request, directory)); got != want {
				t.Errorf("%s: %s %s?%s %q %q (-without +with room):\n%s", engines[j].name, request.Method, request.Path, request.Query, request.Body, request.Header, cmp.Diff(want, got))
			}
			// The same at another endpoint, in turn.
			request.Path = strings.TrimSuffix(testEndpoints[rule.AllEndpoints()[(i+j)%len(testEndpoints)]][0], "*")
		}
	}
	if found < 1000 || len(made) > 10 {
		t.Errorf("%d verdicts name a client, in %d rooms", found, len(made))
	}
}
