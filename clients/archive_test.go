package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

const (
	archiveBase     = "oauth_guard/clients/a/"
	archiveManifest = archiveBase + "manifest.json"
)

// marshalled writes JSON, or nothing if the value holds bytes that are none.
func marshalled(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return data
}

// archiveIn is an archive with small chunks.
func archiveIn(storage Storage) *Archive {
	archive := NewArchive(storage, "a")
	archive.chunk = 256
	return archive
}

// archiveSample is a snapshot that takes several chunks, and that no other number has a client of.
func archiveSample(number int) *Snapshot {
	snapshot := &Snapshot{Services: true, Revision: fmt.Sprint("r", number)}
	for i := range 8 {
		id := fmt.Sprintf("%d-%d", number, i)
		snapshot.Clients = append(snapshot.Clients, Registration{Client: rule.Client{ID: id, Name: strings.Repeat("x", 50)}})
	}
	return snapshot
}

func mustWrite(t testing.TB, archive *Archive, number int) Manifest {
	t.Helper()
	manifest, err := archive.Write(t.Context(), archiveSample(number), archiveTime, "one")
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

// mustRead reads with an archive that has seen nothing yet.
func mustRead(t testing.TB, storage Storage, number int) Manifest {
	t.Helper()
	snapshot, manifest, err := archiveIn(storage).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(archiveSample(number), snapshot); diff != "" {
		t.Fatal(diff)
	}
	return manifest
}

func refusalOf(err error) Refusal {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Refusal
	}
	return ""
}

func TestArchiveIsEmptyAtFirst(t *testing.T) {
	archive := archiveIn(newArchiveStore())
	if _, err := archive.Peek(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("peek: %v", err)
	}
	if snapshot, _, err := archive.Read(t.Context()); !errors.Is(err, fs.ErrNotExist) || snapshot != nil {
		t.Errorf("read: %v", err)
	}
	if _, err := archive.Touch(t.Context(), "r1", archiveTime, "one"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("touch: %v", err)
	}
}

func TestArchiveWriteAndRead(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	written := mustWrite(t, archive, 1)
	if written.Clients != 8 || len(written.Chunks) != 3 || written.Fetcher != "one" || !written.Fetched.Equal(archiveTime) ||
		written.Revision != "r1" || !written.Services || written.Format != 1 {
		t.Errorf("got %+v", written)
	}
	for _, key := range store.keys("") {
		if !strings.HasPrefix(key, archiveBase) || len(store.get(key)) > 4<<10 {
			t.Errorf("%s: %d bytes", key, len(store.get(key)))
		}
	}
	if read := mustRead(t, store, 1); !cmp.Equal(read, written) {
		t.Error(cmp.Diff(read, written))
	}
	store.counted("")
	peeked, err := archive.Peek(t.Context())
	if err != nil || !cmp.Equal(peeked, written) || store.counted("") != 1 {
		t.Errorf("peek: %+v, %v", peeked, err)
	}
	next := mustWrite(t, archive, 2)
	if next.Version <= written.Version || next.SHA256 == written.SHA256 {
		t.Errorf("version %d after %d", next.Version, written.Version)
	}
	mustRead(t, store, 2)
	if _, _, err := NewArchive(store, "b").Read(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another source: %v", err)
	}
}

func TestArchiveOfNothingAndWithoutRevision(t *testing.T) {
	store := newArchiveStore()
	for _, clients := range [][]Registration{nil, registered("a")} {
		written, err := archiveIn(store).Write(t.Context(), &Snapshot{Clients: clients, Partial: true}, time.Now(), "one")
		if err != nil || len(written.Revision) != 64 {
			t.Fatalf("got %+v, %v", written, err)
		}
		snapshot, _, err := archiveIn(store).Read(t.Context())
		if err != nil || len(snapshot.Clients) != len(clients) || !snapshot.Partial || snapshot.Revision != written.Revision {
			t.Errorf("got %+v, %v", snapshot, err)
		}
	}
}

