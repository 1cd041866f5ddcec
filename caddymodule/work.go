package caddymodule

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// started are the apps that run, the newest last. Two do for a moment when the configuration is changed.
var started struct {
	mutex sync.Mutex
	apps  []*App
}

// current is the app of the configuration that runs; nil if there is none.
func current() *App {
	started.mutex.Lock()
	defer started.mutex.Unlock()
	if len(started.apps) == 0 {
		return nil
	}
	return started.apps[len(started.apps)-1]
}

// join makes the guard known to the app of its configuration. A handler that a program made, and no configuration, has none.
func (h *Handler) join(ctx caddy.Context) error {
	if ctx.Module() == nil {
		return nil
	}
	app, err := ctx.App("oauth_guard")
	if err != nil {
		return err
	}
	app.(*App).guards = append(app.(*App).guards, h)
	h.events = app.(*App).events.of(ctx)
	return nil
}

// sweepInterval is how often the records of clients are looked through for those that are gone.
const sweepInterval = time.Minute

// work begins what the app does while it runs.
func (a *App) work() {
	started.mutex.Lock()
	started.apps = append(started.apps, a)
	started.mutex.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { keepTally(ctx) })
	told := make(chan struct{})
	go func() {
		defer close(told)
		a.tellSubscribers(ctx)
	}()
	a.stopWork = func() {
		started.mutex.Lock()
		started.apps = slices.DeleteFunc(started.apps, func(other *App) bool { return other == a })
		started.mutex.Unlock()
		cancel()
		group.Wait()
		select {
		case <-told:
		case <-time.After(stopPatience): // a subscriber is not of this module, and may hang
		}
	}
}

// tellSubscribers tells what changed at the sources, until the context ends.
func (a *App) tellSubscribers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case data := <-a.changes:
			a.events.emit(sourceChangedEvent, data)
		}
	}
}

// keepTally takes samples of what is counted, and forgets clients that are gone, until the context ends.
func keepTally(ctx context.Context) {
	sample, sweep := time.NewTicker(tally.SampleInterval), time.NewTicker(sweepInterval)
	defer sample.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-sample.C:
			counted.Sample(now)
		case now := <-sweep.C:
			forgetClients(now)
		}
	}
}

// unseen is after how long a client is forgotten that no list holds, though nobody says that it is not registered: a server may not show all.
const unseen = time.Hour

// forgetClients drops the counts of clients that are not registered any more. While a source has not loaded, nobody is.
func forgetClients(now time.Time) {
	feeds := running()
	if len(feeds) == 0 || slices.ContainsFunc(feeds, func(p *pooledFeed) bool { return p.feed.Directory() == nil }) {
		return
	}
	counted.Sweep(func(id string, lastSeen time.Time) bool {
		certain := true
		for _, pooled := range feeds {
			_, standing := pooled.feed.Directory().Find(id)
			if standing == rule.Known {
				return false
			}
			certain = certain && standing == rule.Absent
		}
		return certain || now.Sub(lastSeen) > unseen
	})
}
