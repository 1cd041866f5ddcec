package clients

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// keptSets is how many sets of chunks stay besides the one that the manifest names: those that a slow reader, or a writer that does
// not know that it was replaced, may still be at work on.
const keptSets = 2

// maxDeletes bounds how many old chunks one write removes.
const maxDeletes = 4 * maxChunks

// ErrOvertaken means that another instance has written since this one last did, although only one should: this one stood still, and
// its lock went to the other. What the other one wrote stays. The caller releases its role and only reads, until
// the snapshot is no longer renewed; then it asks for the role again.
var ErrOvertaken = errors.New("clients storage: another instance fetches now and has written a newer snapshot; this one steps back")

var errEach = errors.New("clients storage: a source whose clients are stored must deliver them as Clients, and not by Each; report this to its maintainer")

// Write stores a snapshot that was fetched at that time by the instance of that name. The one before can be read until
// the new one is complete, and remains if anything fails. Clients must be in UTF-8 and take at most 128 MiB. The error is
// [ErrOvertaken], or that of the storage; then the new one may be stored all the same if the last step was reported to have failed.
func (a *Archive) Write(ctx context.Context, snapshot *Snapshot, fetched time.Time, fetcher string) (Manifest, error) {
	if snapshot.Each != nil {
		return Manifest{}, errEach
	}
	content, err := encodeClients(snapshot.Clients)
	if err != nil {
		return Manifest{}, err
	}
	chunks := slices.Collect(slices.Chunk(content, a.chunk))
	next := Manifest{Key: a.key, Fetched: fetched.UTC().Round(0), Fetcher: fetcher}
	if err := next.describe(snapshot, content, chunks); err != nil {
		return Manifest{}, err
	}
	var before Manifest
	var data []byte
	err = a.patiently(ctx, func() (err error) {
		before, data, err = a.manifest(ctx)
		return err
	})
	// What cannot be used is replaced.
	if _, refused := errors.AsType[*RefusedError](err); err != nil && !refused && !errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, err
	}
	if err := a.alone(before); err != nil {
		return Manifest{}, err
	}
	a.keepAside(ctx)
	// To remove first makes room, and bounds what writers that fail again and again leave behind.
	if err := a.sweep(ctx, before.Set); err != nil {
		return Manifest{}, err
	}
	next.Version = a.nextVersion()
	next.Set = newSet(next.Version)
	if err := a.storeChunks(ctx, next.Set, chunks); err != nil {
		return Manifest{}, err
	}
	return a.publish(ctx, data, next, func() { a.discard(ctx, next.Set, len(chunks)) })
}

// Touch says that the source confirmed the content at that time: the manifest gets a later Fetched and a higher version, the chunks stay.
// It verifies them, so after success a reader finds a snapshot. The error is [ErrOvertaken], a [RefusedError], [fs.ErrNotExist]
// if nothing or another revision is stored, or that of the storage; except for the first, the caller goes on with Write.
func (a *Archive) Touch(ctx context.Context, revision string, fetched time.Time, fetcher string) (Manifest, error) {
	var next Manifest
	var data []byte
	err := a.patiently(ctx, func() (err error) {
		next, data, err = a.verified(ctx, io.Discard)
		return err
	})
	if err != nil {
		a.keepAside(ctx)
		return Manifest{}, err
	}
	if err := a.alone(next); err != nil {
		return Manifest{}, err
	}
	if next.Revision != revision {
		return Manifest{}, fmt.Errorf("clients storage: revision %s is not stored, but %s: %w", quote(revision), quote(next.Revision), fs.ErrNotExist)
	}
	next.Version, next.Fetched, next.Fetcher = a.nextVersion(), fetched.UTC().Round(0), fetcher
	return a.publish(ctx, data, next, func() {})
}

// alone fails if somebody else has written since this archive did.
func (a *Archive) alone(stored Manifest) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.mine == 0 || stored.Version <= a.mine {
		return nil
	}
	a.mine = 0
	return ErrOvertaken
}

// nextVersion is above all that were seen here and, by the clock, most likely above those that were not.
func (a *Archive) nextVersion() uint64 {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return max(uint64(max(a.now().UnixMicro(), 0)), a.seen+1)
}

// newSet is not the set of any other write.
func newSet(version uint64) string {
	var number [8]byte
	rand.Read(number[:])
	return fmt.Sprintf("%020d-%s", version, hex.EncodeToString(number[:]))
}

func (a *Archive) storeChunks(ctx context.Context, set string, chunks [][]byte) error {
	for i, chunk := range chunks {
		if err := a.store(ctx, a.path(chunkName(set, i)), chunk); err != nil {
			a.discard(ctx, set, i+1)
			return err
		}
	}
	return nil
}

// publish puts a manifest in the place of the one that is stored as those bytes; nil means none. If it was replaced meanwhile, or cannot be
// compared, undo is called and nothing changes.
func (a *Archive) publish(ctx context.Context, before []byte, next Manifest, undo func()) (Manifest, error) {
	data, err := next.encode()
	if err == nil {
		var now []byte
		if now, err = a.load(ctx, a.path("manifest.json")); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err == nil && !bytes.Equal(now, before) {
			err = ErrOvertaken
		}
	}
	if err != nil {
		undo()
		return Manifest{}, err
	}
	// From here on nothing is undone: a storage that reports a failure, such as a time-out, may have stored all the same.
	a.mutex.Lock()
	a.mine = next.Version
	a.mutex.Unlock()
	if err := a.store(ctx, a.path("manifest.json"), data); err != nil {
		return Manifest{}, err
	}
	a.saw(next.Version)
	return next, nil
}

// discard removes the first chunks of a set that no manifest names, if that can be done soon.
func (a *Archive) discard(ctx context.Context, set string, count int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	for i := range count {
		if ctx.Err() != nil || a.storage.Delete(ctx, a.path(chunkName(set, i))) != nil {
			return
		}
	}
}

// sweep removes the chunks of all sets but the named one and the newest others.
func (a *Archive) sweep(ctx context.Context, named string) error {
	keys, err := a.storage.List(ctx, a.path("chunks"), false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clients storage: list %s: %w", a.path("chunks"), err)
	}
	chunks := make(map[string][]string)
	for _, key := range keys {
		name := path.Base(key)
		if set, _, _ := strings.Cut(name, "."); setForm.MatchString(set) && set != named {
			chunks[set] = append(chunks[set], name)
		}
	}
	sets := make([]string, 0, len(chunks))
	for set := range chunks {
		sets = append(sets, set)
	}
	slices.Sort(sets)
	deleted := 0
	for _, set := range sets[:max(0, len(sets)-keptSets)] {
		for _, name := range chunks[set] {
			if deleted++; deleted > maxDeletes {
				return nil
			}
			err := ctx.Err()
			if err == nil {
				err = a.storage.Delete(ctx, a.path("chunks/"+name))
			}
			if err != nil {
				return fmt.Errorf("clients storage: delete %s: %w", a.path("chunks/"+name), err)
			}
		}
	}
	return nil
}
