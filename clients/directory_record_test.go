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
	for i := range 100 {
		shapes = append(shapes, rule.Client{RedirectURIs: []redirecturi.Registered{{URI: fmt.Sprint("https://app.example/", i)}}})
	}
	snapshot := &Snapshot{}
	for i, shape := range shapes {
		// The first one has the list in its record, the others refer to it.
		for j := range 3 {
			client := shape
			client.ID, client.Delivery = fmt.Sprint(i, "-", j), fmt.Sprint(i, j)
			snapshot.Clients = append(snapshot.Clients, Registration{Client: client})

			alone, err := NewDirectory(&Snapshot{Clients: []Registration{{Client: client}}})
			if err != nil {
				t.Fatal(err)
			}
			compareClients(t, alone, &client)
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
		compareClients(t, all, &snapshot.Clients[i].Client)
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

func compareClients(t *testing.T, directory *Directory, want *rule.Client) {
	t.Helper()
	got, standing := directory.Find(want.ID)
	if diff := cmp.Diff(want, got); standing != rule.Known || diff != "" {
		t.Errorf("%v: %s", standing, diff)
	}
}