func TestArchiveTouch(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	written := mustWrite(t, archive, 1)
	store.counted("")
	later := archiveTime.Add(time.Minute)
	touched, err := archive.Touch(t.Context(), "r1", later, "two")
	if err != nil || touched.Version <= written.Version || !touched.Fetched.Equal(later) || touched.Fetcher != "two" || touched.Set != written.Set {
		t.Errorf("got %+v, %v", touched, err)
	}
	if stores := store.counted("store"); stores != 1 {
		t.Errorf("%d values were stored", stores)
	}
	if read := mustRead(t, store, 1); !cmp.Equal(read, touched) {
		t.Error(cmp.Diff(read, touched))
	}
	if _, err := archive.Touch(t.Context(), "r2", later, "one"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `"r2"`) {
		t.Errorf("another revision: %v", err)
	}
}

// What is wrong with a storage, and what each method says.
func TestArchiveRefuses(t *testing.T) {
	manifest := func(change func(m map[string]any)) func(*archiveStore) {
		return func(store *archiveStore) {
			var outer envelope
			_ = json.Unmarshal(store.get(archiveManifest), &outer)
			var inner map[string]any
			_ = json.Unmarshal(outer.Manifest, &inner)
			change(inner)
			outer.Manifest = marshalled(inner)
			outer.SHA256 = revisionOf(outer.Manifest)
			store.put(archiveManifest, marshalled(outer))
		}
	}
	set := func(text string) func(*archiveStore) {
		return func(store *archiveStore) { store.put(archiveManifest, []byte(text)) }
	}
	chunk := func(change func([]byte) []byte) func(*archiveStore) {
		return func(store *archiveStore) {
			key := store.keys(archiveBase + "chunks/")[1]
			store.put(key, change(store.get(key)))
		}
	}
	tests := []struct {
		name    string
		damage  func(*archiveStore)
		refusal Refusal
		text    string
		// only Read sees it
		inside bool
	}{
		{"manifest empty", set(""), RefusedTruncated, "ends early, after 0 bytes", false},
		{"manifest cut", func(s *archiveStore) { s.put(archiveManifest, s.get(archiveManifest)[:100]) }, RefusedTruncated, "ends early, after 100 bytes", false},
		{"manifest of zeros", set("\x00\x00\x00\x00"), RefusedCorrupt, "invalid character", false},
		{"one digit of the manifest", func(s *archiveStore) {
			s.put(archiveManifest, bytes.Replace(s.get(archiveManifest), []byte(`"clients":8`), []byte(`"clients":9`), 1))
		}, RefusedCorrupt, "SHA-256", false},
		{"an array", set(`[{"client_id":"a"}]`), RefusedForeign, "not a manifest", false},
		{"another object", set(`{"services":[]}`), RefusedForeign, "not a manifest", false},
		{"other types", set(`{"kind":1,"format":"x"}`), RefusedForeign, "not a manifest", false},
		{"format 0", set(`{"kind":"oauth_guard clients"}`), RefusedForeign, "not a manifest", false},
		{"very long", set(`"` + strings.Repeat("x", chunkSize) + `"`), RefusedForeign, "262146 bytes, more than", false},
		{"another source", manifest(func(m map[string]any) { m["key"] = "other" }), RefusedForeign, `another source, "other"`, false},
		{"a later format", set(`{"kind":"oauth_guard clients","format":2,"parts":{}}`), RefusedFormat, "format 2; this release reads format 1", false},
		{"version 0", manifest(func(m map[string]any) { m["version"] = 0 }), RefusedCorrupt, "version 0 is out of range", false},
		{"highest version", manifest(func(m map[string]any) { m["version"] = uint64(1<<64 - 1) }), RefusedCorrupt, "out of range", false},
		{"an earlier version", manifest(func(m map[string]any) { m["version"] = 1 }), RefusedOlder, "version 1, though version", false},
		{"negative count", manifest(func(m map[string]any) { m["clients"] = -1 }), RefusedCorrupt, "negative", false},
		{"too many chunks", manifest(func(m map[string]any) { m["chunks"] = make([]struct{}, 513) }), RefusedCorrupt, "513 chunks, more than 512", false},
		{"too many bytes", manifest(func(m map[string]any) { m["chunks"] = []Chunk{{Bytes: 1e9}} }), RefusedCorrupt, "chunk 1 has 1000000000 bytes", false},
		{"no bytes", manifest(func(m map[string]any) { m["chunks"] = []Chunk{{}} }), RefusedCorrupt, "chunk 1 has 0 bytes", false},
		{"a billion chunks", manifest(func(m map[string]any) { m["chunks"] = 1e9 }), RefusedCorrupt, "cannot unmarshal number", false},
		{"another place", manifest(func(m map[string]any) { m["set"] = "../../certificates/x" }), RefusedCorrupt, "the set", false},
		{"wrong count", manifest(func(m map[string]any) { m["clients"] = 1e9 }), RefusedCorrupt, "8 clients where the manifest counts 1000000000", true},
		{"chunk missing", func(s *archiveStore) { delete(s.values, s.keys(archiveBase + "chunks/")[1]) }, RefusedTruncated, "chunk 2 of 3 is missing", true},
		{"chunk cut", chunk(func(b []byte) []byte { return b[:17] }), RefusedTruncated, "chunk 2 of 3 has 17 of 256 bytes", true},
		{"chunk empty", chunk(func([]byte) []byte { return nil }), RefusedTruncated, "chunk 2 of 3 has 0 of", true},
		{"chunk longer", chunk(func(b []byte) []byte { return append(b, 'x') }), RefusedCorrupt, "chunk 2 of 3 does not have", true},
		{"one bit of a chunk", chunk(func(b []byte) []byte { b[99] ^= 1; return b }), RefusedCorrupt, "chunk 2 of 3 does not have", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newArchiveStore()
				archive := archiveIn(store)
				mustWrite(t, archive, 1)
				test.damage(store)
				store.counted("")
				snapshot, _, err := archive.Read(t.Context())
				if snapshot != nil || refusalOf(err) != test.refusal || !strings.Contains(err.Error(), test.text) ||
					!strings.Contains(err.Error(), string(test.refusal)) {
					t.Fatalf("read: %v", err)
				}
				if _, err := archive.Peek(t.Context()); test.inside == (err != nil) {
					t.Errorf("peek: %v", err)
				}
				if writes := store.counted("store") + store.counted("delete"); writes != 0 {
					t.Errorf("a reader wrote")
				}
				damaged := store.get(archiveManifest)
				if test.name != "wrong count" {
					if _, err := archive.Touch(t.Context(), "r1", archiveTime, "one"); refusalOf(err) != test.refusal {
						t.Errorf("touch: %v", err)
					}
					if !bytes.Equal(store.get(archiveManifest), damaged) {
						t.Error("touched all the same")
					}
				}
				mustWrite(t, archive, 2)
				mustRead(t, store, 2)
				aside := store.keys(archiveBase + "refused/")
				if len(aside) != 1 || aside[0] != archiveBase+"refused/"+string(test.refusal) || len(store.get(aside[0])) > chunkSize {
					t.Errorf("kept aside: %q", aside)
				}
				if !test.inside && !bytes.HasPrefix(damaged, store.get(aside[0])) {
					t.Error("something else is kept aside")
				}
			})
		})
	}
}

func TestArchiveKeepsOnlyTheLastAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		archive := archiveIn(store)
		for i := range 5 {
			store.put(archiveManifest, fmt.Appendf(nil, `{"other":%d}`, i))
			for range 3 {
				if _, err := archive.Peek(t.Context()); refusalOf(err) != RefusedForeign {
					t.Fatal(err)
				}
			}
			mustWrite(t, archive, i)
		}
		if aside := store.keys(archiveBase + "refused/"); len(aside) != 1 || string(store.get(aside[0])) != `{"other":4}` {
			t.Errorf("kept aside: %q", aside)
		}
		// The same thing is stored once.
		store.put(archiveManifest, []byte(`{"other":4}`))
		store.counted("")
		mustWrite(t, archive, 6)
		if again := store.counted("store " + archiveBase + "refused/"); again != 0 {
			t.Error("stored again")
		}
	})
}

func TestArchiveManifestCutOrChangedAnywhere(t *testing.T) {
	store := newArchiveStore()
	mustWrite(t, archiveIn(store), 1)
	data := store.get(archiveManifest)
	want, err := parseManifest(data, "a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		if _, err := parseManifest(data[:i], "a"); refusalOf(err) != RefusedTruncated {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
		for bit := range 8 {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << bit
			// Names of members are read in any case, which changes nothing.
			if got, err := parseManifest(changed, "a"); refusalOf(err) == "" && !cmp.Equal(got, want) {
				t.Fatalf("bit %d of byte %d: %+v, %v", bit, i, got, err)
			}
		}
	}
}

