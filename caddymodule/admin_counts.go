package caddymodule

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
)

// limitOf is the query parameter limit.
func limitOf(r *http.Request, standard, highest int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return standard, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > highest {
		return 0, caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: fmt.Errorf("limit: %.40q is not a number from 1 to %d", text, highest)}
	}
	return limit, nil
}

// adminGuards answers with the guards of the configuration that runs.
func adminGuards(*http.Request, string) (any, error) { return current().guardStates(), nil }

// defaultRecent is how many findings are shown if nobody says how many.
const defaultRecent = 100

// adminFindings answers with the latest requests on which some rule fired.
func adminFindings(r *http.Request, _ string) (any, error) {
	limit, err := limitOf(r, defaultRecent, tally.MaxRecent)
	if err != nil {
		return nil, err
	}
	latest, total := counted.Recent(limit)
	return struct {
		Findings []tally.Finding `json:"findings"`
		Total    uint64          `json:"total"`
		Since    time.Time       `json:"since"`
	}{latest, total, counted.Since().UTC()}, nil
}

// adminCounts answers with everything that was counted.
func adminCounts(r *http.Request, _ string) (any, error) {
	limit, err := limitOf(r, defaultAdminLimit, tally.MaxClients)
	if err != nil {
		return nil, err
	}
	counts := counted.Counts()
	counts.Clients = counts.Clients[:min(limit, len(counts.Clients))]
	return counts, nil
}

// adminReadiness says which rules can be enforced.
func adminReadiness(*http.Request, string) (any, error) {
	counts := counted.Counts()
	return struct {
		Rules []tally.Readiness `json:"rules"`
		Since time.Time         `json:"since"`
	}{tally.ReadinessOf(&counts, current().looks(), time.Now()), counts.Since}, nil
}

// adminBreaking says which clients would break.
func adminBreaking(r *http.Request, _ string) (any, error) {
	limit, err := limitOf(r, defaultAdminLimit, tally.MaxClients)
	if err != nil {
		return nil, err
	}
	counts := counted.Counts()
	list := []tally.Breaking{}
	for i := range counts.Clients {
		if b, any := counts.Clients[i].Breaking(); any {
			list = append(list, b)
		}
	}
	unregistered, _ := counts.Unregistered.Breaking()
	others, _ := counts.OtherClients.Breaking()
	return struct {
		Clients      []tally.Breaking `json:"clients"`
		Total        int              `json:"total"`
		Unregistered tally.Breaking   `json:"unregistered"`
		Others       tally.Breaking   `json:"other_clients"`
		Since        time.Time        `json:"since"`
	}{list[:min(limit, len(list))], len(list), unregistered, others, counts.Since}, nil
}
