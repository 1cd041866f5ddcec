package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// instance is one of several processes with the same storage and the same source.
type instance struct {
	*Live
	stop context.CancelFunc
	done chan struct{}
}

// launch starts an instance, with or without a storage.
func launch(t *testing.T, name string, source Source, storage Storage, adjust ...func(*instance, *Archive)) *instance {
	t.Helper()
	i := &instance{Live: NewLive("hub", source, LiveSettings{Instance: name}), done: make(chan struct{})}
	var archive *Archive
	if storage != nil {
		archive = NewArchive(storage, "key")
	}
	for _, adjust := range adjust {
		adjust(i, archive)
	}
	i.begin(t, archive)
	t.Cleanup(i.quit)
	return i
}

// begin lets an instance run, after a look at what the archive holds.
func (i *instance) begin(t *testing.T, archive *Archive) {
	if archive != nil {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		restored := make(chan error, 1)
		go func() { restored <- i.Restore(ctx, archive) }()
		select {
		case err := <-restored:
			if err != nil {
				t.Log(err)
			}
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	i.stop, i.done = cancel, done
	go func() {
		defer close(done)
		i.Run(ctx, archive)
	}()
}

// quit ends an instance.
func (i *instance) quit() {
	i.stop()
	<-i.done
}

// source is a server whose clients change.
func source(ids ...string) *scripted {
	s := new(scripted)
	s.hold(ids...)
	return s
}

// hold changes what the server holds.
func (s *scripted) hold(ids ...string) {
	s.say(&Snapshot{Clients: registered(ids...), Revision: fmt.Sprint(ids)}, nil)
}

// count is how often the server was asked.
func (s *scripted) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.asked
}

// knows reports whether an instance knows a client.
func (i *instance) knows(id string) bool {
	directory := i.Directory()
	if directory == nil {
		return false
	}
	_, standing := directory.Find(id)
	return standing == rule.Known
}

func TestLiveAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := source("a")
		i := launch(t, "one", server, nil)
		synctest.Wait()
		if !i.knows("a") || i.State().State != Fresh {
			t.Fatalf("%+v", i.State())
		}
		server.hold("a", "b")
		time.Sleep(DefaultRefresh + time.Second)
		if !i.knows("b") || server.count() != 2 {
			t.Errorf("after %d loads: %+v", server.count(), i.State())
		}
		i.quit()
		time.Sleep(time.Hour)
		if server.count() != 2 {
			t.Error("a stopped feed asks")
		}
	})
}

// TestLiveStates walks through the conditions while the server is away.
func TestLiveStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := source("a")
		i := launch(t, "one", server, nil)
		synctest.Wait()
		var told []Condition
		i.SetObserver(func(state State, change Change) {
			if change.Notable() {
				told = append(told, state.State)
			}
		})
		server.say(nil, errors.New("connection refused"))
		time.Sleep(DefaultMaxStale - time.Minute)
		if state := i.State(); state.State != Failing || state.LastError != "connection refused" || !i.knows("a") {
			t.Errorf("%+v", state)
		}
		time.Sleep(3 * time.Minute)
		if state := i.State(); state.State != TooOld || !i.knows("a") {
			t.Errorf("%+v", state)
		}
		if _, standing := i.Directory().Find("x"); standing != rule.Unjudged {
			t.Errorf("unknown, when too old: %v", standing)
		}
		server.hold("a")
		time.Sleep(2 * DefaultRefresh)
		if state := i.State(); state.State != Fresh || state.LastError != "" {
			t.Errorf("%+v", state)
		}
		if _, standing := i.Directory().Find("x"); standing != rule.Absent {
			t.Errorf("unknown, when fresh again: %v", standing)
		}
		if want := []Condition{Failing, TooOld, Fresh}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// TestLiveBackoff expects that a server in trouble is asked less and less often at first, but never less than once in a refresh interval.
func TestLiveBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(scripted)
		server.say(nil, errors.New("500"))
		launch(t, "one", server, nil)
		time.Sleep(DefaultRefresh)
		if n := server.count(); n < 4 || n > 12 {
			t.Errorf("asked %d times in the first minute", n)
		}
		before := server.count()
		time.Sleep(20 * DefaultRefresh)
		if n := server.count() - before; n < 18 || n > 45 {
			t.Errorf("asked %d times in 20 minutes", n)
		}
	})
}

// patient is an error of a server that wants to be left alone.
type patient time.Duration

// Error implements error.
func (p patient) Error() string { return "429" }

// RetryAfter implements [retryAfter].
func (p patient) RetryAfter() time.Duration { return time.Duration(p) }

func TestLiveRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(scripted)
		server.say(nil, fmt.Errorf("hub: %w", patient(10*time.Minute)))
		launch(t, "one", server, nil)
		time.Sleep(10*time.Minute - time.Second)
		if n := server.count(); n != 1 {
			t.Errorf("asked %d times though the server wants to be left alone", n)
		}
		time.Sleep(2 * time.Second)
		if n := server.count(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestLiveFleet lets three instances share a storage.
func TestLiveFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		fleet := []*instance{launch(t, "one", server, storage), launch(t, "two", server, storage), launch(t, "three", server, storage)}
		time.Sleep(DefaultRefresh / 2)
		for n, i := range fleet {
			if !i.knows("a") {
				t.Errorf("instance %d does not know the client: %+v", n, i.State())
			}
		}
		if n := server.count(); n != 1 {
			t.Errorf("the server was asked %d times", n)
		}
		server.hold("a", "b")
		time.Sleep(2 * DefaultRefresh)
		for n, i := range fleet {
			if !i.knows("b") || i.State().State != Fresh || i.State().StorageError != "" {
				t.Errorf("instance %d: %+v", n, i.State())
			}
		}
		if n := server.count(); n < 3 || n > 4 {
			t.Errorf("the server was asked %d times in two and a half intervals", n)
		}
		leader := slices.IndexFunc(fleet, func(i *instance) bool { return i.State().Fetching })
		if leader < 0 {
			t.Fatal("nobody fetches")
		}
		// The one that fetches ends, and another one takes over.
		fleet[leader].quit()
		fleet = slices.Delete(fleet, leader, leader+1)
		server.hold("a", "b", "c")
		time.Sleep(2 * DefaultRefresh)
		fetching := 0
		for n, i := range fleet {
			if !i.knows("c") {
				t.Errorf("instance %d: %+v", n, i.State())
			}
			if i.State().Fetching {
				fetching++
			}
		}
		if fetching != 1 {
			t.Errorf("%d instances fetch", fetching)
		}
	})
}

