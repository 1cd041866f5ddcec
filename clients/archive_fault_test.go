package clients

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"
)

var errArchiveDead = errors.New("dead")

// stepped is a storage whose calls are numbered from 1; fault says what goes wrong.
type stepped struct {
	Storage
	step  int
	fault func(step int, call func() error) error
}

func (s *stepped) do(call func() error) error {
	s.step++
	return s.fault(s.step, call)
}

func (s *stepped) Store(ctx context.Context, key string, value []byte) error {
	return s.do(func() error { return s.Storage.Store(ctx, key, value) })
}

func (s *stepped) Load(ctx context.Context, key string) (value []byte, err error) {
	err = s.do(func() (err error) { value, err = s.Storage.Load(ctx, key); return err })
	return value, err
}

func (s *stepped) Delete(ctx context.Context, key string) error {
	return s.do(func() error { return s.Storage.Delete(ctx, key) })
}

func (s *stepped) List(ctx context.Context, path string, recursive bool) (keys []string, err error) {
	err = s.do(func() (err error) { keys, err = s.Storage.List(ctx, path, recursive); return err })
	return keys, err
}

// Whatever call of a writer goes wrong, and however, readers find the last good snapshot or the new one, and the next writer goes on.
func TestArchiveWriterThatFailsAtAnyStep(t *testing.T) {
	faults := map[string]func(at int) func(step int, call func() error) error{
		"killed": func(at int) func(int, func() error) error {
			return func(step int, call func() error) error {
				if step >= at {
					return errArchiveDead
				}
				return call()
			}
		},
		"one call fails": func(at int) func(int, func() error) error {
			return func(step int, call func() error) error {
				if step == at {
					return errArchiveDead
				}
				return call()
			}
		},
		"done, but reported as failed": func(at int) func(int, func() error) error {
			return func(step int, call func() error) error {
				err := call()
				if step == at {
					return errArchiveDead
				}
				return err
			}
		},
	}
	storages := map[string]func(*testing.T) Storage{
		"memory": func(*testing.T) Storage { return newArchiveStore() },
		"files":  func(t *testing.T) Storage { return &certmagic.FileStorage{Path: t.TempDir()} },
	}
	for storageName, storage := range storages {
		for name, fault := range faults {
			t.Run(storageName+"/"+name, func(t *testing.T) {
				succeeded := false
				for at := 1; !succeeded; at++ {
					shared := storage(t)
					for i := range 3 {
						mustWrite(t, archiveIn(shared), i)
					}
					storage := &stepped{Storage: shared, fault: fault(1000)}
					writer := archiveIn(storage)
					mustWrite(t, writer, 4)
					storage.step, storage.fault = 0, fault(at)
					_, err := writer.Write(t.Context(), archiveSample(9), archiveTime, "one")
					succeeded = err == nil
					if err != nil && !errors.Is(err, errArchiveDead) {
						t.Fatalf("step %d: %v", at, err)
					}
					want := 4
					reader := archiveIn(shared)
					snapshot, _, err := reader.Read(t.Context())
					if err != nil {
						t.Fatalf("step %d: %v", at, err)
					}
					if snapshot.Revision == "r9" && (succeeded || strings.HasPrefix(name, "done")) {
						want = 9
					}
					if diff := cmp.Diff(archiveSample(want), snapshot); diff != "" {
						t.Fatalf("step %d: %s", at, diff)
					}
					// The same process goes on, and another one takes over.
					if name != "killed" {
						storage.fault = fault(1000)
						mustWrite(t, writer, 10)
						mustRead(t, shared, 10)
					}
					mustWrite(t, archiveIn(shared), 11)
					if _, _, err := reader.Read(t.Context()); err != nil {
						t.Fatalf("step %d: %v", at, err)
					}
					if at > 100 {
						t.Fatal("the writer never succeeds")
					}
				}
			})
		}
	}
}

