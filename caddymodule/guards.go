package caddymodule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/status"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// guardStates are the guards of the app in an order that is always the same.
func (a *App) guardStates() []status.Guard {
	states := []status.Guard{}
	if a == nil {
		return states
	}
	for _, h := range a.guards {
		config, _ := h.engineConfig() // an error would have failed Provision
		state := status.Guard{Profile: config.Profile.String(), Mode: "enforce", Endpoints: make(map[string][]string), Sources: []string{}}
		if config.ReportOnly {
			state.Mode = "report"
		}
		for endpoint, paths := range config.Endpoints {
			state.Endpoints[endpoint.String()] = paths
		}
		for _, feed := range h.chain.Feeds() {
			for pooled, label := range a.labels {
				if pooled.feed == feed {
					state.Sources = append(state.Sources, label)
				}
			}
		}
		for _, mode := range h.engine.Modes() {
			switch {
			case mode == rule.Enforce && !config.ReportOnly:
				state.Enforced++
			case mode != rule.Off:
				state.Reported++
			}
		}
		states = append(states, state)
	}
	// Caddy provisions its servers in any order.
	slices.SortStableFunc(states, func(a, b status.Guard) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return states
}

// looks are what the guards of the app do with findings.
func (a *App) looks() []tally.Looks {
	if a == nil {
		return nil
	}
	looks := make([]tally.Looks, len(a.guards))
	for i, h := range a.guards {
		looks[i] = tally.Looks{ReportOnly: h.Mode == "report", Modes: h.engine.Modes()}
	}
	return looks
}
