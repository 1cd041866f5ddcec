package caddymodule

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/status"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

func init() {
	caddy.RegisterModule(new(StatusPage))
	httpcaddyfile.RegisterHandlerDirective("oauth_guard_status", parseStatusPage)
	// Behind respond, with which people block addresses.
	httpcaddyfile.RegisterDirectiveOrder("oauth_guard_status", httpcaddyfile.Before, "metrics")
}

// StatusPage is a handler that answers with a live page about the guards: what they decide, which rules fire in the requests of which clients, who would break if they were
// stricter, and the state of the sources of clients. The page works without script, and updates itself with it.
//
// It shows the names of clients and what is wrong with their requests, and asks for no password: mount it where only operators come, such as on the loopback.
type StatusPage struct {
	// The time from one update of an open page to the next. Default: 5s.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	cache *statusCache
}

// defaultStatusRefresh is how often an open page is brought up to date.
const defaultStatusRefresh = 5 * time.Second

// CaddyModule returns the Caddy module information.
func (*StatusPage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.oauth_guard_status", New: func() caddy.Module { return new(StatusPage) }}
}

// Provision prepares the page. The app is needed for what is sampled over time.
func (s *StatusPage) Provision(ctx caddy.Context) error {
	if s.Refresh < 0 || s.Refresh > 0 && time.Duration(s.Refresh) < time.Second {
		return fmt.Errorf("oauth_guard_status: refresh: %s is too short: use a duration of at least 1s", time.Duration(s.Refresh))
	}
	s.cache = &statusCache{refresh: time.Duration(s.Refresh)}
	if s.Refresh == 0 {
		s.cache.refresh = defaultStatusRefresh
	}
	_, err := ctx.App("oauth_guard")
	return err
}

// ServeHTTP answers with the page.
func (s *StatusPage) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return caddyhttp.Error(http.StatusMethodNotAllowed, fmt.Errorf("oauth_guard_status: the page can only be read"))
	}
	body, err := s.cache.page(time.Now())
	if err != nil {
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	status.SetHeaders(w.Header(), len(body))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(body) // a reader that went away is no mistake
	return nil
}

// statusCache makes the page at most once in a while, however many people look at it.
type statusCache struct {
	refresh time.Duration

	mutex sync.Mutex
	made  time.Time
	body  []byte
}

// statusAge is how old the page may be.
const statusAge = time.Second / 2

func (c *statusCache) page(now time.Time) ([]byte, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if age := now.Sub(c.made); c.body != nil && age >= 0 && age < statusAge {
		return c.body, nil
	}
	body, err := status.Render(statusData(now, c.refresh))
	if err != nil {
		return nil, err
	}
	c.made, c.body = now, body
	return body, nil
}

// statusData is what the page shows.
func statusData(now time.Time, refresh time.Duration) *status.Data {
	app := current()
	data := &status.Data{Now: now, Refresh: refresh, Guards: app.guardStates(), Sources: []clients.State{}, Counts: counted.Counts()}
	for _, pooled := range running() {
		data.Sources = append(data.Sources, pooled.state())
	}
	data.Readiness = tally.ReadinessOf(&data.Counts, app.looks(), now)
	data.Recent, data.TotalRecent = counted.Recent(tally.MaxRecent)
	data.Short, data.Long = counted.Series(now)
	return data
}

// parseStatusPage sets up the handler from Caddyfile tokens.
func parseStatusPage(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	page := new(StatusPage)
	return page, page.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	oauth_guard_status [<matcher>] {
//		refresh <duration>
//	}
func (s *StatusPage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	once := onceOnly{d: d}
	for d.NextBlock(0) {
		if d.Val() != "refresh" {
			return d.Errf("oauth_guard_status: unrecognized option %s", d.Val())
		}
		if err := once.duration(&s.Refresh); err != nil {
			return err
		}
	}
	return nil
}

var (
	_ caddy.Provisioner           = (*StatusPage)(nil)
	_ caddyhttp.MiddlewareHandler = (*StatusPage)(nil)
	_ caddyfile.Unmarshaler       = (*StatusPage)(nil)
)
