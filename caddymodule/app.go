// Package caddymodule connects the decisions of package validators with Caddy: the handler, the app that owns the sources of clients, the Caddyfile, the answers, metrics
// and logs.
package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

func init() {
	caddy.RegisterModule(App{})
}

// App owns the sources of registered clients. It needs no configuration: handlers bring their sources along, and equal ones are shared. What a source delivered survives a
// reload of the configuration.
type App struct {
	logger  *zap.Logger
	storage certmagic.Storage
	keys    []string
	feeds   []*pooledFeed
	// labels are what this configuration calls its feeds in logs, in metrics and at the admin endpoint: the name of the source, and a number if several sources have it.
	labels map[*pooledFeed]string
	// expectations are what the guards say about the servers of the sources, by the label of the source.
	expectations map[string][]expectation
	// guards are the handlers of the configuration.
	guards []*Handler
	// stopWork ends what the app does while it runs.
	stopWork func()
	events   *events
	// changes are what subscribers are to be told about the sources.
	changes chan map[string]any
}

// feedPool holds the feeds of the process by the hash of their configuration.
var feedPool = caddy.NewUsagePool()

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard", New: func() caddy.Module { return new(App) }}
}

// Provision sets up the app.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger, a.storage = ctx.Logger(), ctx.Storage()
	a.changes = make(chan map[string]any, maxChanges)
	var err error
	a.events, err = newEvents(ctx)
	return err
}

// feed returns the feed of a source. The raw configuration identifies it. A new feed of a file loads at once, so that a source that cannot be read is an error of the
// configuration; a live one reads what the storage holds. One that is known keeps what it has.
func (a *App) feed(raw json.RawMessage, module any) (*pooledFeed, error) {
	sum := sha256.Sum256(raw)
	key := hex.EncodeToString(sum[:])
	value, _, err := feedPool.LoadOrNew(key, func() (caddy.Destructor, error) { return a.newFeed(module) })
	if err != nil {
		return nil, err
	}
	a.keys = append(a.keys, key)
	pooled := value.(*pooledFeed)
	if !slices.Contains(a.feeds, pooled) {
		a.feeds = append(a.feeds, pooled)
		a.name(pooled)
	}
	return pooled, nil
}

// name finds a label for a feed.
func (a *App) name(pooled *pooledFeed) {
	if a.labels == nil {
		a.labels = make(map[*pooledFeed]string)
	}
	label := pooled.feed.Name()
	for number, taken := 2, slices.Collect(maps.Values(a.labels)); slices.Contains(taken, label); number++ {
		label = pooled.feed.Name() + "#" + strconv.Itoa(number)
	}
	a.labels[pooled] = label
}

// newFeed makes the feed of a source that no configuration uses yet.
func (a *App) newFeed(module any) (*pooledFeed, error) {
	switch module := module.(type) {
	case LiveSource:
		source, name, settings := module.LiveSource()
		live := clients.NewLive(name, checked(source), settings)
		if err := a.restore(live); err != nil {
			a.logger.Warn("the list of clients from before cannot be read", zap.String("source", name), zap.Error(err))
		}
		return &pooledFeed{feed: live.Feed, live: live, source: source}, nil
	case ClientSource:
		source, name, refresh := module.ClientSource()
		feed := clients.NewFeed(name, checked(source), refresh)
		if err := feed.Load(context.Background()); err != nil {
			if strings.HasPrefix(err.Error(), "clients ") {
				return nil, err
			}
			return nil, fmt.Errorf("clients %s: %w", name, err)
		}
		return &pooledFeed{feed: feed, source: source}, nil
	}
	return nil, fmt.Errorf("clients: the module %T is not a source of clients", module)
}

// restorePatience is how long a configuration may wait for the storage.
const restorePatience = 5 * time.Second

var errStorageSlow = errors.New("the storage does not answer in time")

// restore reads what the storage holds. A storage need not look at the context, so what takes too long goes on in the background.
func (a *App) restore(live *clients.Live) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), restorePatience, errStorageSlow)
	restored := make(chan error, 1)
	go func() {
		defer cancel()
		restored <- live.Restore(ctx, a.archive(live))
	}()
	select {
	case err := <-restored:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// archive is where the instances that share this configuration's storage keep what a live source delivered.
func (a *App) archive(live *clients.Live) *clients.Archive {
	return clients.NewArchive(a.storage, live.ArchiveKey())
}

// Start begins to watch the sources. From now on this configuration's logger hears of them.
func (a *App) Start() error {
	for _, pooled := range a.feeds {
		pooled.attach(a)
	}
	a.work()
	return nil
}

// Stop leaves the sources to a newer configuration, if there is one.
func (a *App) Stop() error {
	if a.stopWork != nil {
		a.stopWork()
	}
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

// observe measures the state of a source, and logs what changed.
func (a *App) observe(label string, state clients.State, change clients.Change) {
	measure(label, state)
	source := zap.String("source", label)
	if change.Role {
		switch {
		case state.Fetching:
			a.logger.Info("this instance fetches the registered clients for all", source)
		case state.Fetcher != "":
			a.logger.Info("another instance fetches the registered clients", source, zap.String("fetcher", state.Fetcher))
		}
	}
	if change.Storage {
		if state.StorageError != "" {
			a.logger.Warn("registered clients cannot be shared by the storage", source, zap.String("storage_error", state.StorageError))
		} else {
			a.logger.Info("registered clients can be shared by the storage again", source)
		}
	}
	if change.List {
		a.tell(label, state)
		a.announceSource(label, state)
	}
	if change.Metadata {
		a.compare(label, state)
	}
	if change.Report {
		if state.ReportError != "" {
			a.logger.Warn("refused redirect URIs cannot be reported", source, zap.String("error", state.ReportError))
		} else {
			a.logger.Info("refused redirect URIs can be reported again", source)
		}
	}
}

// tell logs the state of a source.
func (a *App) tell(label string, state clients.State) {
	fields := []zap.Field{zap.String("source", label), zap.String("state", string(state.State)), zap.Int("clients", state.Clients)}
	if !state.LastSuccess.IsZero() {
		fields = append(fields, zap.Duration("age", time.Since(state.LastSuccess).Round(time.Second)))
	}
	if state.Fetcher != "" {
		fields = append(fields, zap.String("fetcher", state.Fetcher))
	}
	if state.LastError != "" {
		fields = append(fields, zap.String("error", state.LastError))
	}
	switch {
	case state.State == clients.NeverLoaded && state.LastError == "":
		a.logger.Info("registered clients are not loaded yet", fields...)
	case state.State == clients.NeverLoaded:
		a.logger.Error("the source of clients fails, and nothing was ever loaded: clients are not judged", fields...)
	case state.State == clients.TooOld:
		a.logger.Error("the registered clients are too old: unknown clients are not judged any more", fields...)
	case state.State == clients.Failing:
		a.logger.Error("the source of clients fails; the last good directory stays in force", fields...)
	case state.State == clients.Stale:
		a.logger.Warn("the registered clients were not renewed for some time; the last good directory stays in force", fields...)
	default:
		a.logger.Info("registered clients loaded", fields...)
	}
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
