package clients

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
)

// TestSlowStorage lets every operation take ten seconds, whatever the context says. The source is asked in time all the same, at the start too, and the state says what is wrong.
func TestSlowStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		slow := func(string, string) error { time.Sleep(10 * time.Second); return nil }
		storage.before = slow
		begin := time.Now()
		f := newFleet(t, server, storage, 2)
		for f.instances[0].Directory() == nil || f.instances[1].Directory() == nil {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("after the first start the clients were known after %v", took)
		}
		for round := range 10 {
			time.Sleep(4 * DefaultRefresh)
			server.hold("a", fmt.Sprint("client ", round))
			time.Sleep(4 * DefaultRefresh)
			for n, i := range f.instances {
				if state := i.State(); !i.knows(fmt.Sprint("client ", round)) || state.State != Fresh || !strings.Contains(state.StorageError, "slow") {
					t.Fatalf("round %d, caddy %d: %+v", round, n, state)
				}
			}
		}
		storage.heal()
		time.Sleep(5 * DefaultRefresh)
		for n, i := range f.instances {
			if state := i.State(); state.State != Fresh || state.StorageError != "" {
				t.Errorf("healed, caddy %d: %+v", n, state)
			}
		}
		f.fetcher()
	})
}

// TestStorageThatHangs lets every operation hang. The source is asked all the same, also by the next configuration, while one goroutine at the most hangs.
func TestStorageThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), newArchiveStore()
		i := launch(t, "one", server, storage)
		time.Sleep(DefaultRefresh)
		over := make(chan struct{})
		var hanging atomic.Int64
		storage.mutex.Lock()
		storage.before = func(string, string) error {
			hanging.Add(1)
			defer hanging.Add(-1)
			<-over
			return nil
		}
		storage.mutex.Unlock()
		for round := range 5 {
			server.hold("a", fmt.Sprint("client ", round))
			time.Sleep(4 * DefaultRefresh)
			if state := i.State(); !i.knows(fmt.Sprint("client ", round)) || state.State != Fresh || !strings.Contains(state.StorageError, "slow") {
				t.Errorf("round %d: %+v", round, state)
			}
			// A reload does not wait for what hangs.
			i.stop()
			i.begin(t, NewArchive(storage, "key"))
		}
		// The first fetcher stored both a list and a heartbeat.
		if n := hanging.Load(); n > 2 {
			t.Errorf("%d operations hang", n)
		}
		storage.heal()
		close(over)
		time.Sleep(5 * DefaultRefresh)
		if state := i.State(); state.State != Fresh || state.StorageError != "" || !state.Fetching {
			t.Errorf("healed: %+v", state)
		}
	})
}

// TestRoleGivenBack gives the role of a fetcher back and takes it again, over and over, with Caddy's storage in files. No goroutine that keeps a lock fresh is left behind.
func TestRoleGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, storage := source("a"), &certmagic.FileStorage{Path: t.TempDir()}
		fleet := []*instance{launch(t, "one", server, storage), launch(t, "two", server, storage)}
		for range 8 {
			time.Sleep(2*DefaultRefresh + 2300*time.Millisecond) // not when a keeper looks, which is every five seconds
			fetching := 0
			for _, i := range fleet {
				if i.State().Fetching {
					fetching++
					i.quit()
					i.begin(t, NewArchive(storage, "key"))
					break
				}
			}
			if fetching != 1 {
				t.Errorf("%d instances fetch", fetching)
			}
		}
		time.Sleep(2 * DefaultRefresh)
		stacks, keepers := make([]byte, 1<<20), 0
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			// Other tests may have left one that notices soon.
			if strings.Contains(stack, "certmagic.keepLockfileFresh(") && strings.Contains(stack, "synctest bubble") {
				keepers++
			}
		}
		if keepers != 1 {
			t.Errorf("%d goroutines keep the lock fresh", keepers)
		}
		for _, i := range fleet {
			i.quit()
		}
		time.Sleep(time.Minute) // the last one notices
	})
}
