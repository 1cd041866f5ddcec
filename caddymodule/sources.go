package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/proofs"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

func init() {
	caddy.RegisterModule(StaticSource{})
	caddy.RegisterModule(FileSource{})
}

// ClientSource is what a module in the namespace `oauth_guard.clients` implements. Loading, polling, keeping the last good directory
// and showing the state is done for it.
type ClientSource interface {
	// ClientSource returns the source, a short name for logs and metrics, and how often to look for changes; zero means never. It is called after Provision.
	ClientSource() (source clients.Source, name string, refresh time.Duration)
}

// LiveSource is what a module in the namespace `oauth_guard.clients` implements instead if it reads over a network. It is only asked while Caddy runs, never while a
// configuration is checked. What it delivers is kept in Caddy's storage, for restarts and for all instances that share the storage, of which one at a time asks.
type LiveSource interface {
	// LiveSource returns the source, a name for logs, metrics and the storage, which should say where the source reads, and how to treat it. It is called after Provision.
	LiveSource() (source clients.Source, name string, settings clients.LiveSettings)
}

// checkedSource refuses what a source delivers if it exempts clients from rules that do not exist, or from which nobody can be exempted.
type checkedSource struct {
	clients.Source
}

// Load implements [clients.Source].
func (s checkedSource) Load(ctx context.Context) (*clients.Snapshot, error) {
	return s.LoadSince(ctx, "")
}

// LoadSince implements [clients.Incremental].
func (s checkedSource) LoadSince(ctx context.Context, revision string) (*clients.Snapshot, error) {
	snapshot, err := s.load(ctx, revision)
	if err != nil || snapshot == nil {
		return nil, err
	}
	for i := range snapshot.Clients {
		if err := checkRegistration(&snapshot.Clients[i]); err != nil {
			return nil, err
		}
	}
	if each := snapshot.Each; each != nil {
		snapshot.Each = func(add func(*clients.Registration) error) error {
			return each(func(registration *clients.Registration) error {
				if err := checkRegistration(registration); err != nil {
					return err
				}
				return add(registration)
			})
		}
	}
	return snapshot, nil
}

func checkRegistration(registration *clients.Registration) error {
	if err := validators.CheckExemptions(registration.Exempt); err != nil {
		return fmt.Errorf("client %s: exempt: %w", registration.ID, err)
	}
	// A key that cannot be read would leave signatures unverified without a word.
	if registration.Keys != nil {
		if err := proofs.Check(registration.Keys); err != nil {
			return fmt.Errorf("client %s: jwks: %w", registration.ID, err)
		}
	}
	return nil
}

// checkedFinder is a checked source that can be asked for one client.
type checkedFinder struct {
	checkedSource
	finder clients.Finder
}

// Lookup implements [clients.Finder].
func (s checkedFinder) Lookup(ctx context.Context, id string) (*clients.Registration, error) {
	registration, err := s.finder.Lookup(ctx, id)
	if err == nil && registration != nil {
		err = validators.CheckExemptions(registration.Exempt)
	}
	return registration, err
}

// checked is a source whose deliveries are checked.
func checked(source clients.Source) clients.Source {
	if finder, able := source.(clients.Finder); able {
		return checkedFinder{checkedSource{source}, finder}
	}
	return checkedSource{source}
}

// isSource reports whether a module is a source of clients.
func isSource(module any) bool {
	switch module.(type) {
	case ClientSource, LiveSource:
		return true
	}
	return false
}

func (s checkedSource) load(ctx context.Context, revision string) (*clients.Snapshot, error) {
	if incremental, ok := s.Source.(clients.Incremental); ok && revision != "" {
		return incremental.LoadSince(ctx, revision)
	}
	return s.Source.Load(ctx)
}

