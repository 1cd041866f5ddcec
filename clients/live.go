package clients

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Live is the feed of a source that is reached over a network. It is only asked while the feed runs. What it delivers is kept in an archive, so that a restart needs no
// source, and so that of several instances with one archive a single one asks.
type Live struct {
	*Feed
	settings LiveSettings
	// sharing makes sure that one goroutine at a time exchanges directories with the archive.
	sharing sync.Mutex
	// version is the last one of the archive that was read or written.
	version uint64
	// unwritten says that the archive does not hold what the source delivered last.
	unwritten bool
	// troubles are why the archive cannot be used, by kind of use.
	troublesMutex sync.Mutex
	troubles      [4]string
	// archive is that of the current Run; nil if there is none.
	archive atomic.Pointer[Archive]
}

// LiveSettings say how a live feed treats its source. Zero values mean the defaults.
type LiveSettings struct {
	// Refresh is the time from one load to the next. Default: 1 minute.
	Refresh time.Duration
	// MaxStale is how old a directory may become before nothing is concluded any more from what it lacks. Default: 24 hours.
	MaxStale time.Duration
	// Instance is the name under which other instances know this one.
	Instance string
	// Lookups bound the questions for single clients, for a source that is a [Finder].
	Lookups LookupLimits
	// Metadata reads what the server says about itself. Nil means that it is not read.
	Metadata func(context.Context) (*Metadata, error)
	// Report tells the source of redirect URIs that were refused. Nil means that it is not told.
	Report Report
}

// The defaults of the settings.
const (
	DefaultRefresh  = time.Minute
	DefaultMaxStale = 24 * time.Hour
)

// A directory is stale, and an instance that waits for another one to fetch goes and fetches for itself, when so many refresh intervals have passed.
const staleAfter = 3

// NewLive makes a live feed that has loaded nothing yet.
func NewLive(name string, source Source, settings LiveSettings) *Live {
	if settings.Refresh <= 0 {
		settings.Refresh = DefaultRefresh
	}
	if settings.MaxStale <= 0 {
		settings.MaxStale = DefaultMaxStale
	}
	feed := NewFeed(name, source, settings.Refresh)
	feed.limits = limits{stale: staleAfter * settings.Refresh, tooOld: settings.MaxStale}
	feed.lookups, feed.reporter = newLookups(source, settings.Lookups), newReporter(settings.Report)
	return &Live{Feed: feed, settings: settings}
}

