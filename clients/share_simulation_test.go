package clients

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// rough is a storage whose calls take a while, sometimes seconds, and fail for as long as trouble is the beginning of "<call> <key>". Its locks work, fail, or hang.
type rough struct {
	*archiveStore
	calm    atomic.Bool
	trouble atomic.Pointer[string]
	locking string
}

var errRough = errors.New("the storage fails")

func (s *rough) call(call, key string) error {
	wait := rand.N(300 * time.Millisecond)
	if !s.calm.Load() && rand.IntN(40) == 0 {
		wait = rand.N(4 * time.Second)
	}
	time.Sleep(wait)
	if trouble := s.trouble.Load(); trouble != nil && strings.HasPrefix(call+" "+key, *trouble) {
		return errRough
	}
	return nil
}

// Lock implements [Storage].
func (s *rough) Lock(ctx context.Context, name string) error {
	switch s.locking {
	case "fails":
		return errRough
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	}
	return s.archiveStore.Lock(ctx, name)
}

// rest is how long it may take until one instance is left that fetches, and all know what it knows, once nothing more happens. The terms are:
//
//   - 15 s until the next heartbeat, which may find one above it that is left of a dead term;
//   - 105 s of patience with that one, if the source failed here, and 4 times as long as a look takes, which are 3 calls;
//   - 2 s for the lock;
//   - 15 s, over and over, until one of several that took the role at once steps back, which seldom takes three times;
//   - 60 s until the fetcher asks again, or another instance claims the role, and steps of 15 s until all have heard of it.
//
// Half of it was enough in 2500 runs.
const rest = 5 * DefaultRefresh

// TestFleetComesToRest lets a fleet live through whatever may happen, then heals everything. The seed decides what happens and when; how long the storage and the patience of the instances take is left to
// chance.
func TestFleetComesToRest(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 0))
			server, storage := source("a"), &rough{archiveStore: newArchiveStore(), locking: []string{"works", "fails", "hangs"}[chance.IntN(3)]}
			storage.before = storage.call
			f := newFleet(t, server, storage, 1+chance.IntN(4))
			time.Sleep(time.Duration(chance.Int64N(int64(2 * time.Minute))))
			for range chance.IntN(14) {
				f.disturb(chance, server, storage)
				time.Sleep(time.Duration(chance.Int64N(int64(chance.IntN(8)+1) * int64(30*time.Second))))
			}
			storage.trouble.Store(nil)
			storage.calm.Store(true)
			spared := chance.IntN(len(f.machines))
			for n, m := range f.machines {
				m.denied.Store(nil)
				m.dead.Store(m.dead.Load() && n != spared && chance.IntN(3) == 0)
			}
			server.hold("a", "last")
			time.Sleep(rest)
			f.atRest(storage.locking != "works")
			if t.Failed() {
				t.Errorf("seed %d, %d instances, locking %s", seed, len(f.machines), storage.locking)
			}
		})
	}
}

// disturb lets something happen.
func (f *fleet) disturb(chance *rand.Rand, server *scripted, storage *rough) {
	n := chance.IntN(len(f.machines))
	m, i := f.machines[n], f.instances[n]
	switch chance.IntN(9) {
	case 0, 1:
		m.dead.Store(!m.dead.Load())
	case 2:
		i.quit()
		i.begin(f.t, NewArchive(m, "key"))
	case 3:
		i.quit()
		time.Sleep(time.Duration(chance.Int64N(int64(20 * time.Second))))
		i.begin(f.t, NewArchive(m, "key"))
	case 4:
		err := errors.New("401")
		m.denied.Store(&err)
	case 5:
		m.denied.Store(nil)
	case 6:
		server.hold("a", fmt.Sprint("client ", chance.IntN(1000)))
	case 7:
		server.say(nil, errors.New("connection refused"))
	case 8:
		trouble := []string{"", "store", "load", "load " + NewArchive(m, "key").heartbeat(), "unlock", "none"}[chance.IntN(6)]
		storage.trouble.Store(&trouble)
	}
}

// atRest expects for some intervals that one instance alone fetches, once in each, and that all are well.
func (f *fleet) atRest(lockless bool) {
	fetcher := f.fetcher()
	asked, before := make([]int64, len(f.machines)), time.Now()
	for n, m := range f.machines {
		asked[n] = m.asked.Load()
	}
	const intervals = 4
	for time.Since(before) < intervals*DefaultRefresh && !f.t.Failed() {
		time.Sleep(5 * time.Second)
		if now := f.fetcher(); now != fetcher {
			f.t.Errorf("the role moved from caddy %d to caddy %d", fetcher, now)
		}
		for n, i := range f.instances {
			state := i.State()
			if trouble := state.StorageError != "" && (n != fetcher || !lockless); !f.machines[n].dead.Load() && (trouble || state.State != Fresh || state.LastError != "" || !i.knows("last")) {
				f.t.Errorf("caddy %d: %+v", n, state)
			}
		}
	}
	for n, m := range f.machines {
		if times := m.asked.Load() - asked[n]; n != fetcher && times > 0 || n == fetcher && (times < intervals-1 || times > intervals+1) {
			f.t.Errorf("caddy %d asked %d times in %d intervals", n, times, intervals)
		}
	}
}
