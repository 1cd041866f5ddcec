package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"
)

// Storage is what an [Archive] needs of a key-value store that several instances share; that of Caddy has it. A missing key is
// [fs.ErrNotExist] for Load and List, and no error for Delete. A lock that its holder does not keep alive may be taken over by another.
type Storage interface {
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

// Archive keeps the snapshot of one source in a storage, where other instances find it. It is safe for concurrent use, by several
// processes too: a reader gets a snapshot as one writer wrote it, or an error. It calls the storage in the goroutine of the caller, so a
// storage that hangs in spite of its context holds up that goroutine and nothing else. Peek and Read only read.
//
// A process should have one archive per key for as long as it lives, since the archive knows which versions were there before.
type Archive struct {
	storage Storage
	key     string
	// now is the clock of the versions, and chunk the size of the chunks that are written, in bytes; tests replace them.
	now   func() time.Time
	chunk int

	mutex sync.Mutex
	// seen is the highest version that was ever found or written.
	seen uint64
	// mine is the version that was written last since the lead began; zero if none was.
	mine uint64
	// aside is what was refused last, by kind.
	aside map[Refusal]setAside
}

// unlockLimit bounds what is done after a context has ended: giving back a lock, removing chunks that no manifest will name.
const unlockLimit = 10 * time.Second

var errNoSnapshot = fmt.Errorf("clients storage: no snapshot is stored yet: %w", fs.ErrNotExist)

// NewArchive makes the archive of the source with that key, a hash of its configuration in lower-case hexadecimal digits. All it stores
// is below oauth_guard/clients/<key>/:
//
//	manifest.json            what the snapshot consists of, written last
//	heartbeat.json           the sign of life of the instance that fetches, see [Heartbeat]
//	chunks/<set>.<number>    its parts, of at most 256 KiB; a set begins with the version that it was written for
//	refused/<kind>           what was refused last, see [Refusal]
func NewArchive(storage Storage, key string) *Archive {
	return &Archive{storage: storage, key: key, now: time.Now, chunk: chunkSize, aside: make(map[Refusal]setAside)}
}

func (a *Archive) path(name string) string { return "oauth_guard/clients/" + a.key + "/" + name }

// Peek reads what is said about the snapshot, a single value of the storage. The error is a [RefusedError] if there is something
// that is not used, [fs.ErrNotExist] if there is nothing, else that of the storage.
func (a *Archive) Peek(ctx context.Context) (Manifest, error) {
	var manifest Manifest
	if err := a.patiently(ctx, func() (err error) {
		manifest, _, err = a.manifest(ctx)
		return err
	}); err != nil {
		return Manifest{}, err
	}
	return manifest, nil
}

// Read reads the snapshot and verifies all of it. Errors are those of Peek; then there is no snapshot, and the caller keeps the one it has.
func (a *Archive) Read(ctx context.Context) (*Snapshot, Manifest, error) {
	var snapshot *Snapshot
	var manifest Manifest
	if err := a.patiently(ctx, func() (err error) {
		var content bytes.Buffer
		if manifest, _, err = a.verified(ctx, &content); err != nil {
			return err
		}
		snapshot, err = manifest.snapshot(content.Bytes())
		return err
	}); err != nil {
		return nil, Manifest{}, err
	}
	return snapshot, manifest, nil
}

// Lead waits until this instance may be the one that fetches, however long that takes. The error is that of the context, or of a storage
// that cannot lock. Release gives the role back; calling it again does nothing. The role may be lost without notice, when this process stood
// still for longer than the storage waits for a sign of life; [ErrOvertaken] tells.
func (a *Archive) Lead(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("clients storage: lock: %w", err)
	}
	if err := a.storage.Lock(ctx, a.lock()); err != nil {
		return nil, fmt.Errorf("clients storage: lock: %w", err)
	}
	// Some storages take a free lock without a look at the context.
	if err := ctx.Err(); err != nil {
		_ = a.Depose(ctx)
		return nil, fmt.Errorf("clients storage: lock: %w", err)
	}
	a.mutex.Lock()
	a.mine = 0
	a.mutex.Unlock()
	return sync.OnceFunc(func() { _ = a.Depose(ctx) }), nil
}

// Depose releases the lock of the fetcher, whoever holds it, also after the end of the context. It is for a fetcher that gives no sign of life though its lock looks
// alive: with the file system, a process that gave the lock back goes on to keep the file fresh if somebody else takes it within five seconds, and thus keeps the lock
// of a dead one for as long as it lives itself. Two fetchers for a while do no harm.
func (a *Archive) Depose(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	if err := a.storage.Unlock(ctx, a.lock()); err != nil {
		return fmt.Errorf("clients storage: unlock: %w", err)
	}
	return nil
}

// lock has no slashes, which some storages drop from the names of locks.
func (a *Archive) lock() string { return "oauth_guard_clients_" + a.key }

// manifest loads the manifest, and says as what bytes it is stored; those are also there if it is refused, and all of it if it is only
// too old.
func (a *Archive) manifest(ctx context.Context) (Manifest, []byte, error) {
	// A newer version that somebody finds during the load must not make this one look too old.
	a.mutex.Lock()
	floor := a.seen
	a.mutex.Unlock()
	data, err := a.load(ctx, a.path("manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, nil, errNoSnapshot
	}
	if err != nil {
		return Manifest{}, nil, err
	}
	manifest, err := parseManifest(data, a.key)
	if err != nil {
		return Manifest{}, data, err
	}
	if manifest.Version < floor {
		reason := fmt.Sprintf("version %d, though version %d was there before; was a backup restored?", manifest.Version, floor)
		return manifest, data, &RefusedError{RefusedOlder, reason, data}
	}
	a.saw(manifest.Version)
	return manifest, data, nil
}

func (a *Archive) saw(version uint64) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.seen = max(a.seen, version)
}

// verified loads the manifest and all chunks that it names, which are written to content if they are what it says. It also says as what
// bytes the manifest is stored.
func (a *Archive) verified(ctx context.Context, content io.Writer) (Manifest, []byte, error) {
	manifest, data, err := a.manifest(ctx)
	if err != nil {
		return Manifest{}, nil, err
	}
	for i := range manifest.Chunks {
		chunk, err := a.load(ctx, a.path(chunkName(manifest.Set, i)))
		if errors.Is(err, fs.ErrNotExist) {
			return Manifest{}, nil, &RefusedError{RefusedTruncated, fmt.Sprintf("chunk %d of %d is missing", i+1, len(manifest.Chunks)), data}
		}
		if err != nil {
			return Manifest{}, nil, err
		}
		if err := manifest.verify(i, chunk); err != nil {
			return Manifest{}, nil, err
		}
		if _, err := content.Write(chunk); err != nil {
			return Manifest{}, nil, fmt.Errorf("clients storage: %w", err)
		}
	}
	return manifest, data, nil
}

func (a *Archive) load(ctx context.Context, key string) ([]byte, error) {
	// A storage need not look at the context.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("clients storage: load %s: %w", key, err)
	}
	value, err := a.storage.Load(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("clients storage: load %s: %w", key, err)
	}
	return value, nil
}

func (a *Archive) store(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("clients storage: store %s: %w", key, err)
	}
	if err := a.storage.Store(ctx, key, value); err != nil {
		return fmt.Errorf("clients storage: store %s: %w", key, err)
	}
	return nil
}
