package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/routes"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Handler is a guard's HTTP handler, as far as the commands need one.
type Handler interface {
	// Offline lends what the provisioned handler is made of.
	Offline() *Guard
}

// Guard is one guard of a configuration, without a server around it.
type Guard struct {
	// Engine decides.
	Engine *validators.Engine
	// Profile is the profile in force, and ReportOnly says that the guard is in report mode.
	Profile    rule.Profile
	ReportOnly bool
	// Endpoints are the paths of the endpoints.
	Endpoints map[rule.Endpoint][]string
	// Feeds are the sources of the clients. Those that read over a network hold what the storage held.
	Feeds []*clients.Feed
	// Directory returns the clients that are known; nil without a source.
	Directory func() rule.Directory
	// Read takes from a request what is judged, as the handler does.
	Read func(*http.Request) (rule.Request, path.Result)
	// Answer writes the answer to a refused request.
	Answer func(http.ResponseWriter, *http.Request, *validators.Verdict) error

	// place is where the guard stands in the configuration; nil if it is made of flags.
	place *routes.Guard
	// raw is the JSON of the handler.
	raw json.RawMessage
}

// directory is the clients that are known, or nil.
func (g *Guard) directory() rule.Directory {
	if g.Directory == nil {
		return nil
	}
	return g.Directory()
}

// title names the guard: by its place, or by how it was made.
func (g *Guard) title() string {
	if g.place == nil {
		return "the guard of the flags"
	}
	return g.place.Name
}

// guardFlags say which guard judges.
type guardFlags struct {
	config, adapter, profile, basePath, preset, clients, mode, host string
	endpoints                                                       []string
}

func (f *guardFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "the configuration whose guard judges: a Caddyfile or JSON")
	flags.StringVarP(&f.adapter, "adapter", "a", "", "the adapter of the configuration; by default caddyfile, or none for a file that ends with .json")
	flags.StringVar(&f.host, "host", "", "the host of requests that do not say it; it selects among several guards")
	flags.StringVar(&f.profile, "profile", "", "hub, rfc6749, oauth21 or fapi2; with --config, instead of its profile")
	flags.StringVar(&f.mode, "mode", "", "enforce or report; with --config, instead of its mode")
	flags.StringVar(&f.basePath, "base-path", "", "where the Hub is mounted, such as /hub; only for the profile hub")
	flags.StringVar(&f.preset, "preset", "", "a server whose paths are known, and where it is mounted, such as keycloak=/realms/main")
	flags.StringArrayVar(&f.endpoints, "endpoint", nil, "the path of an endpoint, such as token=/oauth2/token; may be repeated")
	flags.StringVar(&f.clients, "clients", "", "a file of registered clients; with --config, instead of its sources")
}

// handler is the JSON of a handler with the flags in it.
func (f *guardFlags) handler(raw json.RawMessage) (json.RawMessage, error) {
	members := make(map[string]any)
	if raw != nil {
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
	}
	for name, value := range map[string]string{"profile": f.profile, "mode": f.mode, "base_path": f.basePath} {
		if value != "" {
			members[name] = value
		}
	}
	if f.preset != "" {
		server, mount, _ := strings.Cut(f.preset, "=")
		if mount == "" {
			mount = "/"
		}
		members["preset"] = map[string]string{"server": server, "path": mount}
	}
	endpoints := make(map[string][]string)
	for _, text := range f.endpoints {
		kind, mount, found := strings.Cut(text, "=")
		if !found {
			return nil, fmt.Errorf("--endpoint %s: write a kind and a path, such as token=/oauth2/token", text)
		}
		endpoints[kind] = append(endpoints[kind], mount)
	}
	if len(endpoints) > 0 {
		members["endpoints"] = endpoints
	}
	if f.clients != "" {
		name, err := filepath.Abs(f.clients)
		if err != nil {
			return nil, fmt.Errorf("--clients %s: %w", f.clients, err)
		}
		if strings.Contains(name, "{") {
			return nil, fmt.Errorf("--clients %s: a brace would be read as a placeholder: rename the file", f.clients)
		}
		members["clients"] = []map[string]string{{"source": "file", "path": name}}
	}
	delete(members, "handler")
	return json.Marshal(members)
}

