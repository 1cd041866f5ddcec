package clients

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// machine is what one instance has for itself: its way to the storage and to the source. When it is dead, nothing of the instance is to be seen any more, but locks stay where they are, as if somebody
// kept them alive.
type machine struct {
	Storage
	source Source
	dead   atomic.Bool
	asked  atomic.Int64
	denied atomic.Pointer[error]
}

var errDead = errors.New("this machine is dead")

// Load implements [Source].
func (m *machineSource) Load(ctx context.Context) (*Snapshot, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	m.asked.Add(1)
	if denied := m.denied.Load(); denied != nil {
		return nil, *denied
	}
	return m.source.Load(ctx)
}

// machineSource is the way to the source.
type machineSource struct{ *machine }

// Store implements [Storage].
func (m *machine) Store(ctx context.Context, key string, value []byte) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Storage.Store(ctx, key, value)
}

// Load implements [Storage].
func (m *machine) Load(ctx context.Context, key string) ([]byte, error) {
	if m.dead.Load() {
		return nil, errDead
	}
	return m.Storage.Load(ctx, key)
}

// Lock implements [Storage].
func (m *machine) Lock(ctx context.Context, name string) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Storage.Lock(ctx, name)
}

// Unlock implements [Storage].
func (m *machine) Unlock(ctx context.Context, name string) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Storage.Unlock(ctx, name)
}

// fleet is some instances on machines of their own.
type fleet struct {
	t         *testing.T
	machines  []*machine
	instances []*instance
}

func newFleet(t *testing.T, server Source, storage Storage, count int, adjust ...func(*instance, *Archive)) *fleet {
	t.Helper()
	f := &fleet{t: t}
	for n := range count {
		m := &machine{Storage: storage, source: server}
		f.machines = append(f.machines, m)
		f.instances = append(f.instances, launch(t, fmt.Sprint("caddy ", n), &machineSource{m}, m, adjust...))
	}
	return f
}

// fetcher is the one living instance that fetches.
func (f *fleet) fetcher() int {
	f.t.Helper()
	found := -1
	for n, i := range f.instances {
		if f.machines[n].dead.Load() || !i.State().Fetching {
			continue
		}
		if found >= 0 {
			f.t.Errorf("caddy %d and caddy %d fetch", found, n)
		}
		found = n
	}
	if found < 0 {
		f.t.Error("nobody fetches")
		return 0
	}
	return found
}

// asked is how often the living instances asked the source.
func (f *fleet) asked() (total int64) {
	for _, m := range f.machines {
		total += m.asked.Load()
	}
	return total
}

// TestTakeover kills one fetcher after the other. The lock of each one looks alive for ever, and yet another instance asks the source within two refresh intervals.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		f := newFleet(t, server, storage, 5)
		time.Sleep(10 * DefaultRefresh)
		for round := range 4 {
			dead := f.fetcher()
			f.machines[dead].dead.Store(true)
			synctest.Wait() // what it asks at this very moment is not the successor
			killed, asked := time.Now(), f.asked()
			server.hold("a", fmt.Sprint("client ", round))
			for f.asked() == asked && time.Since(killed) < time.Hour {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(killed); took > 2*DefaultRefresh {
				t.Errorf("round %d: the source was asked again after %v", round, took)
			}
			time.Sleep(DefaultRefresh / 2)
			for n, i := range f.instances {
				if !f.machines[n].dead.Load() && (!i.knows(fmt.Sprint("client ", round)) || i.State().StorageError != "" || i.State().State != Fresh) {
					t.Errorf("round %d, caddy %d: %+v", round, n, i.State())
				}
			}
			f.fetcher()
			time.Sleep(DefaultRefresh)
		}
	})
}

// TestFetcherThatStoodStill lets the fetcher come back after another one has taken its role. It steps back, and does not take the lock of the other one along.
func TestFetcherThatStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		f := newFleet(t, server, storage, 3)
		time.Sleep(DefaultRefresh)
		first := f.fetcher()
		f.machines[first].dead.Store(true)
		time.Sleep(3 * DefaultRefresh)
		second := f.fetcher()
		storage.counted("")
		f.machines[first].dead.Store(false)
		time.Sleep(5 * DefaultRefresh)
		if now := f.fetcher(); now != second {
			t.Errorf("caddy %d fetches, and not caddy %d", now, second)
		}
		if n := storage.counted("unlock"); n != 0 {
			t.Errorf("%d locks were given back", n)
		}
		for n, i := range f.instances {
			if state := i.State(); state.State != Fresh || state.Fetcher != fmt.Sprint("caddy ", second) || state.StorageError != "" {
				t.Errorf("caddy %d: %+v", n, state)
			}
		}
	})
}

// TestSourceAwayForLong takes the source away. One instance goes on to ask it, and all say that it fails, and who noticed.
func TestSourceAwayForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		f := newFleet(t, server, storage, 3)
		time.Sleep(DefaultRefresh)
		server.say(nil, errors.New("connection refused"))
		first, told := f.fetcher(), 0
		f.instances[(first+1)%3].SetObserver(func(_ State, change Change) {
			if change.Notable() {
				told++
			}
		})
		time.Sleep(2 * DefaultRefresh)
		before := make([]int64, 3)
		for n, m := range f.machines {
			before[n] = m.asked.Load()
		}
		const intervals = 50
		for range intervals {
			time.Sleep(DefaultRefresh)
			if now := f.fetcher(); now != first {
				t.Fatalf("the role moved from caddy %d to caddy %d", first, now)
			}
			for n, i := range f.instances {
				if state := i.State(); state.State != Failing || state.LastError != "connection refused" || state.Fetcher != fmt.Sprint("caddy ", first) || !i.knows("a") {
					t.Fatalf("caddy %d: %+v", n, state)
				}
			}
		}
		for n, m := range f.machines {
			asked := m.asked.Load() - before[n]
			if n == first && (asked < intervals || asked > 2*intervals+2) || n != first && asked > intervals/failingIntervals {
				t.Errorf("caddy %d asked %d times in %d intervals", n, asked, intervals)
			}
		}
		if told != 1 {
			t.Errorf("told %d times", told)
		}
		server.hold("a", "b")
		time.Sleep(2 * DefaultRefresh)
		for n, i := range f.instances {
			if !i.knows("b") || i.State().State != Fresh {
				t.Errorf("caddy %d: %+v", n, i.State())
			}
		}
	})
}

