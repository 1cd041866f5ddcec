package clients

import (
	"context"
	"errors"
	"io/fs"
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
	// turn is taken by whoever exchanges directories with the archive, for as long as that takes. A storage that hangs holds up the next one, and nothing else.
	turn chan struct{}
	// version is the last one of the archive that was read or written, and received when that was, by the clock of this instance. They belong to who has the turn.
	version  uint64
	received time.Time
	parcels  parcels
	troubles troubles
	// leaveAlone is until when the source wants to be left alone, in nanoseconds since 1970.
	leaveAlone atomic.Int64
}

// LiveSettings say how a live feed treats its source. Zero values mean the defaults.
type LiveSettings struct {
	// Refresh is the time from one load to the next. Default: 1 minute.
	Refresh time.Duration
	// MaxStale is how old a directory may become before nothing is concluded any more from what it lacks. Default: 24 hours.
	MaxStale time.Duration
	// Instance is the name under which other instances know this one.
	Instance string
	// Content tells sources of one name apart that may deliver different things, since they ask for instance with another token. Only a hash of it is stored, but it should hold no
	// secret all the same. Instances share what they read if name and content are equal.
	Content string
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

// staleAfter is after how many refresh intervals a directory is stale.
const staleAfter = 3

// fastest bounds how often a feed looks at anything, however short its intervals are.
const fastest = 250 * time.Millisecond

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
	if feed.reporter != nil {
		feed.reporter.outcome = feed.reported
	}
	return &Live{Feed: feed, settings: settings, turn: make(chan struct{}, 1), parcels: parcels{ready: make(chan struct{}, 1)}}
}

// ArchiveKey is the key of the archive in which instances with the same source keep what it delivers.
func (l *Live) ArchiveKey() string {
	return revisionOf([]byte(l.name + "\n" + l.settings.Content))[:32]
}

// Restore takes the directory that the archive holds, if it is newer than what the feed has. An empty archive is no error.
func (l *Live) Restore(ctx context.Context, archive *Archive) error {
	if !l.takeTurn(ctx) {
		return ctx.Err()
	}
	defer l.giveTurn()
	return l.restore(ctx, archive)
}

// takeTurn waits for the turn, and reports whether it was to be had before the end of the context.
func (l *Live) takeTurn(ctx context.Context) bool {
	select {
	case l.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Live) giveTurn() { <-l.turn }

// restore is Restore for who has the turn.
func (l *Live) restore(ctx context.Context, archive *Archive) error {
	return l.using(reading, func() error {
		manifest, err := archive.Peek(ctx)
		if err == nil && manifest.Version != l.version {
			err = l.take(ctx, archive, manifest)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
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
		if directory, err = l.builder.Build(snapshot); err != nil {
			return err
		}
	}
	l.received = l.now()
	// Who had to ask by itself may know more than the archive, which is looked at again then. After a while that cannot be, whatever the clocks say.
	if own := l.parcels.unstored(); !own.IsZero() && !manifest.Fetched.After(own) && l.now().Sub(own) < l.settings.Refresh/2 {
		return nil
	}
	l.version = manifest.Version
	l.parcels.settle(l.now())
	l.change(func(d *delivery) {
		if directory != nil {
			d.deliver(directory, manifest.Revision)
		}
		// The clock of the other instance may be ahead.
		d.state.LastSuccess, d.state.LastError = earlier(manifest.Fetched, l.now()), ""
		d.state.Fetcher = manifest.Fetcher
		d.renew(l.Feed)
	})
	return nil
}

// Run keeps the directory fresh until the context ends, and returns then. Without an archive this instance asks the source by itself. With one, a single instance asks for all
// that share it, and the others take over what that one delivers.
func (l *Live) Run(ctx context.Context, archive *Archive) {
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
		l.ask(ctx, 0)
		return
	}
	s := newShare(l, archive)
	group.Go(func() { s.run(ctx) })
	group.Go(func() { s.askAlone(ctx) })
}

// Refresh asks the source now. The answer is kept for all instances if this one fetches for them.
func (l *Live) Refresh(ctx context.Context) error { return l.load(ctx, loud) }

// ask loads the source after a while, and then whenever that is due, until the context ends. After failures it waits longer and longer, but never longer than one refresh
// interval unless the source demands it.
func (l *Live) ask(ctx context.Context, wait time.Duration) {
	patience := backoff.NewExponentialBackOff()
	patience.MaxInterval = l.settings.Refresh
	patience.InitialInterval = min(time.Second, l.settings.Refresh)
	patience.Multiplier = 2
	for sleep(ctx, wait) {
		err := l.load(ctx, loud)
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
}

// retryAfter is an error of a source that wants to be left alone for some time.
type retryAfter interface {
	error
	RetryAfter() time.Duration
}

// load asks the source once, and hands over what it delivers to be stored if this instance fetches for all.
func (l *Live) load(ctx context.Context, how volume) error {
	revision := l.current.Load().revision
	if !l.parcels.unstored().IsZero() {
		revision = "" // all of it is needed again
	}
	snapshot, err := l.attempt(ctx, revision, how)
	if demand, told := errors.AsType[retryAfter](err); told && demand.RetryAfter() > 0 {
		l.leaveAlone.Store(l.now().Add(demand.RetryAfter()).UnixNano())
	}
	if err == nil {
		now := l.current.Load()
		l.parcels.add(parcel{snapshot, now.revision, now.state.LastSuccess})
	}
	return err
}

// due is the time until the source is to be asked again. The clocks of instances differ, so what another one says about its time counts only if it makes that sooner.
func (l *Live) due() time.Duration {
	state := l.current.Load().state
	if state.LastSuccess.IsZero() || !l.parcels.unstored().IsZero() {
		return 0
	}
	last := state.LastSuccess
	if !l.received.IsZero() {
		last = earlier(last, l.received)
	}
	return min(last.Add(l.settings.Refresh).Sub(l.now()), l.settings.Refresh)
}

// review notices that a directory has become stale or too old.
func (l *Live) review(ctx context.Context) {
	for sleep(ctx, max(l.settings.Refresh/4, time.Second)) {
		if d := l.current.Load(); d.state.State != d.condition(l.limits, l.now()) {
			l.change(func(*delivery) {})
		}
	}
}

// later and earlier are one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
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
