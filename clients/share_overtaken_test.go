package clients

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ownLocks is a storage as one machine sees it: a lock is given back by its holder only. Before says what happens to a load instead.
type ownLocks struct {
	Storage
	mutex  sync.Mutex
	before func(key string) error
	held   atomic.Bool
}

var errReading = errors.New("it cannot be read")

// Load implements [Storage].
func (s *ownLocks) Load(ctx context.Context, key string) ([]byte, error) {
	s.mutex.Lock()
	before := s.before
	s.mutex.Unlock()
	if before != nil {
		if err := before(key); err != nil {
			return nil, err
		}
	}
	return s.Storage.Load(ctx, key)
}

// Lock implements [Storage].
func (s *ownLocks) Lock(ctx context.Context, name string) error {
	err := s.Storage.Lock(ctx, name)
	if err == nil {
		s.held.Store(true)
	}
	return err
}

// Unlock implements [Storage].
func (s *ownLocks) Unlock(ctx context.Context, name string) error {
	if !s.held.Swap(false) {
		return errors.New("somebody else holds it")
	}
	return s.Storage.Unlock(ctx, name)
}

func (s *ownLocks) meet(before func(key string) error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before = before
}

// newOwnLocks is a fleet whose machines see the storage that way.
func newOwnLocks(t *testing.T, server Source, count int) (*fleet, []*ownLocks) {
	var seen []*ownLocks
	f := newFleet(t, server, newArchiveStore(), count, func(_ *instance, archive *Archive) {
		seen = append(seen, &ownLocks{Storage: archive.storage})
		archive.storage = seen[len(seen)-1]
	})
	return f, seen
}

// standStill lets the first fetcher stand still until another one has the role.
func (f *fleet) standStill() (first, second int) {
	time.Sleep(DefaultRefresh)
	first = f.fetcher()
	f.machines[first].dead.Store(true)
	time.Sleep(3 * DefaultRefresh)
	return first, f.fetcher()
}

// TestLockOfFetcherThatStoodStill lets the fetcher come back, which finds by what another one has written that it was overtaken. It gives its lock back, since the other one could not take it away.
func TestLockOfFetcherThatStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, seen := newOwnLocks(t, source("a"), 2)
		first, second := f.standStill()
		if state := f.instances[second].State(); state.StorageError == "" {
			t.Errorf("the lock is held: %+v", state)
		}
		var writing atomic.Bool
		seen[first].meet(func(key string) error {
			if strings.HasSuffix(key, "manifest.json") {
				writing.Store(true)
			}
			if !writing.Load() {
				return errReading
			}
			return nil
		})
		f.machines[first].dead.Store(false)
		time.Sleep(4 * DefaultRefresh)
		if now := f.fetcher(); now != second {
			t.Errorf("caddy %d fetches, and not caddy %d", now, second)
		}
		if state := f.instances[second].State(); state.StorageError != "" {
			t.Errorf("the lock is still held: %+v", state)
		}
	})
}

// TestStorageThatFailsAfterStepBack lets a fetcher that came back find that it was overtaken, and nothing more for a while. It does not take that for the silence of its successor.
func TestStorageThatFailsAfterStepBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, seen := newOwnLocks(t, source("a"), 2)
		first, second := f.standStill()
		var found atomic.Bool
		seen[first].meet(func(key string) error {
			if strings.HasSuffix(key, "heartbeat.json") && found.Swap(true) {
				return errReading
			}
			return nil
		})
		f.machines[first].dead.Store(false)
		for range 40 {
			time.Sleep(time.Second)
			if found.Load() && f.fetcher() != second {
				t.Fatalf("caddy %d has the role again", first)
			}
		}
		if !found.Load() {
			t.Error("it did not look")
		}
	})
}

// TestFetcherWithoutLock lets a fetcher that got no lock lose sight of the heartbeat. It leaves the lock alone until it knows that it still has the role, since the lock may be that of a successor.
func TestFetcherWithoutLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newArchiveStore()
		storage.fail(errors.New("no locks here"), "lock")
		i := launch(t, "one", source("a"), storage)
		time.Sleep(DefaultRefresh / 2)
		storage.fail(errReading, "load oauth_guard/clients/key/heartbeat.json")
		storage.counted("")
		time.Sleep(3 * DefaultRefresh)
		if n := storage.counted("unlock"); n != 0 {
			t.Errorf("%d locks were given back", n)
		}
		storage.heal()
		time.Sleep(DefaultRefresh)
		if state := i.State(); !state.Fetching || state.StorageError != "" || storage.counted("lock") != 1 {
			t.Errorf("%+v", state)
		}
	})
}

// TestWriterThatCannotSayWhoLeads lets the list of another instance lie in the way of a fetcher. While it cannot be read who has the role, it goes on; then it finds its successor.
func TestWriterThatCannotSayWhoLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newArchiveStore()
		s := newShare(NewLive("hub", source("a"), LiveSettings{}), archiveIn(storage))
		s.parcels.open()
		overtake := func() {
			mustWrite(t, s.archive, 1)
			mustWrite(t, archiveIn(storage), 2)
			s.parcels.add(parcel{snapshot: archiveSample(3), fetched: s.now()})
		}
		above, err := archiveIn(storage).Beat(t.Context(), Heartbeat{Term: 2})
		if err != nil {
			t.Fatal(err)
		}
		overtake()
		storage.fail(errReading, "load "+archiveHeartbeat)
		found := make(chan Heartbeat, 1)
		go func() { found <- s.store(t.Context(), Heartbeat{Term: 1}) }()
		synctest.Wait()
		if state := s.State(); len(found) > 0 || !strings.Contains(state.StorageError, errReading.Error()) {
			t.Fatalf("stepped back, or did not fail: %+v", state)
		}
		storage.heal()
		overtake()
		if successor := <-found; successor != above {
			t.Errorf("%+v", successor)
		}
	})
}

// TestClaimThatIsLeft leaves an instance a claim that was made against an earlier fetcher. It does not take the role of one that reads the source.
func TestClaimThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		first := launch(t, "first", server, storage)
		time.Sleep(DefaultRefresh)
		second := newShare(NewLive("hub", server, LiveSettings{Instance: "second"}), NewArchive(storage, "key"))
		second.claims <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			second.run(ctx)
		}()
		for range 60 {
			time.Sleep(time.Second)
			if second.State().Fetching || !first.State().Fetching {
				t.Fatalf("first: %+v, second: %+v", first.State(), second.State())
			}
		}
		cancel()
		<-done
	})
}