// TestLiveRestart restarts a fleet while the server is away.
func TestLiveRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		i := launch(t, "one", server, storage)
		time.Sleep(time.Second)
		i.quit()
		server.say(nil, errors.New("connection refused"))
		time.Sleep(time.Hour)
		var group sync.WaitGroup
		for n := range 3 {
			group.Go(func() {
				i := launch(t, fmt.Sprint(n), server, storage)
				// Nothing had to be waited for.
				if !i.knows("a") || i.State().State != Stale {
					t.Errorf("at the start: %+v", i.State())
				}
				if age := time.Since(i.State().LastSuccess); age < time.Hour {
					t.Errorf("age %v", age)
				}
				time.Sleep(10 * time.Minute)
				if !i.knows("a") {
					t.Errorf("later: %+v", i.State())
				}
			})
		}
		group.Wait()
	})
}

// TestLiveFirstStart starts with an empty storage while the server is away.
func TestLiveFirstStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := new(scripted), newArchiveStore()
		server.say(nil, errors.New("connection refused"))
		i := launch(t, "one", server, storage)
		time.Sleep(10 * time.Minute)
		if state := i.State(); state.State != NeverLoaded || state.LastError != "connection refused" || i.Directory() != nil {
			t.Errorf("%+v", state)
		}
		server.hold("a")
		time.Sleep(2 * DefaultRefresh)
		if !i.knows("a") {
			t.Errorf("%+v", i.State())
		}
	})
}

// TestLiveStorageTrouble breaks the storage in several ways. The instances go on by themselves, and share again when it is whole.
func TestLiveStorageTrouble(t *testing.T) {
	for name, broken := range map[string][]string{
		"all": {""}, "read only": {"store", "delete", "lock", "unlock"}, "full": {"store"}, "write only": {"load", "list"}, "no locks": {"lock"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, storage := source("a"), newArchiveStore()
				storage.fail(errors.New("trouble"), broken...)
				fleet := []*instance{launch(t, "one", server, storage), launch(t, "two", server, storage)}
				time.Sleep(5 * DefaultRefresh)
				server.hold("a", "b")
				time.Sleep(5 * DefaultRefresh)
				complaints := 0
				for n, i := range fleet {
					if !i.knows("b") {
						t.Errorf("instance %d: %+v", n, i.State())
					}
					if i.State().StorageError != "" {
						complaints++
					}
				}
				if complaints == 0 {
					t.Error("no instance says that the storage is broken")
				}
				storage.heal()
				server.hold("a", "b", "c")
				time.Sleep(10 * DefaultRefresh)
				before := server.count()
				time.Sleep(10 * DefaultRefresh)
				if n := server.count() - before; n > 13 {
					t.Errorf("with a whole storage again the server is asked %d times in ten intervals", n)
				}
				for n, i := range fleet {
					if !i.knows("c") || i.State().StorageError != "" || i.State().State != Fresh {
						t.Errorf("instance %d, healed: %+v", n, i.State())
					}
				}
			})
		})
	}
}

// TestLiveDeadLock leaves a lock behind that looks alive forever. Somebody takes the role all the same; if the storage does not even allow that, the instances ask by themselves, and
// say what is wrong.
func TestLiveDeadLock(t *testing.T) {
	for name, forbidden := range map[string]bool{"taken over": false, "not to be taken over": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, storage := source("a"), newArchiveStore()
				dead := NewArchive(storage, "key")
				if _, err := dead.Lead(t.Context()); err != nil {
					t.Fatal(err)
				}
				if forbidden {
					storage.fail(errors.New("trouble"), "unlock")
				}
				fleet := []*instance{launch(t, "one", server, storage), launch(t, "two", server, storage)}
				time.Sleep(6 * DefaultRefresh)
				complaints := 0
				for n, i := range fleet {
					if !i.knows("a") {
						t.Errorf("instance %d: %+v", n, i.State())
					}
					if i.State().StorageError != "" {
						complaints++
					}
				}
				// Only who fetches needs the lock.
				if want := map[bool]int{true: 1, false: 0}[forbidden]; complaints != want {
					t.Errorf("%d instances complain, want %d", complaints, want)
				}
				before := server.count()
				time.Sleep(10 * DefaultRefresh)
				if n := server.count() - before; n > 13 {
					t.Errorf("the server is asked %d times in ten intervals", n)
				}
				storage.heal()
				time.Sleep(10 * DefaultRefresh)
				fetching := 0
				for n, i := range fleet {
					if i.State().StorageError != "" || i.State().State != Fresh {
						t.Errorf("instance %d, healed: %+v", n, i.State())
					}
					if i.State().Fetching {
						fetching++
					}
				}
				if fetching != 1 {
					t.Errorf("%d instances fetch", fetching)
				}
			})
		})
	}
}
