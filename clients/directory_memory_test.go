package clients

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// largeVersion are so many clients that their memory is worth to be used again. All members hold the version.
func largeVersion(version int) *Snapshot {
	snapshot := new(Snapshot)
	for i := range 12_000 {
		name := fmt.Sprintf("version %06d", version)
		snapshot.Clients = append(snapshot.Clients, Registration{Client: rule.Client{
			ID: largeID(i), Name: name, RedirectURIs: []redirecturi.Registered{{URI: fmt.Sprintf("https://%06d.example/%s/%06d", version, strings.Repeat("x", 30), i)}},
		}})
	}
	return snapshot
}

// largeID is the ID of one of the clients of a largeVersion.
func largeID(i int) string { return fmt.Sprintf("client-%06d", i%12_000) }

// ofOneVersion reports what of a client is not that of the same version.
func ofOneVersion(client *rule.Client, id string) error {
	version, found := strings.CutPrefix(client.Name, "version ")
	if !found || client.ID != id || !strings.HasPrefix(client.RedirectURIs[0].URI, "https://"+version+".example/") || !strings.HasSuffix(client.RedirectURIs[0].URI, strings.TrimPrefix(id, "client-")) {
		return fmt.Errorf("client %s is mixed up: %+v", id, *client)
	}
	return nil
}

func blockOf(d *Directory) *byte { return unsafe.StringData(d.text) }

// TestMemoryTakesTurns builds one directory after the other, each in memory that the one before the current one had. On a busy machine that may once come back too late.
func TestMemoryTakesTurns(t *testing.T) {
	var builder Builder
	blocks := make(map[uintptr]int)
	var current *Directory
	for version := range 6 {
		next, err := builder.Build(largeVersion(version))
		if err != nil {
			t.Fatal(err)
		}
		if current != nil && blockOf(current) == blockOf(next) {
			t.Fatal("a directory was built where the current one stands")
		}
		current = next
		blocks[uintptr(unsafe.Pointer(blockOf(current)))]++
	}
	if len(blocks) > 3 {
		t.Errorf("%d pieces of memory for 6 directories", len(blocks))
	}
	runtime.KeepAlive(current)
}

// TestKeptPieces: whoever keeps a piece of a directory, however small, keeps what it says, while many newer ones are built.
func TestKeptPieces(t *testing.T) {
	var builder Builder
	type piece struct{ name, uri, want string }
	var kept []piece
	for version := range 5 {
		directory, err := builder.Build(largeVersion(version))
		if err != nil {
			t.Fatal(err)
		}
		client, _ := directory.Find("client-000007")
		if version%2 == 0 {
			kept = append(kept, piece{client.Name, client.RedirectURIs[0].URI, fmt.Sprintf("%06d", version)})
		}
		runtime.GC()
		for _, p := range kept {
			if !strings.HasSuffix(p.name, p.want) || !strings.HasPrefix(p.uri, "https://"+p.want) {
				t.Fatalf("what was kept of version %s has become %q and %q", p.want, p.name, p.uri)
			}
		}
	}
}

// whileReplaced reads in two goroutines, until it is done, while a large directory is replaced as fast as possible. The race detector would see a build in memory that somebody reads.
func whileReplaced(t *testing.T, read func(reader int, current *atomic.Pointer[Directory], done *atomic.Bool)) {
	var builder Builder
	var current atomic.Pointer[Directory]
	build := func(version int) {
		directory, err := builder.Build(largeVersion(version))
		if err != nil {
			t.Error(err)
			return
		}
		current.Store(directory)
	}
	build(0)
	var done atomic.Bool
	var readers sync.WaitGroup
	for reader := range 2 {
		readers.Go(func() { read(reader, &current, &done) })
	}
	for version := range 6 {
		build(version + 1)
	}
	done.Store(true)
	readers.Wait()
}

// TestReadersDuringReuse reads directories while they are replaced.
func TestReadersDuringReuse(t *testing.T) {
	whileReplaced(t, func(reader int, current *atomic.Pointer[Directory], done *atomic.Bool) {
		for i := reader; !done.Load(); i += 7 {
			client, standing := current.Load().Find(largeID(i))
			if standing != rule.Known {
				t.Errorf("%s is %v", largeID(i), standing)
				return
			}
			if err := ofOneVersion(client, largeID(i)); err != nil {
				t.Error(err)
				return
			}
		}
	})
}

// TestFailedBuild: a list that is refused changes nothing about the directory in force, and its memory is used for the next one.
func TestFailedBuild(t *testing.T) {
	var builder Builder
	good, err := builder.Build(largeVersion(1))
	if err != nil {
		t.Fatal(err)
	}
	bad := largeVersion(2)
	bad.Clients[11_999].ID = bad.Clients[0].ID
	if _, err := builder.Build(bad); err == nil || !strings.Contains(err.Error(), "two clients") {
		t.Fatalf("got %v", err)
	}
	if client, _ := good.Find("client-000000"); client == nil || client.Name != "version 000001" {
		t.Errorf("the directory in force has %+v", client)
	}
	if builder.spare == nil {
		t.Error("memory was lost")
	}
	if _, err := builder.Build(largeVersion(3)); err != nil || builder.spare != nil {
		t.Errorf("%v; the memory was not used", err)
	}
	runtime.KeepAlive(good)
}

// TestOldWord: word that memory came back, which was taken long ago, does not keep a build from waiting for more.
func TestOldWord(t *testing.T) {
	builder := Builder{back: make(chan struct{}, 1)}
	builder.back <- struct{}{}
	want := &memory{}
	go func() {
		time.Sleep(50 * time.Millisecond)
		builder.give(want)
		builder.back <- struct{}{}
	}()
	if got := builder.await(time.Minute); got != want {
		t.Error("the memory was not awaited")
	}
	if got := builder.await(time.Millisecond); got != nil {
		t.Error("there is memory that nobody gave")
	}
}

// TestShrunkList: memory that is much too large is not kept for a list that has shrunk.
func TestShrunkList(t *testing.T) {
	var builder Builder
	builder.give(&memory{text: make([]byte, 0, 64<<20)})
	if m := builder.take(2 << 20); cap(m.text) > 4<<20 {
		t.Errorf("%d bytes for 2 MiB", cap(m.text))
	}
}
