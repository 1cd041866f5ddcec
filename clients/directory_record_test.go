package clients

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestRecordsOfEveryShape makes records on both sides of what makes one plain, each of them also as the last one of its text.
func TestRecordsOfEveryShape(t *testing.T) {
	var shapes []rule.Client
	for _, length := range []int{0, 1, 62, 63, 64, 127, 128} {
		uri := strings.Repeat("u", length)
		for _, plausible := range []bool{false, true} {
			only := []redirecturi.Registered{{URI: uri, Plausible: plausible}}
			shapes = append(shapes,
				rule.Client{RedirectURIs: only},
				rule.Client{RedirectURIs: only, Name: "Name"},
				rule.Client{RedirectURIs: only, Name: strings.Repeat("n", 128)},
				rule.Client{RedirectURIs: only, Keys: []byte(`{"keys":[]}`)},
				rule.Client{RedirectURIs: only, RequestURIs: []string{}},
				rule.Client{RedirectURIs: only, PostLogoutRedirectURIs: []string{uri}},
				rule.Client{RedirectURIs: append(only[:1:1], redirecturi.Registered{URI: "second"})},
			)
		}
	}
	shapes = append(shapes, rule.Client{}, rule.Client{RedirectURIs: []redirecturi.Registered{}})
	// More terms than one byte can number, so that the last records are plain but for that.
	numbered := len(shapes)
	for i := range 100 {
		shapes = append(shapes, rule.Client{RedirectURIs: []redirecturi.Registered{{URI: fmt.Sprint("https://app.example/", i)}}})
	}
	snapshot := &Snapshot{}
	var room rule.Room // always the same, so that each client comes after one of another shape
	for i, shape := range shapes {
		// The first one has the list in its record, the others refer to it.
		for j := range 3 {
			client := shape
			client.ID = fmt.Sprint(i, "-", j)
			if i >= numbered {
				client.Delivery = fmt.Sprint(i, j)
			}
			snapshot.Clients = append(snapshot.Clients, Registration{Client: client})

			alone, err := NewDirectory(&Snapshot{Clients: []Registration{{Client: client}}})
			if err != nil {
				t.Fatal(err)
			}
			compareClients(t, alone, &client, &room)
		}
	}
	all, err := NewDirectory(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.terms) <= 128 {
		t.Errorf("all terms have numbers of one byte: %d", len(all.terms))
	}
	for i := range snapshot.Clients {
		compareClients(t, all, &snapshot.Clients[i].Client, &room)
		compareClients(t, all, &snapshot.Clients[0].Client, &room) // of the same terms, mostly, and without the lists
	}
	listed := 0
	for client := range all.All() {
		if diff := cmp.Diff(&snapshot.Clients[listed].Client, client); diff != "" {
			t.Error(diff)
		}
		listed++
	}
	if listed != len(snapshot.Clients) {
		t.Errorf("%d clients are listed of %d", listed, len(snapshot.Clients))
	}
}

// compareClients looks a client up as it is kept in a small directory, and as it is made in room for a decision in a large one.
func compareClients(t *testing.T, directory *Directory, want *rule.Client, room *rule.Room) {
	t.Helper()
	got, standing := directory.Find(want.ID)
	if diff := cmp.Diff(want, got); standing != rule.Known || diff != "" {
		t.Errorf("%v: %s", standing, diff)
	}
	got, standing = keepingNone(directory).FindIn(want.ID, room)
	if diff := cmp.Diff(want, got); standing != rule.Known || diff != "" {
		t.Errorf("in room, %v: %s", standing, diff)
	}
}

// keepingNone is a directory that does not keep the clients that were found, as if it were large.
func keepingNone(directory *Directory) *Directory {
	large := *directory
	large.kept = nil
	return &large
}
