package caddymodule

import (
	"net/http"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Offline implements [command.Handler]: it lends what the handler is made of to the commands, which judge requests without a server. The handler must be provisioned.
func (h *Handler) Offline() *command.Guard {
	config, _ := h.engineConfig() // an error would have failed Provision
	guard := &command.Guard{
		Engine: h.engine, Profile: config.Profile, ReportOnly: config.ReportOnly, Endpoints: config.Endpoints, Feeds: h.chain.Feeds(),
		Read: h.readOffline,
		Answer: func(w http.ResponseWriter, r *http.Request, v *validators.Verdict) error {
			var directory clientDirectory // a nil chain must be a nil interface
			if h.chain != nil {
				directory, _ = h.chain.Directory().(clientDirectory)
			}
			return h.delivery.answer(w, r, v, nil, directory)
		},
	}
	if h.chain != nil {
		guard.Directory = h.chain.Directory
	}
	return guard
}

// readOffline reads a request as ServeHTTP does.
func (h *Handler) readOffline(r *http.Request) (rule.Request, path.Result) {
	removeUpgrade(r.Header)
	route := h.engine.Route(escapedPath(r))
	body, state := h.readBody(r, route)
	return rule.Request{
		Method: r.Method, Path: escapedPath(r), Query: r.URL.RawQuery, Header: r.Header,
		Body: body.text(), BodyState: state, Transport: h.transportOf(r),
	}, route
}

var _ command.Handler = (*Handler)(nil)
