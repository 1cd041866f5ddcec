package clients

import (
	"math/rand/v2"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// BenchmarkCold looks up 131,072 of a million clients in random order, which the caches of a processor do not hold: in a directory that is lent room, as a decision lends it, in one that
// is lent none, in its index alone, and in the Go map of pointers that would be simplest. How long memory takes differs between machines and moments, so only the ratios say something.
func BenchmarkCold(b *testing.B) {
	const count, drawn = 1_000_000, 1 << 17
	snapshot := manyClients(count)
	directory := directoryOf(b, snapshot)
	pointers := make(map[string]*rule.Client, count)
	for i := range snapshot.Clients {
		client := snapshot.Clients[i].Client
		pointers[client.ID] = &client
	}
	var room rule.Room
	ids := make([]string, drawn)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range ids {
		ids[i] = manyID(random.IntN(count))
	}
	for _, of := range []struct {
		name string
		find func(id string) bool
	}{
		{"directory", func(id string) bool {
			client, _ := directory.FindIn(id, &room)
			return client != nil && len(client.RedirectURIs) == 1
		}},
		{"without room", func(id string) bool {
			client, _ := directory.Find(id)
			return client != nil && len(client.RedirectURIs) == 1
		}},
		{"index", func(id string) bool { _, known := directory.ids.find(directory.text, id); return known }},
		{"map", func(id string) bool { client := pointers[id]; return client != nil && len(client.RedirectURIs) == 1 }},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !of.find(ids[i%drawn]) {
					b.Fatal("not found")
				}
			}
		})
	}
}
