package clients

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// versions is a source that delivers the same clients each time, but with the number of the load in every member.
type versions struct {
	clients int
	loads   atomic.Int64
}

func (v *versions) Load(context.Context) (*Snapshot, error) {
	number := fmt.Sprint(v.loads.Add(1))
	snapshot := new(Snapshot)
	for i := range v.clients {
		id := strconv.Itoa(i)
		snapshot.Clients = append(snapshot.Clients, Registration{Aliases: []string{"alias-" + id}, Client: rule.Client{
			ID: id, Name: number, AuthMethod: number, GrantTypes: []string{number}, RequestURIs: []string{number, id},
			RedirectURIs: []redirecturi.Registered{{URI: "https://" + number + ".example/" + id}},
		}})
	}
	return snapshot, nil
}

// versionOf is the load that a client comes from, or an error if it is not all of one, or another client.
func versionOf(client *rule.Client, id string) (string, error) {
	number := client.Name
	if client.ID != id || client.AuthMethod != number || client.GrantTypes[0] != number || client.RequestURIs[0] != number || client.RequestURIs[1] != id ||
		client.RedirectURIs[0].URI != "https://"+number+".example/"+id {
		return "", fmt.Errorf("client %s is mixed up: %+v", id, *client)
	}
	return number, nil
}

// TestSwap reads while directories are swapped. All that is read through one directory is of one load, and stays what it is for whoever keeps it. There are more
// clients than are kept as rules read them.
func TestSwap(t *testing.T) {
	source := &versions{clients: 2 * maxKept}
	feed := NewFeed("versions", source, 0)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain := NewChain(feed)
	var done atomic.Bool
	var readers sync.WaitGroup
	for reader := range 4 {
		readers.Go(func() {
			type kept struct {
				client     *rule.Client
				id, number string
			}
			var keep []kept
			for round := 0; !done.Load(); round++ {
				directory, first := chain.Directory(), ""
				for i := range 50 {
					id := strconv.Itoa((round*131 + i*reader) % source.clients)
					asked := id
					if i%2 == 1 {
						asked = "alias-" + id
					}
					client, standing := directory.Find(asked)
					if standing != rule.Known {
						t.Errorf("%s is %v", asked, standing)
						return
					}
					number, err := versionOf(client, id)
					if err != nil || first != "" && number != first {
						t.Errorf("load %s in the directory of load %s: %v", number, first, err)
						return
					}
					first = number
					keep = append(keep, kept{client, id, number})
				}
				for _, k := range keep {
					if number, err := versionOf(k.client, k.id); err != nil || number != k.number {
						t.Errorf("client %s has become one of load %s: %v", k.id, number, err)
						return
					}
				}
				if len(keep) > 1000 {
					keep = keep[500:]
				}
			}
		})
	}
	for range 12 {
		if err := feed.Load(t.Context()); err != nil {
			t.Error(err)
		}
		runtime.GC()
	}
	done.Store(true)
	readers.Wait()
}

// TestMemory builds what the garbage collector need not walk: a few objects, however many clients there are.
func TestMemory(t *testing.T) {
	const count = 100_000
	snapshot := manyClientsAt(count, count)
	heap := func() (bytes, objects int64) {
		runtime.GC()
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return int64(memory.HeapAlloc), int64(memory.HeapObjects)
	}
	bytes, objects := heap()
	directory := directoryOf(t, snapshot)
	bytesAfter, objectsAfter := heap()
	if each := (bytesAfter - bytes) / count; each > 200 {
		t.Errorf("%d bytes per client", each)
	}
	if more := objectsAfter - objects; more > 1000 {
		t.Errorf("%d objects", more)
	}
	runtime.KeepAlive(snapshot)
	runtime.KeepAlive(directory)
}
