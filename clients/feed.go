package clients

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Feed is one source, the directory that it delivered last, and how that went. It is safe for concurrent use.
type Feed struct {
	name    string
	source  Source
	refresh time.Duration
	limits  limits
	// lookups ask the source for single clients; nil if it cannot be asked.
	lookups *lookups
	// reporter tells the source of refusals; nil if it does not want to know.
	reporter *reporter
	// builder makes the directories.
	builder Builder
	// now is the clock of the state; tests replace it.
	now func() time.Time
	// attempts makes sure that one attempt runs at a time.
	attempts sync.Mutex
	// changes orders the changes of current.
	changes  sync.Mutex
	current  atomic.Pointer[delivery]
	observer atomic.Pointer[func(state State, change Change)]
}

// delivery is what is swapped at once, so that the directory and what is said about it always fit.
type delivery struct {
	// base is the directory as it was delivered; directory is the same with what has been learned since.
	base, directory *Directory
	revision        string
	state           State
}

var errNothing = errors.New("the source returned neither clients nor an error; report this to its maintainer")

// NewFeed makes a feed that has loaded nothing yet. The name tells it from others in logs and metrics. Refresh is the time from one
// poll to the next; zero or less means that the source never changes.
func NewFeed(name string, source Source, refresh time.Duration) *Feed {
	f := &Feed{name: name, source: source, refresh: refresh, now: time.Now}
	f.current.Store(&delivery{state: State{Name: name, State: NeverLoaded}})
	return f
}

// Name is the name that the feed was made with.
func (f *Feed) Name() string { return f.name }

// Asks reports whether the source is asked for single clients that the directory lacks.
func (f *Feed) Asks() bool { return f.lookups != nil }

// Load asks the source once. If that fails, the error is returned and recorded, and the directory stays what it was: none before the first
// success. An attempt that the caller cancelled is not recorded.
func (f *Feed) Load(ctx context.Context) error {
	_, err := f.attempt(ctx, f.current.Load().revision, loud)
	return err
}

// Run polls the source until the context ends, and returns then; it starts nothing that could live longer. If nothing was loaded yet, it
// asks at once. A source that never changes is not polled. Errors are in [Feed.State].
func (f *Feed) Run(ctx context.Context) {
	if f.Directory() == nil {
		_ = f.Load(ctx)
	}
	if f.refresh <= 0 {
		return
	}
	ticker := time.NewTicker(f.refresh)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// When both are ready, select takes either.
			if ctx.Err() != nil {
				return
			}
			_ = f.Load(ctx)
		}
	}
}

// Directory is the directory that was loaded last; nil before the first success, never nil after.
func (f *Feed) Directory() *Directory { return f.current.Load().directory }

// State is the state of the feed.
func (f *Feed) State() State {
	d := f.current.Load()
	state := d.state
	state.State = d.condition(f.limits, f.now())
	if f.lookups != nil {
		state.Lookups = f.lookups.counts()
	}
	if f.reporter != nil {
		state.Reports = f.reporter.counts()
	}
	return state
}

// SetObserver sets the function that is called after every attempt, and when the state changes for another reason; nil means none. It takes the place of the one before, so that a
// configuration that is gone hears nothing any more. It is called from the goroutines of the feed, and should return soon.
func (f *Feed) SetObserver(observer func(state State, change Change)) {
	if observer == nil {
		f.observer.Store(nil)
		return
	}
	f.observer.Store(&observer)
}

// volume says whether the state shows that an attempt failed.
type volume bool

const (
	loud  volume = true
	quiet volume = false
)

// attempt asks the source for what is newer than a revision, and records how that went. The snapshot is nil if nothing has changed.
func (f *Feed) attempt(ctx context.Context, revision string, how volume) (*Snapshot, error) {
	f.attempts.Lock()
	defer f.attempts.Unlock()
	started := f.now()
	snapshot, err := f.fetch(ctx, revision)
	var directory *Directory
	if err == nil && snapshot != nil && !f.holds(snapshot.Revision) {
		directory, err = f.builder.Build(snapshot)
	}
	// The end of a configuration says nothing about the source, which the next configuration may share.
	if err != nil && (how == quiet || errors.Is(ctx.Err(), context.Canceled)) {
		return nil, err
	}
	ended := f.now()
	f.change(func(d *delivery) {
		d.state.LastAttempt, d.state.LastDuration = started, ended.Sub(started).Round(time.Microsecond).Seconds()
		if err != nil {
			d.state.LastError = err.Error()
			return
		}
		if directory != nil {
			d.deliver(directory, snapshot.Revision)
		}
		d.state.LastError, d.state.LastSuccess = "", ended
		d.renew(f)
	})
	return snapshot, err
}

// fetch returns no snapshot if the source says that nothing has changed since the revision.
func (f *Feed) fetch(ctx context.Context, revision string) (*Snapshot, error) {
	if incremental, ok := f.source.(Incremental); ok && revision != "" && f.Directory() != nil {
		return incremental.LoadSince(ctx, revision)
	}
	snapshot, err := f.source.Load(ctx)
	if err == nil && snapshot == nil {
		return nil, errNothing
	}
	return snapshot, err
}

// holds reports whether the current directory is of that revision.
func (f *Feed) holds(revision string) bool {
	d := f.current.Load()
	return d.base != nil && revision != "" && revision == d.revision
}

// deliver takes a new directory.
func (d *delivery) deliver(directory *Directory, revision string) {
	d.base, d.revision = directory, revision
	d.state.Clients, d.state.Partial = directory.Len(), directory.Partial()
}

// renew ends what was learned since the last delivery.
func (d *delivery) renew(f *Feed) {
	d.directory = d.base
	if f.lookups != nil {
		d.directory = d.base.with(new(answers))
	}
}

// change swaps what is kept, and tells the observer.
func (f *Feed) change(change func(*delivery)) {
	f.changes.Lock()
	before := f.current.Load()
	next := *before
	change(&next)
	next.state.State = next.condition(f.limits, f.now())
	if next.state.State == TooOld && !next.directory.aged {
		next.directory = next.directory.age()
	}
	f.current.Store(&next)
	f.changes.Unlock()
	if observer := f.observer.Load(); observer != nil {
		(*observer)(f.State(), next.since(before))
	}
}