func TestArchiveTouchThatFailsAtAnyStep(t *testing.T) {
	for at := 1; ; at++ {
		shared := newArchiveStore()
		mustWrite(t, archiveIn(shared), 1)
		storage := &stepped{Storage: shared, fault: func(step int, call func() error) error {
			if step >= at {
				return errArchiveDead
			}
			return call()
		}}
		_, err := archiveIn(storage).Touch(t.Context(), "r1", archiveTime, "one")
		mustRead(t, shared, 1)
		if err == nil {
			return
		}
		if !errors.Is(err, errArchiveDead) {
			t.Fatalf("step %d: %v", at, err)
		}
	}
}

func TestArchiveReaderThatFailsAtAnyStep(t *testing.T) {
	shared := newArchiveStore()
	mustWrite(t, archiveIn(shared), 1)
	for at := 1; ; at++ {
		storage := &stepped{Storage: shared, fault: func(step int, call func() error) error {
			if step == at {
				return errArchiveDead
			}
			return call()
		}}
		snapshot, _, err := archiveIn(storage).Read(t.Context())
		if err == nil {
			return
		}
		if snapshot != nil || !errors.Is(err, errArchiveDead) || refusalOf(err) != "" {
			t.Fatalf("step %d: %v", at, err)
		}
	}
}

func TestArchiveFullOrReadOnlyStorage(t *testing.T) {
	full := errors.New("no space left on device")
	for name, prefixes := range map[string][]string{
		"full":                         {"store"},
		"read-only":                    {"store", "delete"},
		"no room for the manifest":     {"store " + archiveManifest},
		"manifest and removal fail":    {"store " + archiveManifest, "delete"},
		"nothing can be removed":       {"delete"},
		"the second chunk has no room": {"store " + archiveBase + "chunks/0", "delete"},
		"nothing can be listed":        {"list"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newArchiveStore()
			archive := archiveIn(store)
			mustWrite(t, archive, 1)
			store.fail(full, prefixes...)
			// However often it fails, it does not fill the storage.
			for range 30 {
				_, _ = archive.Write(t.Context(), archiveSample(2), archiveTime, "one")
			}
			if all := store.keys(archiveBase); len(all) > 1+(1+1+keptSets)*3 {
				t.Errorf("%d keys: %q", len(all), all)
			}
			_, err := archive.Write(t.Context(), archiveSample(2), archiveTime, "one")
			if !errors.Is(err, full) || !strings.Contains(err.Error(), archiveBase) {
				t.Errorf("write: %v", err)
			}
			last := 1
			if name == "nothing can be removed" {
				last = 2
			}
			mustRead(t, store, last)
			store.heal()
			mustWrite(t, archive, 3)
			mustRead(t, store, 3)
		})
	}
}

func TestArchiveTruncatingStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		mustWrite(t, archiveIn(store), 1)
		for _, part := range []string{archiveManifest, archiveBase + "chunks/"} {
			store.cut = func(key string, value []byte) []byte {
				if strings.HasPrefix(key, part) {
					return value[:len(value)/2]
				}
				return value
			}
			reader := archiveIn(store)
			if snapshot, _, err := reader.Read(t.Context()); refusalOf(err) != RefusedTruncated || snapshot != nil {
				t.Errorf("%s: %v", part, err)
			}
			store.heal()
			if _, _, err := reader.Read(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		}
	})
}

// A storage that hangs until the context ends, or is slow, holds up nothing but the caller.
func TestArchiveSlowAndHangingStorage(t *testing.T) {
	calls := map[string]func(context.Context, *Archive) error{
		"peek": func(ctx context.Context, a *Archive) error { _, err := a.Peek(ctx); return err },
		"read": func(ctx context.Context, a *Archive) error { _, _, err := a.Read(ctx); return err },
		"touch": func(ctx context.Context, a *Archive) error {
			_, err := a.Touch(ctx, "r1", archiveTime, "one")
			return err
		},
		"write": func(ctx context.Context, a *Archive) error {
			_, err := a.Write(ctx, archiveSample(2), archiveTime, "one")
			return err
		},
		"lead": func(ctx context.Context, a *Archive) error { _, err := a.Lead(ctx); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newArchiveStore()
				archive := archiveIn(store)
				mustWrite(t, archive, 1)
				// Slow, and blind for the context: after the end of the context there is at most the call that is being made, and what is undone.
				store.before = func(string, string) error { time.Sleep(10 * time.Second); return nil }
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				started := time.Now()
				err := call(ctx, archive)
				if took := time.Since(started); took > 40*time.Second {
					t.Errorf("slow: %v, %v", took, err)
				}
				if name != "peek" && name != "lead" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("slow: %v", err)
				}
				store.heal()
				mustRead(t, store, 1)
				hanging, stop := context.WithCancel(t.Context())
				store.before = func(string, string) error { <-hanging.Done(); return hanging.Err() }
				time.AfterFunc(time.Minute, stop)
				if err := call(hanging, archiveIn(store)); !errors.Is(err, context.Canceled) {
					t.Errorf("hanging: %v", err)
				}
			})
		})
	}
}

