package clients

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestArchiveWriterThatWasOvertaken(t *testing.T) {
	store := newArchiveStore()
	first, second := archiveIn(store), archiveIn(store)
	mustWrite(t, first, 1)
	mustWrite(t, second, 2)
	if _, err := first.Write(t.Context(), archiveSample(3), archiveTime, "one"); !errors.Is(err, ErrOvertaken) {
		t.Errorf("write: %v", err)
	}
	mustRead(t, store, 2)
	// The one that knows it, and gets the role again, writes again; now it is the other one that steps back.
	mustWrite(t, first, 4)
	if _, err := second.Touch(t.Context(), "r4", archiveTime, "one"); !errors.Is(err, ErrOvertaken) {
		t.Errorf("touch: %v", err)
	}
	mustWrite(t, second, 5)
	release, err := first.Lead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, first, 6)
	release()
	mustRead(t, store, 6)
}

func TestArchiveWriterIsOvertakenWhileItWrites(t *testing.T) {
	for name, write := range map[string]func(*Archive) error{
		"write": func(a *Archive) error {
			_, err := a.Write(t.Context(), archiveSample(3), archiveTime, "one")
			return err
		},
		"touch": func(a *Archive) error { _, err := a.Touch(t.Context(), "r1", archiveTime, "one"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			store := newArchiveStore()
			first, second := archiveIn(store), archiveIn(store)
			mustWrite(t, first, 1)
			once := true
			store.before = func(_, key string) error {
				if once && strings.HasPrefix(key, archiveBase+"chunks/0") {
					once = false
					mustWrite(t, second, 2)
				}
				return nil
			}
			if err := write(first); !errors.Is(err, ErrOvertaken) {
				t.Errorf("got %v", err)
			}
			mustRead(t, store, 2)
			if left := store.keys(archiveBase + "chunks/"); len(left) != 6 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// Two writers that overwrite each other between the last look and the last step: what is older is refused, until the next write.
func TestArchiveVersionThatWentBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		slow, fast := archiveIn(store), archiveIn(store)
		mustWrite(t, slow, 1)
		reader := archiveIn(store)
		store.before = func(call, key string) error {
			if call == "store" && key == archiveManifest {
				store.heal()
				time.Sleep(time.Second)
				mustWrite(t, fast, 2)
				if _, err := reader.Peek(t.Context()); err != nil {
					t.Error(err)
				}
			}
			return nil
		}
		stale := mustWrite(t, slow, 3)
		// Who has seen the later one keeps it; who has not gets a whole snapshot all the same.
		if _, _, err := reader.Read(t.Context()); refusalOf(err) != RefusedOlder {
			t.Errorf("got %v", err)
		}
		mustRead(t, store, 3)
		if _, err := fast.Touch(t.Context(), "r2", archiveTime, "two"); refusalOf(err) != RefusedOlder {
			t.Errorf("got %v", err)
		}
		if next := mustWrite(t, fast, 2); next.Version <= stale.Version {
			t.Errorf("version %d after %d", next.Version, stale.Version)
		}
		if _, _, err := reader.Read(t.Context()); err != nil {
			t.Error(err)
		}
		// The other way round, the one that fell behind knows of nothing, and is above all the same.
		time.Sleep(time.Second)
		other := archiveIn(store)
		store.put(archiveManifest, nil)
		if next := mustWrite(t, other, 4); next.Version <= fast.seen {
			t.Errorf("version %d after %d", next.Version, fast.seen)
		}
	})
}

func TestArchiveVersionsGrowWithoutAClock(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	last := mustWrite(t, archive, 1).Version
	for _, now := range []time.Time{{}, time.Unix(-5, 0), time.Unix(9, 0)} {
		for _, again := range []*Archive{archive, archiveIn(store)} {
			again.now = func() time.Time { return now }
			again.mine = 0
			if next := mustWrite(t, again, 2).Version; next != last+1 {
				t.Errorf("version %d after %d", next, last)
			}
			last++
		}
	}
}

func TestArchiveLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		first, second := archiveIn(store), archiveIn(store)
		release, err := first.Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other, err := NewArchive(store, "b").Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := second.Lead(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two lead: %v", err)
		}
		go func() {
			time.Sleep(time.Hour)
			release()
			release()
		}()
		started := time.Now()
		release2, err := second.Lead(t.Context())
		if err != nil || time.Since(started) != time.Hour {
			t.Fatal(err)
		}
		synctest.Wait()
		// The second release of the first one must not have taken the role from the second.
		if store.counted("unlock") != 2 {
			t.Error("released twice")
		}
		release2()
	})
}

func TestArchiveLeadThatCameTooLate(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	ctx, cancel := context.WithCancel(t.Context())
	store.before = func(call, _ string) error {
		if call == "lock" {
			cancel()
		}
		return nil
	}
	if release, err := archive.Lead(ctx); !errors.Is(err, context.Canceled) || release != nil {
		t.Errorf("got %v", err)
	}
	store.heal()
	waiting, stop := context.WithTimeout(t.Context(), 5*time.Second)
	release, err := archive.Lead(waiting)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	// Release works after the end of the context of the lead, and within its own time.
	release()
	if store.counted("unlock") != 2 {
		t.Error("not unlocked")
	}
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		ctx, cancel := context.WithCancel(t.Context())
		release, err := archiveIn(store).Lead(ctx)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		store.before = func(string, string) error { time.Sleep(time.Hour); return nil }
		release()
		store.fail(fs.ErrPermission, "lock", "unlock")
		if _, err := archiveIn(store).Lead(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
		if err := archiveIn(store).Depose(t.Context()); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	})
}