// guards are the guards that judge, and what gives back what they hold. Without --config it is one, made of the flags.
func (f *guardFlags) guards() (guards []*Guard, release func(), err error) {
	var places []*routes.Guard
	config := new(caddy.Config)
	if f.config != "" {
		tree, err := f.load(config)
		if err != nil {
			return nil, nil, err
		}
		if places = tree.Guards(); len(places) == 0 {
			return nil, nil, fmt.Errorf("--config %s: there is no oauth_guard in it", f.config)
		}
	} else {
		places = []*routes.Guard{nil}
	}
	ctx, release, err := contextOf(config)
	if err != nil {
		return nil, nil, err
	}
	for _, place := range places {
		guard, err := f.provision(ctx, place)
		if err != nil {
			release()
			return nil, nil, err
		}
		guards = append(guards, guard)
	}
	return guards, release, nil
}

// provision makes one guard.
func (f *guardFlags) provision(ctx caddy.Context, place *routes.Guard) (*Guard, error) {
	var raw json.RawMessage
	if place != nil {
		raw = place.Config
	}
	raw, err := f.handler(raw)
	if err != nil {
		return nil, err
	}
	module, err := ctx.LoadModuleByID("http.handlers.oauth_guard", raw)
	switch {
	case err != nil && place != nil:
		return nil, fmt.Errorf("--config %s: %w", f.config, err)
	case err != nil:
		return nil, err
	}
	handler, able := module.(Handler)
	if !able {
		return nil, fmt.Errorf("the module http.handlers.oauth_guard is a %T, which commands cannot use", module)
	}
	guard := handler.Offline()
	guard.place, guard.raw = place, raw
	return guard, nil
}

// load reads a configuration, and returns its routes.
func (f *guardFlags) load(config *caddy.Config) (*routes.Tree, error) {
	text, err := os.ReadFile(f.config)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	name := f.adapter
	if name == "" && !strings.HasSuffix(f.config, ".json") {
		name = "caddyfile"
	}
	if name != "" && name != "json" {
		adapter := caddyconfig.GetAdapter(name)
		if adapter == nil {
			return nil, fmt.Errorf("--adapter %s: there is no such adapter", name)
		}
		if text, _, err = adapter.Adapt(text, map[string]any{"filename": f.config}); err != nil {
			return nil, fmt.Errorf("--config %s: %w", f.config, err)
		}
	}
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("--config %s: %w", f.config, err)
	}
	tree, err := routes.Parse(config.AppsRaw["http"])
	if err != nil {
		return nil, fmt.Errorf("--config %s: %w", f.config, err)
	}
	return tree, nil
}

// contextOf is a context to make guards in. Of the configuration only the storage counts, where sources keep what they read.
func contextOf(config *caddy.Config) (caddy.Context, func(), error) {
	no := false
	quiet := &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "FATAL"}}}}
	running := &caddy.Config{
		Admin: &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: &no}}, Logging: quiet, StorageRaw: config.StorageRaw,
	}
	ctx, err := caddy.ProvisionContext(running)
	if err != nil {
		return caddy.Context{}, nil, err
	}
	// What is made in a context of its own can be cleaned up.
	ctx, release := caddy.NewContext(ctx)
	return ctx, release, nil
}

// errNoHost says why no guard was chosen.
var errNoHost = errors.New("the configuration has several guards: say with --host which one is meant")

// forHost are the guards that judge requests to a host; all that are there if there is one only. Requests without a host need a choice.
func forHost(guards []*Guard, host string) ([]*Guard, error) {
	if len(guards) == 1 && (guards[0].place == nil || host == "" || guards[0].place.Serves(host)) {
		return guards, nil
	}
	if host == "" {
		return nil, errNoHost
	}
	var chosen []*Guard
	for _, guard := range guards {
		if guard.place == nil || guard.place.Serves(host) {
			chosen = append(chosen, guard)
		}
	}
	if len(chosen) == 0 {
		names := make([]string, len(guards))
		for i, guard := range guards {
			names[i] = guard.title()
		}
		return nil, fmt.Errorf("no guard of the configuration judges requests to the host %s; the guards are: %s", display(host, maxHost), strings.Join(names, ", "))
	}
	return chosen, nil
}
