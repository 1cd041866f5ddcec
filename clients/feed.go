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
	// now is the clock of the state; tests replace it.
	now func() time.Time
	// attempts makes sure that one attempt runs at a time.
	attempts sync.Mutex
	current  atomic.Pointer[delivery]
	observer atomic.Pointer[func(State)]
}

// delivery is what is swapped at once, so that the directory and what is said about it always fit.
type delivery struct {
	directory *Directory
	revision  string
	state     State
}

// Condition says how far a feed's directory can be trusted.
type Condition string

const (
	// NeverLoaded is a feed that has no directory, because nothing was tried yet or every attempt failed.
	NeverLoaded Condition = "never_loaded"
	// Fresh is a feed whose last attempt succeeded.
	Fresh Condition = "fresh"
	// Failing is a feed whose last attempt failed, so that it keeps the last good directory.
	Failing Condition = "failing"
)

// State is what can be said about a feed at one time.
type State struct {
	// Name is that of the feed.
	Name string `json:"name"`
	// State is its condition.
	State Condition `json:"state"`
	// Clients is the number of clients in the current directory. Zero with [Fresh] is an empty source.
	Clients int `json:"clients"`
	// Partial says that the current directory does not hold all clients.
	Partial bool `json:"partial,omitempty"`
	// LastSuccess is when the source last delivered, be it that nothing had changed; zero if never.
	LastSuccess time.Time `json:"last_success,omitzero"`
	// LastAttempt is when the source was last asked; zero if never.
	LastAttempt time.Time `json:"last_attempt,omitzero"`
	// LastError is the error of the last attempt; empty if it succeeded.
	LastError string `json:"last_error,omitempty"`
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

// Load asks the source once. If that fails, the error is returned and recorded, and the directory stays what it was: none before the first
// success. An attempt that the caller cancelled is not recorded.
func (f *Feed) Load(ctx context.Context) error {
	state, notable, err := f.attempt(ctx)
	if notable {
		if observer := f.observer.Load(); observer != nil {
			(*observer)(state)
		}
	}
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
func (f *Feed) State() State { return f.current.Load().state }

// SetObserver sets the function that is called after an attempt that changed the content, the condition or the error; nil means
// none. It takes the place of the one before, so that a configuration that is gone hears nothing any more. It is called from the goroutine of
// [Feed.Run] or [Feed.Load], and should return soon.
func (f *Feed) SetObserver(observer func(State)) {
	if observer == nil {
		f.observer.Store(nil)
		return
	}
	f.observer.Store(&observer)
}

// attempt asks the source, swaps what is kept, and reports whether anything changed that is worth telling.
func (f *Feed) attempt(ctx context.Context) (state State, notable bool, err error) {
	f.attempts.Lock()
	defer f.attempts.Unlock()
	before := f.current.Load()
	next := *before
	next.state.LastAttempt = f.now()
	snapshot, err := f.fetch(ctx, before)
	changed := err == nil && snapshot != nil &&
		(before.directory == nil || snapshot.Revision == "" || snapshot.Revision != before.revision)
	if changed {
		next.directory, err = NewDirectory(snapshot)
	}
	switch {
	// The end of a configuration says nothing about the source, which the next configuration may share.
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return before.state, false, err
	case err != nil:
		next.directory, next.state.LastError = before.directory, err.Error()
		if before.directory != nil {
			next.state.State = Failing
		}
	default:
		next.state.State, next.state.LastError, next.state.LastSuccess = Fresh, "", f.now()
		next.state.Clients, next.state.Partial = next.directory.Len(), next.directory.Partial()
		if changed {
			next.revision = snapshot.Revision
		}
	}
	f.current.Store(&next)
	notable = err == nil && changed || next.state.State != before.state.State || next.state.LastError != before.state.LastError
	return next.state, notable, err
}

// fetch returns no snapshot if the source says that nothing has changed.
func (f *Feed) fetch(ctx context.Context, before *delivery) (*Snapshot, error) {
	if incremental, ok := f.source.(Incremental); ok && before.directory != nil && before.revision != "" {
		return incremental.LoadSince(ctx, before.revision)
	}
	snapshot, err := f.source.Load(ctx)
	if err == nil && snapshot == nil {
		return nil, errNothing
	}
	return snapshot, err
}