// Restore takes the directory that the archive holds, if it is newer than what the feed has. An empty archive is no error.
func (l *Live) Restore(ctx context.Context, archive *Archive) error {
	l.sharing.Lock()
	defer l.sharing.Unlock()
	manifest, err := archive.Peek(ctx)
	if err == nil && manifest.Version != l.version {
		if err = l.take(ctx, archive, manifest); err == nil {
			// Another instance has written, so what went wrong here when it was this one's turn is over.
			l.note(writing, nil)
			l.note(deposing, nil)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	l.note(reading, err)
	return err
}

// take takes over what another instance has written: a snapshot, or the word that the one that is known is still good.
func (l *Live) take(ctx context.Context, archive *Archive, manifest Manifest) error {
	var directory *Directory
	if !l.holds(manifest.Revision) {
		var snapshot *Snapshot
		var err error
		if snapshot, manifest, err = archive.Read(ctx); err != nil {
			return err
		}
		if directory, err = NewDirectory(snapshot); err != nil {
			return err
		}
	}
	l.version = manifest.Version
	l.change(func(d *delivery) {
		if !manifest.Fetched.After(d.state.LastSuccess) {
			return
		}
		if directory != nil {
			d.deliver(directory, manifest.Revision)
		}
		d.state.LastSuccess, d.state.Fetcher, d.state.LastError = manifest.Fetched, manifest.Fetcher, ""
		d.renew(l.Feed)
	})
	return nil
}

// The kinds of use of an archive. A storage may allow some of them only.
const (
	leading = iota
	deposing
	writing
	reading
)

// note notes how the last use of the archive of that kind went.
func (l *Live) note(kind int, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	l.troublesMutex.Lock()
	l.troubles[kind] = text
	text = cmp.Or(l.troubles[:]...)
	l.troublesMutex.Unlock()
	if l.current.Load().state.StorageError != text {
		l.change(func(d *delivery) { d.state.StorageError = text })
	}
}

// Run keeps the directory fresh until the context ends, and returns then. Without an archive this instance asks the source by itself. With one, it waits for the role of
// the one instance that asks, and meanwhile takes over what that one delivers.
func (l *Live) Run(ctx context.Context, archive *Archive) {
	l.archive.Store(archive)
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { l.review(ctx) })
	if l.settings.Metadata != nil {
		group.Go(func() { l.describe(ctx) })
	}
	if l.reporter != nil {
		group.Go(func() { l.reporter.run(ctx) })
	}
	if archive == nil {
		l.ask(ctx, nil)
		return
	}
	l.sharing.Lock()
	archive.saw(l.version)
	l.sharing.Unlock()
	group.Go(func() { l.follow(ctx, archive) })
	for ctx.Err() == nil {
		// Who has to wait for the role can lock.
		waiting := time.AfterFunc(leadPatience, func() { l.note(leading, nil) })
		release, err := archive.Lead(ctx)
		waiting.Stop()
		if err != nil {
			// Who cannot agree with others asks alone, and tries again.
			if ctx.Err() == nil {
				l.note(leading, err)
				_ = l.load(ctx, archive)
				sleep(ctx, l.settings.Refresh)
			}
			continue
		}
		l.note(leading, nil)
		l.note(deposing, nil)
		l.change(func(d *delivery) { d.state.Fetching = true })
		overtaken := l.ask(ctx, archive)
		l.change(func(d *delivery) { d.state.Fetching = false })
		// The lock of an instance that stood still belongs to another one now.
		if !overtaken {
			release()
		}
	}
}

// leadPatience is how long a storage may take to say that it cannot lock.
const leadPatience = 15 * time.Second

// ask loads the source whenever that is due, until the context ends, or another instance turns out to do so. After failures it waits longer and longer, but never
// longer than one refresh interval unless the source demands it.
func (l *Live) ask(ctx context.Context, archive *Archive) (overtaken bool) {
	patience := backoff.NewExponentialBackOff()
	patience.MaxInterval = l.settings.Refresh
	patience.InitialInterval = min(time.Second, l.settings.Refresh)
	patience.Multiplier = 2
	for wait := l.due(); sleep(ctx, wait); {
		err := l.load(ctx, archive)
		if errors.Is(err, ErrOvertaken) {
			return true
		}
		if err == nil {
			patience.Reset()
			wait = l.settings.Refresh
			continue
		}
		wait = min(patience.NextBackOff(), l.settings.Refresh)
		if demand, told := errors.AsType[retryAfter](err); told {
			wait = max(wait, min(demand.RetryAfter(), l.settings.MaxStale))
		}
	}
	return false
}

// retryAfter is an error of a source that wants to be left alone for some time.
type retryAfter interface {
	error
	RetryAfter() time.Duration
}

// Refresh asks the source now. The answer is kept for all instances if this one fetches for them.
func (l *Live) Refresh(ctx context.Context) error {
	if l.current.Load().state.Fetching {
		return l.load(ctx, l.archive.Load())
	}
	return l.load(ctx, nil)
}

// due is the time until the source is to be asked again.
func (l *Live) due() time.Duration {
	state := l.current.Load().state
	if state.LastSuccess.IsZero() {
		return 0
	}
	return state.LastSuccess.Add(l.settings.Refresh).Sub(l.now())
}

// load asks the source once, and writes what it delivers to the archive, if there is one.
func (l *Live) load(ctx context.Context, archive *Archive) error {
	l.sharing.Lock()
	defer l.sharing.Unlock()
	revision := l.current.Load().revision
	if l.unwritten {
		revision = "" // all of it is needed again
	}
	snapshot, err := l.attempt(ctx, revision)
	if err != nil || archive == nil {
		return err
	}
	fetched := l.current.Load().state.LastSuccess
	var manifest Manifest
	if snapshot != nil {
		manifest, err = archive.Write(ctx, snapshot, fetched, l.settings.Instance)
	} else {
		manifest, err = archive.Touch(ctx, l.current.Load().revision, fetched, l.settings.Instance)
	}
	if l.unwritten = err != nil; err == nil {
		l.version = manifest.Version
	}
	if errors.Is(err, ErrOvertaken) {
		return err
	}
	l.note(writing, err)
	// The directory is good, wherever it could be kept.
	return nil
}

// follow takes over what other instances deliver. If they do not for a long time, it takes the role of the one that fetches from whoever has it, and if not even that is
// possible, asks the source for itself.
func (l *Live) follow(ctx context.Context, archive *Archive) {
	const fastest = 250 * time.Millisecond
	// Instances that wait for the same one must not lose their patience at the same time.
	patience := staleAfter*l.settings.Refresh + rand.N(l.settings.Refresh)
	acted := l.now()
	for sleep(ctx, max(l.settings.Refresh/4, fastest)) {
		_ = l.Restore(ctx, archive)
		state := l.current.Load().state
		if state.Fetching || l.now().Sub(later(acted, state.LastSuccess)) < patience {
			continue
		}
		acted = l.now()
		err := archive.Depose(ctx)
		if l.note(deposing, err); err != nil {
			_ = l.load(ctx, nil)
		}
	}
}

// review notices that a directory has become stale or too old.
func (l *Live) review(ctx context.Context) {
	for sleep(ctx, max(l.settings.Refresh/4, time.Second)) {
		if d := l.current.Load(); d.state.State != d.condition(l.limits, l.now()) {
			l.change(func(*delivery) {})
		}
	}
}

// metadataRefresh is how often a server is asked what it says about itself, which changes with its version.
const metadataRefresh = time.Hour

// describe keeps what the server says about itself. What it said once stays until it says something else; many servers say nothing.
func (l *Live) describe(ctx context.Context) {
	for wait := time.Duration(0); sleep(ctx, wait); wait = metadataRefresh {
		metadata, err := l.settings.Metadata(ctx)
		if err != nil {
			continue
		}
		l.change(func(d *delivery) {
			if !reflect.DeepEqual(d.state.Metadata, metadata) {
				d.state.Metadata = metadata
			}
		})
	}
}

// later is the later one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep waits, and reports whether the context is still going on.
func sleep(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