// StaticSource holds clients that are written into the configuration.
type StaticSource struct {
	// The clients. At least one.
	Clients []clients.Client `json:"clients,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (StaticSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard.clients.static", New: func() caddy.Module { return new(StaticSource) }}
}

// Provision checks that there is something to deliver.
func (s *StaticSource) Provision(caddy.Context) error {
	if len(s.Clients) == 0 {
		return fmt.Errorf("clients static: no client: add a client block, or remove the source")
	}
	return nil
}

// ClientSource implements [ClientSource].
func (s *StaticSource) ClientSource() (clients.Source, string, time.Duration) {
	return clients.Static(s.Clients), "static", 0
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	clients static {
//		client <client_id> {
//			client_name                <name>
//			redirect_uris              <uri...>
//			response_types             <type...>
//			grant_types                <type...>
//			token_endpoint_auth_method <method>
//			scope                      <scope...>
//			trusted
//			delivery                   redirect|page|pass
//			exempt                     <rule id or glob...>
//			jwks                       <file with a JWK Set>
//			request_uris               <uri...>
//			request_object_signing_alg <algorithm>
//			post_logout_redirect_uris  <uri...>
//			require_signed_request_object
//			require_pushed_authorization_requests
//			dpop_bound_access_tokens
//			tls_client_certificate_bound_access_tokens
//		}
//	}
//
// An option without arguments means that there is none, such as `redirect_uris` for a client without any; an absent option means unknown. The file of jwks is
// read when the Caddyfile is adapted, and its keys stand in the JSON configuration; private and symmetric keys are an error.
func (s *StaticSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "client" {
			return d.Errf("oauth_guard: unrecognized option %s in clients static: write client <client_id> { ... }", d.Val())
		}
		var client clients.Client
		if !d.AllArgs(&client.ClientID) {
			return d.ArgErr()
		}
		for _, other := range s.Clients {
			if other.ClientID == client.ClientID {
				return d.Errf("oauth_guard: a second client %s: write everything in one block", client.ClientID)
			}
		}
		if err := unmarshalClient(&client, d); err != nil {
			return err
		}
		if err := client.Validate(); err != nil {
			return d.WrapErr(err)
		}
		s.Clients = append(s.Clients, client)
	}
	return nil
}

// FileSource reads clients from a file: an array of RFC 7591 client records, or a saved services page of JetBrains Hub
// (`/api/rest/services?fields=id,key,name,homeUrl,baseUrls,redirectUris,trusted`). The file is watched; if it becomes unreadable or malformed, the last good
// content stays in force, and the log and the metrics say so.
type FileSource struct {
	// The path of the file. Placeholders such as `{env.HOME}` are expanded.
	Path string `json:"path,omitempty"`
	// How often to look for a change. Default: 5s.
	Refresh caddy.Duration `json:"refresh,omitempty"`

	path string
}

// CaddyModule returns the Caddy module information.
func (FileSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard.clients.file", New: func() caddy.Module { return new(FileSource) }}
}

// Provision expands the path.
func (s *FileSource) Provision(caddy.Context) error {
	var err error
	if s.path, err = caddy.NewReplacer().ReplaceOrErr(s.Path, true, true); err != nil {
		return fmt.Errorf("clients file: path: %w", err)
	}
	if s.path == "" {
		return fmt.Errorf("clients file: path is empty: write clients file <path>")
	}
	if s.Refresh < 0 {
		return fmt.Errorf("clients file: refresh: %s is negative: use a duration such as 5s", time.Duration(s.Refresh))
	}
	return nil
}

// defaultRefresh is how often a file is looked at.
const defaultRefresh = 5 * time.Second

// ClientSource implements [ClientSource].
func (s *FileSource) ClientSource() (clients.Source, string, time.Duration) {
	refresh := time.Duration(s.Refresh)
	if refresh == 0 {
		refresh = defaultRefresh
	}
	return &clients.File{Path: s.path}, "file:" + s.path, refresh
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	clients file <path> {
//		refresh <duration>
//	}
func (s *FileSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.Path) {
		return d.ArgErr()
	}
	once := onceOnly{d: d}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "refresh" {
			return d.Errf("oauth_guard: unrecognized option %s in clients file", d.Val())
		}
		if err := once.duration(&s.Refresh); err != nil {
			return err
		}
	}
	return nil
}

var (
	_ ClientSource          = (*StaticSource)(nil)
	_ caddy.Provisioner     = (*StaticSource)(nil)
	_ caddyfile.Unmarshaler = (*StaticSource)(nil)
	_ ClientSource          = (*FileSource)(nil)
	_ caddy.Provisioner     = (*FileSource)(nil)
	_ caddyfile.Unmarshaler = (*FileSource)(nil)
)
