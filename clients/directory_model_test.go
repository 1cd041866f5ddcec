package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// model is a directory in plain maps.
type model struct {
	snapshot *Snapshot
	clients  map[string]*rule.Client
	claims   map[string]map[string]bool
	names    map[string]bool
	origins  map[string]bool
}

func modelOf(snapshot *Snapshot) (*model, error) {
	m := &model{snapshot, map[string]*rule.Client{}, map[string]map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for i := range snapshot.Clients {
		client := &snapshot.Clients[i]
		if client.ID == "" || m.clients[client.ID] != nil {
			return nil, errors.New("no ID, or not its own")
		}
		m.clients[client.ID] = &client.Client
		for _, uri := range client.RedirectURIs {
			m.origins[redirecturi.Origin(uri.URI)] = true
		}
		for _, alias := range client.Aliases {
			if m.claims[alias] == nil {
				m.claims[alias] = map[string]bool{}
			}
			m.claims[alias][client.ID] = true
		}
		for _, name := range slices.Concat([]string{client.ID, client.Name}, client.Aliases, client.ServiceNames) {
			m.names[string(fold(nil, []byte(name)))] = true
		}
	}
	delete(m.claims, "")
	delete(m.names, "")
	delete(m.origins, "")
	return m, nil
}

func (m *model) find(id string) (*rule.Client, rule.Standing) {
	if client := m.clients[id]; client != nil {
		return client, rule.Known
	}
	if len(m.claims[id]) == 1 {
		for owner := range m.claims[id] {
			return m.clients[owner], rule.Known
		}
	}
	if len(m.claims[id]) > 1 || m.snapshot.Partial || len(m.clients) == 0 {
		return nil, rule.Unjudged
	}
	return nil, rule.Absent
}

// words are few, so that clients often have the same, and of lengths at which records are stored in another way.
var words = []string{"a", "b", "A", "c c", "\u017f", "k", "\u212A", "\xff", "hub", strings.Repeat("x", 126), strings.Repeat("x", 127), strings.Repeat("y", 128), strings.Repeat("z", 400)}

func drawClient(t *rapid.T) Registration {
	word := rapid.SampledFrom(append(words, ""))
	list := rapid.Custom(func(t *rapid.T) []string {
		if rapid.Bool().Draw(t, "unknown") {
			return nil
		}
		return rapid.SliceOfN(word, 0, 3).Draw(t, "list")
	})
	client := rule.Client{
		ID: rapid.OneOf(word, rapid.StringN(1, 3, -1)).Draw(t, "ID"), Name: word.Draw(t, "name"),
		ResponseTypes: list.Draw(t, "response types"), GrantTypes: list.Draw(t, "grant types"), Scopes: list.Draw(t, "scopes"), Exempt: list.Draw(t, "exempt"),
		PostLogoutRedirectURIs: list.Draw(t, "after logout"), RequestURIs: list.Draw(t, "request URIs"),
		AuthMethod: word.Draw(t, "method"), Delivery: word.Draw(t, "delivery"), RequestObjectAlgorithm: word.Draw(t, "algorithm"),
		Trust: rapid.SampledFrom([]rule.Trust{rule.TrustUnknown, rule.Trusted, rule.Untrusted}).Draw(t, "trust"), Operator: rapid.Bool().Draw(t, "operator"),
		SignedRequests: rapid.Bool().Draw(t, "signed"), PushedRequests: rapid.Bool().Draw(t, "pushed"), DPoPBound: rapid.Bool().Draw(t, "DPoP"), CertificateBound: rapid.Bool().Draw(t, "bound"),
	}
	if rapid.Bool().Draw(t, "has keys") {
		client.Keys = json.RawMessage(word.Draw(t, "keys"))
	}
	if rapid.Bool().Draw(t, "has redirect URIs") {
		client.RedirectURIs = []redirecturi.Registered{}
		for range rapid.IntRange(0, 3).Draw(t, "redirect URIs") {
			uri := rapid.SampledFrom([]string{"https://app.example/cb", "https://APP.example:443/", "http://app.example", "app:cb", "", "https://app.example/" + strings.Repeat("x", 150)}).Draw(t, "redirect URI")
			client.RedirectURIs = append(client.RedirectURIs, redirecturi.Registered{URI: uri, Plausible: rapid.Bool().Draw(t, "plausible")})
		}
	}
	return Registration{Client: client, Aliases: list.Draw(t, "aliases"), ServiceNames: list.Draw(t, "service names")}
}

// TestDirectoryIsTheModel compares the directory with plain maps, for clients that share IDs, aliases, names, lists of URIs and everything else.
func TestDirectoryIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := &Snapshot{Services: true, Partial: rapid.Bool().Draw(t, "partial"), Clients: rapid.SliceOfN(rapid.Custom(drawClient), 0, 8).Draw(t, "clients")}
		if rapid.Bool().Draw(t, "own IDs") {
			for i := range snapshot.Clients {
				snapshot.Clients[i].ID += fmt.Sprint(i)
			}
		}
		want, wantErr := modelOf(snapshot)
		directory, err := NewDirectory(snapshot)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("got %v, want %v", err, wantErr)
		}
		if err != nil {
			return
		}
		large := keepingNone(directory)
		var room rule.Room
		asked := slices.Clone(words)
		for i := range snapshot.Clients {
			asked = append(asked, snapshot.Clients[i].ID, snapshot.Clients[i].ID+"x")
		}
		for _, id := range slices.Concat(asked, asked) {
			client, standing := directory.Find(id)
			if wanted, wantedStanding := want.find(id); standing != wantedStanding || !cmp.Equal(client, wanted) {
				t.Fatalf("%q is %v and\n%+v, want %v and\n%+v", id, standing, client, wantedStanding, wanted)
			}
			if lent, lentStanding := large.FindIn(id, &room); lentStanding != standing || !cmp.Equal(lent, client) {
				t.Fatalf("in room %q is %v and\n%+v, want %v and\n%+v", id, lentStanding, lent, standing, client)
			}
			if known, _ := directory.Service(id); known != want.names[string(fold(nil, []byte(id)))] {
				t.Fatalf("service %q: %v", id, known)
			}
		}
		for _, origin := range []string{"https://app.example", "http://app.example", "https://APP.example:443", ""} {
			if got := directory.RegisteredOrigin(origin); got != want.origins[origin] {
				t.Fatalf("origin %q: %v", origin, got)
			}
		}
		var all []rule.Client
		for client := range directory.All() {
			all = append(all, *client)
		}
		if directory.Len() != len(snapshot.Clients) || len(all) != len(snapshot.Clients) {
			t.Fatalf("%d and %d clients of %d", directory.Len(), len(all), len(snapshot.Clients))
		}
		for i := range all {
			if !cmp.Equal(all[i], snapshot.Clients[i].Client) {
				t.Fatalf("client %d is\n%+v, want\n%+v", i, all[i], snapshot.Clients[i].Client)
			}
		}
	})
}

// A member that is new in the client must be written into the record or be compared as one of its terms; else clients would get that of another one.
func TestDirectoryKeepsEveryMember(t *testing.T) {
	for field := range reflect.TypeFor[rule.Client]().Fields() {
		snapshot := &Snapshot{Clients: registered("plain", "special", "plain too")}
		var value any
		switch reflect.Zero(field.Type).Interface().(type) {
		case string:
			value = "special"
		case bool:
			value = true
		case rule.Trust:
			value = rule.Untrusted
		case []string:
			value = []string{"special", "and more"}
		case []redirecturi.Registered:
			value = []redirecturi.Registered{{URI: "https://special.example"}, {URI: "https://special.example/guess", Plausible: true}}
		case json.RawMessage:
			value = json.RawMessage(`{"keys":[]}`)
		default:
			t.Fatalf("give a value for %s here", field.Name)
		}
		reflect.ValueOf(&snapshot.Clients[1].Client).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(value))
		directory := directoryOf(t, snapshot)
		for i := range snapshot.Clients {
			want := &snapshot.Clients[i].Client
			if got, _ := directory.Find(want.ID); !cmp.Equal(got, want) {
				t.Errorf("%s: got %+v, want %+v", field.Name, got, want)
			}
		}
	}
}
