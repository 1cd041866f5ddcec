// Package routes reads the routes of a configuration of Caddy, finds the guards in them, and ways around the guards. It only reads: no module is loaded.
package routes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tree is what the routes of one configuration hold.
type Tree struct {
	guards  []*Guard
	proxies []proxy
}

// Guard is one handler oauth_guard, and where it stands.
type Guard struct {
	// Name says where the guard stands.
	Name string
	// Config is the JSON of the handler.
	Config json.RawMessage
	// Strip are the prefixes that are removed from the path before the guard sees it, in order.
	Strip []string
	// Rewritten says that something else changes the request before, which cannot be followed here.
	Rewritten bool
	// Conditions are the matchers, other than those of hosts, under which the guard is reached.
	Conditions []string

	hosts []string
}

// Guards lists the guards in the order of the configuration.
func (t *Tree) Guards() []*Guard { return t.guards }

// Serves reports whether the guard judges requests to a host, which may have a port.
func (g *Guard) Serves(host string) bool {
	if len(g.hosts) == 0 {
		return true
	}
	host = strings.ToLower(host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return slices.ContainsFunc(g.hosts, func(pattern string) bool {
		pattern = strings.ToLower(pattern)
		if suffix, wild := strings.CutPrefix(pattern, "*."); wild {
			label, rest, found := strings.Cut(host, ".")
			return found && label != "" && rest == suffix
		}
		return pattern == host
	})
}

// proxy is one handler reverse_proxy.
type proxy struct {
	place     string
	upstreams []string
	guarded   bool
	// partly are the conditions under which a guard is passed before, if it is not passed in any case.
	partly []string
	// asks says that the answer of the server decides how the request goes on, as with forward_auth.
	asks bool
	// unknown says that the servers are only known at runtime.
	unknown bool
	// rewritten is the place of what changes the request between the guard and the server.
	rewritten string
	// erring says that it is an error route.
	erring bool
}

// The parts of Caddy's JSON that say where requests go.
type (
	httpApp struct {
		Servers map[string]*struct {
			Routes      []route          `json:"routes"`
			Errors      *nested          `json:"errors"`
			NamedRoutes map[string]route `json:"named_routes"`
		} `json:"servers"`
	}
	nested struct {
		Routes []route `json:"routes"`
	}
	route struct {
		Group    string                       `json:"group"`
		Match    []map[string]json.RawMessage `json:"match"`
		Handle   []json.RawMessage            `json:"handle"`
		Terminal bool                         `json:"terminal"`
	}
	handler struct {
		Handler          string            `json:"handler"`
		Routes           []route           `json:"routes"`
		Errors           *nested           `json:"errors"`
		Name             string            `json:"name"`
		PassThru         bool              `json:"pass_thru"`
		Set              string            `json:"set"`
		StripPathPrefix  string            `json:"strip_path_prefix"`
		Rewrite          json.RawMessage   `json:"rewrite"`
		HandleResponse   []nested          `json:"handle_response"`
		DynamicUpstreams json.RawMessage   `json:"dynamic_upstreams"`
		Upstreams        []upstreamAddress `json:"upstreams"`
	}
	upstreamAddress struct {
		Dial string `json:"dial"`
	}
)

// Parse reads the JSON of the http app; none is a tree without guards.
func Parse(app json.RawMessage) (*Tree, error) {
	t := new(Tree)
	if len(app) == 0 {
		return t, nil
	}
	var parsed httpApp
	if err := json.Unmarshal(app, &parsed); err != nil {
		return nil, fmt.Errorf("apps http: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Servers)) {
		server := parsed.Servers[name]
		if server == nil {
			continue
		}
		w := walk{tree: t, named: server.NamedRoutes}
		if _, err := w.list(server.Routes, position{place: "server " + name}); err != nil {
			return nil, err
		}
		if server.Errors != nil {
			if _, err := w.list(server.Errors.Routes, position{place: "error routes of server " + name, erring: true}); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}
