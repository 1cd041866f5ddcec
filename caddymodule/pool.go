package caddymodule

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// pooledFeed runs a feed as long as some configuration is started that uses it.
type pooledFeed struct {
	feed *clients.Feed
	// live is the same feed if it is a live one.
	live *clients.Live
	// source is what the feed asks.
	source any

	mutex     sync.Mutex
	observers []*App // of configurations that are started, the newest last
	label     string // of the newest one
	storage   certmagic.Storage
	cancel    context.CancelFunc
	done      chan struct{}
}

// attach makes the app the one that hears of changes, and whose storage is used, and starts the feed.
func (p *pooledFeed) attach(app *App) {
	before := p.named()
	p.mutex.Lock()
	p.observers = append(p.observers, app)
	p.serve(app)
	p.mutex.Unlock()
	forgetUnused(before)
}

// detach leaves the feed to the newest app that is left; without one it stops.
func (p *pooledFeed) detach(app *App) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	served := len(p.observers) > 0 && p.observers[len(p.observers)-1] == app
	p.observers = slices.DeleteFunc(p.observers, func(observer *App) bool { return observer == app })
	switch {
	case len(p.observers) == 0:
		p.feed.SetObserver(nil)
		p.stop()
	case served:
		p.serve(p.observers[len(p.observers)-1])
	}
}

// serve runs the feed for an app. A live one changes to the app's storage, since that of another configuration may be gone soon; it gives up its role among the instances
// then, so it does not change without need.
func (p *pooledFeed) serve(app *App) {
	p.label = app.labels[p]
	observe := func(state clients.State, change clients.Change) { app.observe(app.labels[p], state, change) }
	p.feed.SetObserver(observe)
	observe(p.feed.State(), clients.Change{List: true})
	if p.cancel != nil && (p.live == nil || sameFiles(p.storage, app.storage)) {
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	p.storage = app.storage
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, done
	go func() {
		defer close(done)
		if p.live != nil {
			p.live.Run(ctx, app.archive(p.live))
		} else {
			p.feed.Run(ctx)
		}
	}()
}

// sameFiles reports whether two storages are the same folder. Of other storages nobody knows whether one works when the other is closed.
func sameFiles(a, b certmagic.Storage) bool {
	one, isOne := a.(*certmagic.FileStorage)
	two, isTwo := b.(*certmagic.FileStorage)
	return isOne && isTwo && one.Path == two.Path
}

// stopPatience is how long the end of a configuration waits for a storage or a source that does not answer. What is under way then ends by itself.
const stopPatience = 5 * time.Second

// stop ends the feed.
func (p *pooledFeed) stop() {
	if p.cancel == nil {
		return
	}
	p.cancel()
	p.cancel = nil
	select {
	case <-p.done:
	case <-time.After(stopPatience):
	}
}

// Destruct implements [caddy.Destructor].
func (p *pooledFeed) Destruct() error {
	p.mutex.Lock()
	p.stop()
	p.mutex.Unlock()
	if connected, ok := p.source.(interface{ CloseIdleConnections() }); ok {
		connected.CloseIdleConnections()
	}
	forgetUnused(p.named())
	return nil
}

// forgetUnused removes what was measured under a label that no source has any more.
func forgetUnused(label string) {
	if !slices.ContainsFunc(running(), func(p *pooledFeed) bool { return p.named() == label }) {
		forget(label)
	}
}

// named is what the configuration that runs calls the feed.
func (p *pooledFeed) named() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.label
}

// state is the state of the feed under the name that the configuration has for it.
func (p *pooledFeed) state() clients.State {
	state := p.feed.State()
	state.Name = p.named()
	return state
}

// attached reports whether a configuration that runs uses the feed.
func (p *pooledFeed) attached() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return len(p.observers) > 0
}

// refresh asks the source now.
func (p *pooledFeed) refresh(ctx context.Context) error {
	if p.live != nil {
		return p.live.Refresh(ctx)
	}
	return p.feed.Load(ctx)
}
