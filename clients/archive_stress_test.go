package clients

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// wholeOf checks that a snapshot was written as a whole: all of its clients bear the number of its revision, and none is missing.
func wholeOf(snapshot *Snapshot, manifest Manifest) error {
	if snapshot.Revision != manifest.Revision || len(snapshot.Clients) != manifest.Clients || len(snapshot.Clients) != 8 {
		return fmt.Errorf("revision %s, %d clients; manifest %+v", snapshot.Revision, len(snapshot.Clients), manifest)
	}
	for i, client := range snapshot.Clients {
		if client.ID != fmt.Sprintf("%s-%d", strings.TrimPrefix(snapshot.Revision, "r"), i) {
			return fmt.Errorf("client %d of revision %s is %s", i, snapshot.Revision, client.ID)
		}
	}
	return nil
}

// Several writers that do not know of each other, some of which die or touch, and readers, some of which have a memory.
func TestArchiveStress(t *testing.T) {
	storages := map[string]Storage{
		"memory": newArchiveStore(),
		"files":  &certmagic.FileStorage{Path: t.TempDir()},
	}
	for name, storage := range storages {
		t.Run(name, func(t *testing.T) {
			mustWrite(t, archiveIn(storage), 0)
			// It ends after so many writes, which a busy disk may make rare.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var writers, readers sync.WaitGroup
			var number, written, read, refused atomic.Int64
			for range 3 {
				writers.Go(func() {
					archive := archiveIn(storage)
					for i := 0; ctx.Err() == nil; i++ {
						mine := int(number.Add(1))
						switch _, err := archive.Write(ctx, archiveSample(mine), time.Now(), "one"); {
						case err == nil:
							if written.Add(1) == 40 {
								cancel()
							}
							_, _ = archive.Touch(ctx, fmt.Sprint("r", mine), time.Now(), "one")
						case !errors.Is(err, ErrOvertaken) && ctx.Err() == nil:
							t.Errorf("write: %v", err)
						}
						if i%3 == 0 {
							dying := &stepped{Storage: storage, fault: func(step int, call func() error) error {
								if step > i%8 {
									return errArchiveDead
								}
								return call()
							}}
							_, _ = archiveIn(dying).Write(ctx, archiveSample(int(number.Add(1))), time.Now(), "dead")
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			for i := range 3 {
				readers.Go(func() {
					archive := archiveIn(storage)
					for ctx.Err() == nil {
						if i == 0 {
							archive = archiveIn(storage)
						}
						snapshot, manifest, err := archive.Read(ctx)
						switch {
						case err == nil:
							read.Add(1)
							if err := wholeOf(snapshot, manifest); err != nil {
								t.Error(err)
							}
						// Writers that overwrite each other may remove chunks that a stale manifest names, and go back; bytes never mix.
						case refusalOf(err) == RefusedTruncated || refusalOf(err) == RefusedOlder:
							refused.Add(1)
						case ctx.Err() == nil:
							t.Errorf("read: %v", err)
						}
					}
				})
			}
			writers.Wait()
			readers.Wait()
			t.Logf("%d written, %d read, %d refused", written.Load(), read.Load(), refused.Load())
			if written.Load() == 0 || read.Load() == 0 {
				t.Error("nothing happened")
			}
			mustWrite(t, archiveIn(storage), 5)
			mustRead(t, storage, 5)
		})
	}
}

// With one writer, which is the rule, no reader is ever refused anything, and no version goes back.
func TestArchiveStressOfOneWriter(t *testing.T) {
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	writer := archiveIn(storage)
	mustWrite(t, writer, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	group.Go(func() {
		defer cancel()
		for i := range 30 {
			if _, err := writer.Write(ctx, archiveSample(i), time.Now(), "one"); err != nil {
				t.Errorf("write: %v", err)
			}
			if _, err := writer.Touch(ctx, fmt.Sprint("r", i), time.Now(), "one"); err != nil {
				t.Errorf("touch: %v", err)
			}
		}
	})
	// The archive of the writer may read at the same time.
	for _, archive := range []*Archive{writer, archiveIn(storage), archiveIn(storage)} {
		group.Go(func() {
			last := uint64(0)
			for ctx.Err() == nil {
				snapshot, manifest, err := archive.Read(ctx)
				if ctx.Err() != nil {
					return
				}
				if err != nil || manifest.Version < last {
					t.Errorf("version %d after %d, %v", manifest.Version, last, err)
					return
				}
				last = manifest.Version
				if err := wholeOf(snapshot, manifest); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestArchiveInFiles(t *testing.T) {
	folder := t.TempDir()
	storage := &certmagic.FileStorage{Path: folder}
	archive := archiveIn(storage)
	release, err := archive.Lead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := archiveIn(storage).Lead(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two lead: %v", err)
	}
	mustWrite(t, archive, 1)
	mustRead(t, storage, 1)
	if _, err := os.Stat(folder + "/" + archiveManifest); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(folder+"/"+archiveManifest, 99); err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.Read(t.Context()); refusalOf(err) != RefusedTruncated {
		t.Errorf("got %v", err)
	}
	mustWrite(t, archive, 2)
	if aside, err := os.ReadFile(folder + "/" + archiveBase + "refused/truncated"); err != nil || len(aside) != 99 {
		t.Errorf("%d bytes, %v", len(aside), err)
	}
	// A holder that no longer renews is deposed.
	if err := archiveIn(storage).Depose(t.Context()); err != nil {
		t.Error(err)
	}
	second, err := archiveIn(storage).Lead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second()
	release()
	if left, err := storage.List(t.Context(), "locks", true); err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) != 0 {
		t.Errorf("locks are left: %q, %v", left, err)
	}
}

// The stored snapshot holds the members that are listed, and nothing of anything else.
func TestArchiveStoresNoOtherText(t *testing.T) {
	store := newArchiveStore()
	page := `{"total":1,"services":[{"id":"a","name":"A","key":"k","secret":"PLANTED","trusted":true,"homeUrl":"https://a/",` +
		`"baseUrls":[],"redirectUris":["cb"],"vendor":"PLANTED"}]}`
	snapshot, err := parse([]byte(page))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := archiveIn(store).Write(t.Context(), snapshot, archiveTime, "one"); err != nil {
		t.Fatal(err)
	}
	for _, key := range store.keys("") {
		if strings.Contains(string(store.get(key)), "PLANTED") {
			t.Errorf("%s: %s", key, store.get(key))
		}
	}
	got, _, err := archiveIn(store).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(snapshot.Clients, got.Clients); diff != "" || got.Clients[0].Trust != rule.Trusted {
		t.Error(diff)
	}
}