// TestSourceThatWantsToBeLeftAlone expects that no other instance asks either.
func TestSourceThatWantsToBeLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		f := newFleet(t, server, storage, 3)
		time.Sleep(DefaultRefresh / 2)
		server.say(nil, patient(time.Hour))
		time.Sleep(2 * DefaultRefresh)
		before := f.asked()
		time.Sleep(50 * time.Minute)
		if n := f.asked() - before; n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestFetcherWithWrongToken gives the fetcher a token that is refused. Another instance finds out that its own is good, and takes the role; from then on the state of the first one is that of the
// others, whatever happens to its token.
func TestFetcherWithWrongToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		f := newFleet(t, server, storage, 3)
		time.Sleep(DefaultRefresh)
		first := f.fetcher()
		denied := errors.New("401")
		f.machines[first].denied.Store(&denied)
		server.hold("a", "b")
		time.Sleep((failingIntervals + 4) * DefaultRefresh)
		second := f.fetcher()
		if second == first {
			t.Fatal("the fetcher with the wrong token has the role")
		}
		told := 0
		f.instances[first].SetObserver(func(_ State, change Change) {
			if change.Notable() {
				told++
			}
		})
		before := f.machines[first].asked.Load()
		for range 50 {
			time.Sleep(DefaultRefresh)
			for n, i := range f.instances {
				if state := i.State(); state.State != Fresh || state.LastError != "" || state.StorageError != "" || !i.knows("b") {
					t.Fatalf("caddy %d: %+v", n, state)
				}
			}
		}
		if f.fetcher() != second || told != 0 || f.machines[first].asked.Load() != before {
			t.Errorf("caddy %d fetches, %d changes, asked %d times", f.fetcher(), told, f.machines[first].asked.Load()-before)
		}
		// The one with the wrong token gives way to the third one.
		f.machines[second].dead.Store(true)
		time.Sleep(3 * DefaultRefresh)
		if now := f.fetcher(); now == first {
			t.Error("the one with the wrong token has the role again")
		}
	})
}

// TestFirstStartWithWrongToken starts a fleet of which the first instance has a wrong token. Nobody waits for long.
func TestFirstStartWithWrongToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		denied := &machine{Storage: storage, source: server}
		err := errors.New("401")
		denied.denied.Store(&err)
		first := launch(t, "denied", &machineSource{denied}, denied)
		synctest.Wait()
		f := newFleet(t, server, storage, 2)
		time.Sleep(DefaultRefresh / 2)
		for n, i := range f.instances {
			if !i.knows("a") {
				t.Errorf("soon, caddy %d: %+v", n, i.State())
			}
		}
		time.Sleep(2 * DefaultRefresh)
		for n, i := range append(f.instances, first) {
			if state := i.State(); !i.knows("a") || state.State != Fresh {
				t.Errorf("caddy %d: %+v", n, state)
			}
		}
		f.fetcher()
		if first.State().Fetching {
			t.Error("the one with the wrong token fetches")
		}
	})
}

// TestRoleTakenAtTheSameMoment starts three instances at once, whose storage is slow enough that none sees what the others are about to store, and knows no locks. One of them is left as the fetcher.
func TestRoleTakenAtTheSameMoment(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			server, storage := source("a"), newArchiveStore()
			storage.before = func(call, _ string) error {
				time.Sleep(10 * time.Millisecond)
				if call == "lock" {
					return errors.New("no locks here")
				}
				return nil
			}
			f := newFleet(t, server, storage, 3)
			for range 4 {
				time.Sleep(DefaultRefresh)
				f.fetcher()
			}
		})
	}
}

// TestClocksThatDiffer lets the clocks of the instances differ by hours. The role moves as fast as ever, and what is delivered is taken.
func TestClocksThatDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		count := 0
		f := newFleet(t, server, storage, 4, func(i *instance, archive *Archive) {
			offset := []time.Duration{5 * time.Hour, -7 * time.Hour, time.Hour, 0}[count]
			count++
			now := func() time.Time { return time.Now().Add(offset) }
			i.now, archive.now = now, now
		})
		time.Sleep(5 * DefaultRefresh)
		for round := range 3 {
			dead := f.fetcher()
			f.machines[dead].dead.Store(true)
			synctest.Wait() // what it asks at this very moment is not the successor
			killed, asked := time.Now(), f.asked()
			server.hold("a", fmt.Sprint("client ", round))
			for f.asked() == asked && time.Since(killed) < time.Hour {
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(killed); took > 2*DefaultRefresh {
				t.Errorf("round %d: the source was asked again after %v", round, took)
			}
			time.Sleep(DefaultRefresh)
			for n, i := range f.instances {
				if !f.machines[n].dead.Load() && !i.knows(fmt.Sprint("client ", round)) {
					t.Errorf("round %d, caddy %d: %+v", round, n, i.State())
				}
			}
		}
	})
}
