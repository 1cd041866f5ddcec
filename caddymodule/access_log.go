package caddymodule

import (
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// accessLog remembers whether the server of a handler logs requests at all. A handler belongs to one server, whose configuration does not change.
type accessLog struct {
	state atomic.Uint32
}

const (
	accessLogUnknown = iota
	accessLogOff
	accessLogOn
)

// on reports whether the request may be logged.
func (a *accessLog) on(r *http.Request) bool {
	state := a.state.Load()
	if state == accessLogUnknown {
		state = accessLogOff
		if server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); server != nil && server.Logs != nil {
			state = accessLogOn
		}
		a.state.Store(state)
	}
	return state == accessLogOn
}

// setLogFields adds the verdict to the line that the access log will get about the request. As with the placeholders, of several guards the last one to judge is told about.
func (h *Handler) setLogFields(r *http.Request, v *validators.Verdict) {
	if !h.access.on(r) {
		return
	}
	fields, _ := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	if fields == nil {
		return
	}
	ruleID, clientID := "", ""
	if v.Rule != nil {
		ruleID = v.Rule.ID
	}
	if v.Client != nil {
		clientID = v.Client.ID
	}
	fields.Set(zap.String("oauth_guard_endpoint", v.Endpoint.String()))
	fields.Set(zap.String("oauth_guard_decision", v.Decision.String()))
	fields.Set(unlessEmpty("oauth_guard_rule", ruleID))
	fields.Set(unlessEmpty("oauth_guard_error", v.Error))
	fields.Set(unlessEmpty("oauth_guard_client_id", clientID))
}

// unlessEmpty is a field that is not written if it is empty; it replaces one of an earlier guard all the same.
func unlessEmpty(key, value string) zap.Field {
	if value == "" {
		return zap.Field{Key: key, Type: zapcore.SkipType}
	}
	return zap.String(key, value)
}
