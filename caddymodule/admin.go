package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

func init() {
	caddy.RegisterModule(AdminAPI{})
}

// AdminAPI adds routes to Caddy's admin endpoint that tell what the guard knows. All answer in JSON:
//
// Route | Answer
// ------|-------
// `GET /oauth_guard/sources` | The state of every source of clients
// `GET /oauth_guard/clients` | The registered clients by client_id: `clients`, and `total`. `?limit=` (default 1000) and `?after=<client_id>` page through them
// `GET /oauth_guard/clients/<client_id>` | One client as the guard judges it; 404 if no source knows it
// `POST /oauth_guard/refresh` | Reads all sources now, and answers with their states
// `GET /oauth_guard/guards` | The guards of the configuration: profile, mode, endpoints, sources
// `GET /oauth_guard/findings` | The latest requests on which some rule fired, the newest first: `findings`, and `total`. `?limit=` (default 100, at most 500)
// `GET /oauth_guard/counts` | How many requests were decided how, how often each rule fired, and in whose requests. `?limit=` (default 1000) bounds the clients
// `GET /oauth_guard/readiness` | Of each rule whether it can be enforced: whether it fired, how often, when last, and in requests of how many clients
// `GET /oauth_guard/breaking` | The clients that would break if what is reported were enforced, and under the profile oauth21. `?limit=` (default 1000)
//
// Counts begin with the process, and survive a change of the configuration. Secrets are never read, so none is shown.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.oauth_guard", New: func() caddy.Module { return new(AdminAPI) }}
}

// adminBase is what all routes begin with.
const adminBase = "/oauth_guard/"

// Routes implements [caddy.AdminRouter].
func (AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: adminBase, Handler: caddy.AdminHandlerFunc(serveAdmin)}}
}

// adminRoutes are the routes by what follows the base.
var adminRoutes = map[string]func(r *http.Request, rest string) (any, error){
	"sources": adminSources, "clients": adminClients, "refresh": adminRefresh,
	"guards": adminGuards, "findings": adminFindings, "counts": adminCounts, "readiness": adminReadiness, "breaking": adminBreaking,
}

// serveAdmin answers one request to the admin endpoint.
func serveAdmin(w http.ResponseWriter, r *http.Request) error {
	route, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, adminBase), "/")
	method := http.MethodGet
	if route == "refresh" {
		method = http.MethodPost
	}
	answer := adminRoutes[route]
	switch {
	case answer == nil || rest != "" && route != "clients":
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: fmt.Errorf("no such route: %.100q: use %s or clients/<client_id>", r.URL.Path, strings.Join(slices.Sorted(maps.Keys(adminRoutes)), ", "))}
	case r.Method != method:
		w.Header().Set("Allow", method)
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("method %.20q is not allowed: use %s", r.Method, method)}
	}
	result, err := answer(r, rest)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(result)
}

// running are the feeds of the configuration that runs, in the order of their names.
func running() []*pooledFeed {
	var feeds []*pooledFeed
	feedPool.Range(func(_, value any) bool {
		if pooled, ready := value.(*pooledFeed); ready && pooled.attached() {
			feeds = append(feeds, pooled)
		}
		return true
	})
	slices.SortFunc(feeds, func(a, b *pooledFeed) int { return cmp.Compare(a.named(), b.named()) })
	return feeds
}

// adminSources answers with the states of all sources.
func adminSources(*http.Request, string) (any, error) {
	states := []clients.State{}
	for _, pooled := range running() {
		states = append(states, pooled.state())
	}
	return states, nil
}

// refreshPatience is how long a request to refresh may take.
const refreshPatience = time.Minute

// adminRefresh reads all sources. What goes wrong is in their states.
func adminRefresh(r *http.Request, _ string) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), refreshPatience)
	defer cancel()
	for _, pooled := range running() {
		_ = pooled.refresh(ctx)
	}
	return adminSources(r, "")
}

// adminClient is a client as the admin endpoint shows it.
type adminClient struct {
	clients.Client
	// Source is the source that knows it.
	Source string `json:"source"`
}

// The bounds of a list of clients.
const (
	defaultAdminLimit = 1000
	maxAdminLimit     = 100_000
)

// adminClients answers with one client, or a page of all.
func adminClients(r *http.Request, id string) (any, error) {
	if id != "" {
		return adminLookup(id)
	}
	limit, err := limitOf(r, defaultAdminLimit, maxAdminLimit)
	if err != nil {
		return nil, err
	}
	list := []adminClient{}
	for _, pooled := range running() {
		directory := pooled.feed.Directory()
		if directory == nil {
			continue
		}
		for client := range directory.All() {
			list = append(list, adminClient{clients.RecordOf(client), pooled.named()})
		}
	}
	slices.SortStableFunc(list, func(a, b adminClient) int { return cmp.Compare(a.ClientID, b.ClientID) })
	total := len(list)
	if after := r.URL.Query().Get("after"); after != "" {
		first, found := slices.BinarySearchFunc(list, after, func(client adminClient, id string) int { return cmp.Compare(client.ClientID, id) })
		for found && first < len(list) && list[first].ClientID == after {
			first++
		}
		list = list[first:]
	}
	return struct {
		Clients []adminClient `json:"clients"`
		Total   int           `json:"total"`
	}{list[:min(limit, len(list))], total}, nil
}

// adminLookup answers with one client, by its ID or an alias.
func adminLookup(id string) (any, error) {
	for _, pooled := range running() {
		if directory := pooled.feed.Directory(); directory != nil {
			if client, standing := directory.Find(id); standing == rule.Known {
				return adminClient{clients.RecordOf(client), pooled.named()}, nil
			}
		}
	}
	return nil, caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("no source knows a client of this client_id")}
}

var _ caddy.AdminRouter = AdminAPI{}
