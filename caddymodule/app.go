// Package caddymodule connects the decisions of package validators with Caddy: the handler, the app that owns the sources of clients, the Caddyfile, the answers, metrics
// and logs.
package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

func init() {
	caddy.RegisterModule(App{})
}

// App owns the sources of registered clients. It needs no configuration: handlers bring their sources along, and equal ones are shared. What a source delivered survives a
// reload of the configuration.
type App struct {
	logger *zap.Logger
	keys   []string
	feeds  []*pooledFeed
}

// feedPool holds the feeds of the process by the hash of their configuration.
var feedPool = caddy.NewUsagePool()

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard", New: func() caddy.Module { return new(App) }}
}

// Provision sets up the app.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	return nil
}

// feed returns the feed of a source. The raw configuration identifies it. A new feed loads at once, so that a source that cannot be read is an error of the configuration;
// one that is known keeps what it has.
func (a *App) feed(raw json.RawMessage, module ClientSource) (*clients.Feed, error) {
	sum := sha256.Sum256(raw)
	key := hex.EncodeToString(sum[:])
	value, _, err := feedPool.LoadOrNew(key, func() (caddy.Destructor, error) {
		source, name, refresh := module.ClientSource()
		pooled := &pooledFeed{feed: clients.NewFeed(name, checkedSource{source}, refresh)}
		if err := pooled.feed.Load(context.Background()); err != nil {
			if strings.HasPrefix(err.Error(), "clients ") {
				return nil, err
			}
			return nil, fmt.Errorf("clients %s: %w", name, err)
		}
		return pooled, nil
	})
	if err != nil {
		return nil, err
	}
	a.keys = append(a.keys, key)
	pooled := value.(*pooledFeed)
	if !slices.Contains(a.feeds, pooled) {
		a.feeds = append(a.feeds, pooled)
	}
	return pooled.feed, nil
}

// Start begins to watch the sources. From now on this configuration's logger hears of them.
func (a *App) Start() error {
	for _, pooled := range a.feeds {
		pooled.attach(a)
	}
	return nil
}

// Stop leaves the sources to a newer configuration, if there is one.
func (a *App) Stop() error {
	for _, pooled := range a.feeds {
		pooled.detach(a)
	}
	return nil
}

// Cleanup gives the sources back.
func (a *App) Cleanup() error {
	for _, key := range a.keys {
		if _, err := feedPool.Delete(key); err != nil {
			return err
		}
	}
	a.keys, a.feeds = nil, nil
	return nil
}

// observe logs and counts a change of a source.
func (a *App) observe(state clients.State) {
	for _, condition := range []clients.Condition{clients.NeverLoaded, clients.Fresh, clients.Failing} {
		value := 0.0
		if state.State == condition {
			value = 1
		}
		sourceState.WithLabelValues(state.Name, string(condition)).Set(value)
	}
	sourceClients.WithLabelValues(state.Name).Set(float64(state.Clients))
	if !state.LastSuccess.IsZero() {
		sourceLastSuccess.WithLabelValues(state.Name).Set(float64(state.LastSuccess.Unix()))
	}
	fields := []zap.Field{zap.String("source", state.Name), zap.String("state", string(state.State)), zap.Int("clients", state.Clients)}
	if state.LastError != "" {
		a.logger.Error("the source of clients fails; the last good directory stays in force",
			append(fields, zap.String("error", state.LastError), zap.Duration("age", time.Since(state.LastSuccess).Round(time.Second)))...)
		return
	}
	a.logger.Info("registered clients loaded", fields...)
}

// pooledFeed runs a feed as long as some configuration is started that uses it.
type pooledFeed struct {
	feed *clients.Feed

	mutex     sync.Mutex
	observers []*App // of configurations that are started, the newest last
	cancel    context.CancelFunc
	done      chan struct{}
}

// attach makes the app the one that hears of changes, and starts the feed if it does not run yet.
func (p *pooledFeed) attach(app *App) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.observers = append(p.observers, app)
	p.feed.SetObserver(app.observe)
	app.observe(p.feed.State())
	if p.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.done = cancel, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		p.feed.Run(ctx)
	}(p.done)
}

// detach leaves the changes to the newest app that is left; without one the feed stops.
func (p *pooledFeed) detach(app *App) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for i, observer := range p.observers {
		if observer == app {
			p.observers = append(p.observers[:i], p.observers[i+1:]...)
			break
		}
	}
	if n := len(p.observers); n > 0 {
		p.feed.SetObserver(p.observers[n-1].observe)
		return
	}
	p.feed.SetObserver(nil)
	p.stop()
}

func (p *pooledFeed) stop() {
	if p.cancel != nil {
		p.cancel()
		<-p.done
		p.cancel = nil
	}
}

// Destruct implements [caddy.Destructor].
func (p *pooledFeed) Destruct() error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.stop()
	name := p.feed.Name()
	sourceClients.DeleteLabelValues(name)
	sourceLastSuccess.DeleteLabelValues(name)
	for _, condition := range []clients.Condition{clients.NeverLoaded, clients.Fresh, clients.Failing} {
		sourceState.DeleteLabelValues(name, string(condition))
	}
	return nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