func TestArchiveIgnoresMembersOfALaterRelease(t *testing.T) {
	store := newArchiveStore()
	mustWrite(t, archiveIn(store), 1)
	var outer map[string]any
	if err := json.Unmarshal(store.get(archiveManifest), &outer); err != nil {
		t.Fatal(err)
	}
	inner := outer["manifest"].(map[string]any)
	inner["colour"], outer["size"] = "red", 7
	outer["manifest"], outer["sha256"] = inner, revisionOf(marshalled(inner))
	store.put(archiveManifest, marshalled(outer))
	mustRead(t, store, 1)
	if _, err := archiveIn(store).Touch(t.Context(), "r1", archiveTime, "one"); err != nil {
		t.Error(err)
	}
}

func TestArchiveWaitsForWhatIsBeingReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		mustWrite(t, archiveIn(store), 1)
		good := store.get(archiveManifest)
		store.put(archiveManifest, good[:50])
		go func() {
			time.Sleep(250 * time.Millisecond)
			store.put(archiveManifest, good)
		}()
		mustRead(t, store, 1)
		// It does not wait for ever, nor beyond its context.
		store.put(archiveManifest, good[:50])
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if _, err := archiveIn(store).Peek(ctx); !errors.Is(err, context.DeadlineExceeded) || refusalOf(err) != RefusedTruncated {
			t.Error(err)
		}
	})
}

func TestArchiveReaderWhoseChunksWereReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchiveStore()
		writer := archiveIn(store)
		first := mustWrite(t, writer, 1)
		// After the reader has the manifest, three newer versions come.
		once := true
		store.before = func(call, key string) error {
			if once && call == "load" && strings.HasSuffix(key, chunkName(first.Set, 0)) {
				once = false
				for i := 2; i <= 5; i++ {
					mustWrite(t, writer, i)
				}
			}
			return nil
		}
		mustRead(t, store, 5)
		if once {
			t.Error("the reader did not come across the writer")
		}
	})
}

func TestArchiveSlowReaderFindsTheOldChunks(t *testing.T) {
	store := newArchiveStore()
	writer := archiveIn(store)
	first := mustWrite(t, writer, 1)
	mustWrite(t, writer, 2)
	mustWrite(t, writer, 3)
	if old := store.keys(archiveBase + "chunks/" + first.Set); len(old) != 3 {
		t.Errorf("left after two newer versions: %q", old)
	}
	for i := range 20 {
		mustWrite(t, writer, i)
	}
	if all := store.keys(archiveBase); len(all) != 1+(1+1+keptSets)*3 {
		t.Errorf("%d keys: %q", len(all), all)
	}
	// What is not a chunk of the archive is not touched.
	store.put(archiveBase+"chunks/README", []byte("x"))
	mustWrite(t, writer, 1)
	if store.get(archiveBase+"chunks/README") == nil {
		t.Error("removed")
	}
}
