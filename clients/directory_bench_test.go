package clients

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// manyID is the ID of one of many clients, of 36 bytes.
func manyID(i int) string {
	return fmt.Sprintf("%08x-1f2e-4d3c-8b4a-%012x", uint32(i)*2654435761, i)
}

// manyClients are clients with what a registration usually says, and one redirect URI of 60 bytes each, at a thousand hosts.
func manyClients(count int) *Snapshot { return manyClientsAt(1000, count) }

func manyClientsAt(hosts, count int) *Snapshot {
	snapshot := &Snapshot{Clients: make([]Registration, 0, count)}
	for i := range count {
		snapshot.Clients = append(snapshot.Clients, Registration{Client: rule.Client{
			ID:            manyID(i),
			RedirectURIs:  []redirecturi.Registered{{URI: fmt.Sprintf("https://app-%07d.apps.example.com/login/callback/%08d", i%hosts, i)}},
			ResponseTypes: []string{"code"},
			GrantTypes:    []string{"authorization_code", "refresh_token"},
			AuthMethod:    "client_secret_basic",
			Trust:         rule.Trusted,
		}})
	}
	return snapshot
}

// BenchmarkFind looks up one client again and again, clients in random order, and clients that are not registered, in room as a decision does.
func BenchmarkFind(b *testing.B) {
	for _, count := range []int{10, 10_000, 1_000_000} {
		directory := directoryOf(b, manyClients(count))
		const drawn = 1 << 17
		known, absent := make([]string, drawn), make([]string, drawn)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range drawn {
			known[i], absent[i] = manyID(random.IntN(count)), manyID(count+random.IntN(count))
		}
		for _, kind := range []struct {
			name string
			ids  []string
			want rule.Standing
		}{{"hot", known[:1], rule.Known}, {"cold", known, rule.Known}, {"absent", absent, rule.Absent}} {
			b.Run(fmt.Sprintf("%d/%s", count, kind.name), func(b *testing.B) {
				b.ReportAllocs()
				var room rule.Room
				for i := 0; b.Loop(); i++ {
					if _, standing := directory.FindIn(kind.ids[i%len(kind.ids)], &room); standing != kind.want {
						b.Fatal(standing)
					}
				}
			})
		}
	}
}

// BenchmarkBuild makes directories of a million clients, and reports what one takes, and how long the garbage collector needs with it.
func BenchmarkBuild(b *testing.B) {
	const count = 1_000_000
	for _, hosts := range []int{1000, count} {
		b.Run(fmt.Sprintf("%d/%d hosts", count, hosts), func(b *testing.B) {
			snapshot := manyClientsAt(hosts, count)
			defer runtime.KeepAlive(snapshot)
			before := liveHeap()
			var directory *Directory
			b.ReportAllocs()
			for b.Loop() {
				directory = directoryOf(b, snapshot)
			}
			b.ReportMetric(float64(liveHeap()-before)/count, "B/client")
			runtime.KeepAlive(directory)
		})
	}
}

// BenchmarkCollection collects garbage with a million clients in memory. The pauses are those of the whole process.
func BenchmarkCollection(b *testing.B) {
	for _, count := range []int{10, 1_000_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			directory := directoryOf(b, manyClients(count))
			for i := range min(count, 2*maxKept) {
				directory.Find(manyID(i))
			}
			runtime.GC()
			var before, after debug.GCStats
			debug.ReadGCStats(&before)
			for b.Loop() {
				runtime.GC()
			}
			debug.ReadGCStats(&after)
			b.ReportMetric(float64((after.PauseTotal-before.PauseTotal)/time.Nanosecond)/float64(b.N), "pause-ns/op")
			runtime.KeepAlive(directory)
		})
	}
}

// liveHeap is what is in use after a collection, in bytes.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

func BenchmarkService(b *testing.B) {
	snapshot, err := parse([]byte(servicesPage))
	if err != nil {
		b.Fatal(err)
	}
	directory := directoryOf(b, snapshot)
	b.ReportAllocs()
	for b.Loop() {
		if known, _ := directory.Service("YouTrack%20Slack%20Integration"); !known {
			b.Fatal("not found")
		}
	}
}
