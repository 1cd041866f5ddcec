// Package source is an example: a source of clients for OAuth Guard that is not part of it. It reads RFC 7591 client records from a server, which
// answers GET <url> with an array of all records, and GET <url>/<client_id> with one record or 404. docs/sources.md explains it.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

func init() {
	caddy.RegisterModule(Registry{})
}

// Registry is the module. Its exported fields are its JSON; the last part of its ID is the word behind `clients` in a Caddyfile.
type Registry struct {
	// Where the records are, such as `https://registry.example.com/clients`. Required.
	URL string `json:"url,omitempty"`
	// The access token for that server, as a placeholder such as `{env.REGISTRY_TOKEN}`, which is expanded at each request. Default: none.
	Token string `json:"token,omitempty"`
	// How often all records are read. Default: 1m.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	client *http.Client
}

// CaddyModule returns the Caddy module information.
func (Registry) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard.clients.registry", New: func() caddy.Module { return new(Registry) }}
}

// Provision checks the options. It does not connect: Caddy must start while the server is down, and `caddy validate` must need no network.
func (r *Registry) Provision(caddy.Context) error {
	r.URL = strings.TrimRight(r.URL, "/")
	if !strings.HasPrefix(r.URL, "https://") && !strings.HasPrefix(r.URL, "http://") {
		return fmt.Errorf("clients registry: %q is not a URL: write it as in https://registry.example.com/clients", r.URL)
	}
	// The token would go along.
	r.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return nil
}

// LiveSource implements [caddymodule.LiveSource].
func (r *Registry) LiveSource() (clients.Source, string, clients.LiveSettings) {
	return r, "registry:" + r.URL, clients.LiveSettings{
		Refresh: time.Duration(r.Refresh),
		Lookups: clients.LookupLimits{PerMinute: 60},
	}
}

// Load implements [clients.Source].
func (r *Registry) Load(ctx context.Context) (*clients.Snapshot, error) {
	var records []clients.Client
	found, err := r.get(ctx, "", &records)
	if err == nil && !found {
		err = errors.New("404 Not Found")
	}
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", r.URL, err)
	}
	return snapshotOf(ctx, records)
}

// Lookup implements [clients.Finder]. The guard only asks for IDs of letters, digits, dots, hyphens and underscores.
func (r *Registry) Lookup(ctx context.Context, id string) (*clients.Registration, error) {
	var record clients.Client
	found, err := r.get(ctx, "/"+id, &record)
	if err != nil || !found {
		return nil, err // neither a client nor an error: there is none
	}
	snapshot, err := snapshotOf(ctx, []clients.Client{record})
	if err != nil {
		return nil, err
	}
	return &snapshot.Clients[0], nil
}

// snapshotOf checks the records, and turns them into what the guard judges by.
func snapshotOf(ctx context.Context, records []clients.Client) (*clients.Snapshot, error) {
	snapshot, err := clients.Static(records).Load(ctx)
	if err != nil {
		return nil, err
	}
	for i := range snapshot.Clients {
		// Not the operator of the guard wrote these records. So errors are not redirected to a client unless its record says "trusted".
		snapshot.Clients[i].Operator = false
	}
	return snapshot, nil
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 16 << 20

// get reads a JSON value; found is false after a 404.
func (r *Registry) get(ctx context.Context, path string, value any) (found bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+path, nil)
	if err != nil {
		return false, err
	}
	if r.Token != "" {
		token, err := caddy.NewReplacer().ReplaceOrErr(r.Token, true, true)
		if err != nil {
			return false, err
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	}
	response, err := r.client.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return true, json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(value)
	case http.StatusNotFound:
		return false, nil
	}
	return false, errors.New(response.Status)
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	clients registry <url> {
//		token   <placeholder>
//		refresh <duration>
//	}
func (r *Registry) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&r.URL) {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var text string
		name := d.Val()
		if !d.AllArgs(&text) {
			return d.ArgErr()
		}
		switch name {
		case "token":
			r.Token = text
		case "refresh":
			duration, err := caddy.ParseDuration(text)
			if err != nil || duration <= 0 {
				return d.Errf("clients registry: refresh: %q is not a positive duration", text)
			}
			r.Refresh = caddy.Duration(duration)
		default:
			return d.Errf("unrecognized option %s in clients registry", name)
		}
	}
	return nil
}

var (
	_ caddymodule.LiveSource = (*Registry)(nil)
	_ caddy.Provisioner      = (*Registry)(nil)
	_ caddyfile.Unmarshaler  = (*Registry)(nil)
	_ clients.Finder         = (*Registry)(nil)
)
