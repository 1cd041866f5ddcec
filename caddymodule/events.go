package caddymodule

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// The events that the guard emits.
const (
	rejectedEvent      = "oauth_guard_rejected"
	sourceChangedEvent = "oauth_guard_source_changed"
)

// events emits events in the name of one module of a configuration. Nil emits none.
type events struct {
	app *caddyevents.App
	ctx caddy.Context
	// running says that the whole configuration has started. Until then subscribers are still being written down.
	running *atomic.Bool
}

// newEvents prepares the events of a configuration.
func newEvents(ctx caddy.Context) (*events, error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("the app of events: %w", err)
	}
	e := &events{app.(*caddyevents.App), ctx, new(atomic.Bool)}
	return e, e.app.On("started", e)
}

// Handle implements [caddyevents.Handler]: Caddy has started everything.
func (e *events) Handle(context.Context, caddy.Event) error {
	e.running.Store(true)
	return nil
}

// of are the same events in the name of the module that the context belongs to.
func (e *events) of(ctx caddy.Context) *events { return &events{e.app, ctx, e.running} }

// heard reports whether somebody listens. When a configuration is gone, nobody does.
func (e *events) heard(name string) bool {
	return e != nil && e.running.Load() && e.app.ShouldEmit(name) && e.ctx.Err() == nil
}

func (e *events) emit(name string, data map[string]any) { e.app.Emit(e.ctx, name, data) }

// announces reports whether subscribers want to hear of a verdict.
func (h *Handler) announces(v *validators.Verdict) bool {
	return v.Decision == validators.Reject && h.events.heard(rejectedEvent)
}

// announce tells subscribers about a refusal. The answer waits for them.
func (h *Handler) announce(v *validators.Verdict, requestID string) {
	clientID := ""
	if v.Client != nil {
		clientID = v.Client.ID
	}
	h.events.emit(rejectedEvent, map[string]any{
		"endpoint": v.Endpoint.String(), "rule": v.Rule.ID, "error": v.Error, "status": v.Status, "answer": v.Answer.String(),
		"client_id": clientID, "request_id": requestID,
	})
}

// announceSource tells subscribers about a change of a source. They are told by a goroutine of their own, so that the source goes on, and may be asked for its state meanwhile. Of changes
// that come faster than subscribers take them, some are left out.
func (a *App) announceSource(label string, state clients.State) {
	if !a.events.heard(sourceChangedEvent) {
		return
	}
	data := map[string]any{
		"source": label, "state": string(state.State), "clients": state.Clients, "error": state.LastError, "last_success": "",
	}
	if !state.LastSuccess.IsZero() {
		data["last_success"] = state.LastSuccess.UTC().Format(time.RFC3339)
	}
	select {
	case a.changes <- data:
	default:
	}
}

// maxChanges is how many changes of sources wait for subscribers.
const maxChanges = 64

var _ caddyevents.Handler = (*events)(nil)