func TestArchiveAfterTheEndOfItsContext(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	mustWrite(t, archive, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store.counted("")
	_, peek := archive.Peek(ctx)
	_, _, read := archive.Read(ctx)
	_, touch := archive.Touch(ctx, "r1", archiveTime, "one")
	_, write := archive.Write(ctx, archiveSample(2), archiveTime, "one")
	_, lead := archive.Lead(ctx)
	for i, err := range []error{peek, read, touch, write, lead} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if calls := store.counted(""); calls != 0 {
		t.Errorf("%d calls", calls)
	}
}

func TestArchiveRemovesWhatItCouldNotFinish(t *testing.T) {
	for at := range 9 {
		shared := newArchiveStore()
		mustWrite(t, archiveIn(shared), 1)
		before := shared.keys("")
		storage := &stepped{Storage: shared, fault: func(step int, call func() error) error {
			if step == at {
				return errArchiveDead
			}
			return call()
		}}
		_, err := archiveIn(storage).Write(t.Context(), archiveSample(2), archiveTime, "one")
		// The last call is that of the manifest, which may have been stored in spite of the error.
		if after := shared.keys(""); err != nil && !strings.Contains(err.Error(), "store "+archiveManifest) && !cmp.Equal(after, before) {
			t.Errorf("call %d, %v: left %q", at, err, after)
		}
	}
}

// The goroutine that fetches and the one that reads may share an archive.
func TestArchiveReaderWhileItsOwnProcessWrites(t *testing.T) {
	shared := newArchiveStore()
	storage := &stepped{Storage: shared, fault: func(_ int, call func() error) error { return call() }}
	archive := archiveIn(storage)
	mustWrite(t, archive, 1)
	storage.fault = func(_ int, call func() error) error {
		err := call()
		storage.fault = func(_ int, call func() error) error { return call() }
		mustWrite(t, archive, 2)
		return err
	}
	snapshot, _, err := archive.Read(t.Context())
	if err != nil || snapshot.Revision != "r1" {
		t.Errorf("got %v", err)
	}
	mustRead(t, shared, 2)
}

func TestArchiveLimits(t *testing.T) {
	store := newArchiveStore()
	archive := NewArchive(store, "a")
	archive.chunk = 1
	if _, err := archive.Write(t.Context(), archiveSample(1), archiveTime, "one"); err == nil || !strings.Contains(err.Error(), "more than the 128 MiB") {
		t.Errorf("content: %v", err)
	}
	if _, err := archiveIn(store).Write(t.Context(), archiveSample(1), archiveTime, strings.Repeat("x", chunkSize)); err == nil || !strings.Contains(err.Error(), "fetcher") {
		t.Errorf("manifest: %v", err)
	}
	if all := store.keys(""); len(all) != 0 {
		t.Errorf("left behind: %q", all)
	}
	// A client may be larger than a chunk.
	huge := &Snapshot{Clients: []Registration{{ServiceNames: []string{strings.Repeat("x", 3*chunkSize)}}}, Revision: "1"}
	written, err := NewArchive(store, "a").Write(t.Context(), huge, archiveTime, "one")
	if err != nil || len(written.Chunks) != 4 {
		t.Fatalf("%d chunks, %v", len(written.Chunks), err)
	}
	for _, key := range store.keys("") {
		if size := len(store.get(key)); size > 256<<10 {
			t.Errorf("%s: %d bytes", key, size)
		}
	}
	if got, _, err := NewArchive(store, "a").Read(t.Context()); err != nil || !cmp.Equal(got, huge) {
		t.Error(err)
	}
}
