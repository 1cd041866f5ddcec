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
		Match  []map[string]json.RawMessage `json:"match"`
		Handle []json.RawMessage            `json:"handle"`
	}
	handler struct {
		Handler          string            `json:"handler"`
		Routes           []route           `json:"routes"`
		Errors           *nested           `json:"errors"`
		Name             string            `json:"name"`
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

// position is what is known about a request at one place of the routes.
type position struct {
	place string
	// hosts are those whose requests come here; nil means all.
	hosts      []string
	conditions []string
	// guarded says that every request here has passed a guard; guardedIf are matchers, as JSON, whose requests have.
	guarded   bool
	guardedIf []string
	partly    []string
	// strip and changed are what happened to the path before the first guard, rewritten what happened behind one.
	strip     []string
	changed   bool
	rewritten string
	erring    bool
	depth     int
}

// maxDepth bounds routes that invoke each other.
const maxDepth = 64

// walk goes through the routes of one server.
type walk struct {
	tree  *Tree
	named map[string]route
}

// list goes through routes that are tried one after the other, and returns what is known behind them.
func (w *walk) list(routes []route, at position) (position, error) {
	if at.depth++; at.depth > maxDepth {
		return at, fmt.Errorf("%s: the routes are nested more than %d deep", at.place, maxDepth)
	}
	for i := range routes {
		inner := at
		inner.enter(&routes[i])
		after, err := w.handlers(routes[i].Handle, inner)
		if err != nil {
			return at, err
		}
		if len(routes[i].Match) == 0 {
			after.place, after.hosts, after.conditions, after.depth = at.place, at.hosts, at.conditions, at.depth
			at = after
			continue
		}
		// Requests that the route does not match come by as well.
		if after.guarded && !at.guarded {
			at.guardedIf = append(slices.Clip(at.guardedIf), canonical(routes[i].Match))
			at.partly = append(slices.Clip(at.partly), describe(routes[i].Match))
		}
		if after.rewritten != "" {
			at.rewritten = after.rewritten
		}
		at.changed = at.changed || after.changed || len(after.strip) > len(at.strip)
	}
	return at, nil
}

// enter is what is known about the requests that a route matches.
func (p *position) enter(r *route) {
	if len(r.Match) == 0 {
		return
	}
	p.place += " › " + describe(r.Match)
	if slices.Contains(p.guardedIf, canonical(r.Match)) {
		p.guarded = true
	}
	var hosts []string
	everyHost := false
	for _, set := range r.Match {
		var names []string
		if raw, found := set["host"]; !found || json.Unmarshal(raw, &names) != nil {
			everyHost = true
			break
		}
		hosts = append(hosts, names...)
	}
	if !everyHost {
		p.hosts = hosts
		if len(r.Match) == 1 && len(r.Match[0]) == 1 {
			return
		}
	}
	p.conditions = append(slices.Clip(p.conditions), describe(r.Match))
}

// handlers goes through the handlers of one route.
func (w *walk) handlers(handles []json.RawMessage, at position) (position, error) {
	for _, raw := range handles {
		var h handler
		if err := json.Unmarshal(raw, &h); err != nil {
			return at, fmt.Errorf("%s: %w", at.place, err)
		}
		var err error
		switch h.Handler {
		case "oauth_guard":
			w.tree.guards = append(w.tree.guards, &Guard{
				Name: at.place, Config: raw, Strip: at.strip, Rewritten: at.changed, Conditions: at.conditions, hosts: at.hosts,
			})
			at.guarded, at.rewritten = true, ""
		case "rewrite":
			at.rewrite(&h, raw)
		case "reverse_proxy":
			w.proxy(&h, at)
			for _, response := range h.HandleResponse {
				if _, err = w.list(response.Routes, at); err != nil {
					break
				}
			}
		case "subroute":
			if at, err = w.list(h.Routes, at); err == nil && h.Errors != nil {
				erring := at
				erring.place, erring.guarded, erring.guardedIf, erring.erring = "error routes of "+at.place, false, nil, true
				_, err = w.list(h.Errors.Routes, erring)
			}
		case "invoke":
			at, err = w.list([]route{w.named[h.Name]}, at)
		default:
			// Handlers of other modules may hold routes as well.
			if _, err = w.list(h.Routes, at); err == nil {
				for _, response := range h.HandleResponse {
					if _, err = w.list(response.Routes, at); err != nil {
						break
					}
				}
			}
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// rewrite notes what a rewrite does to the requests that come after it.
func (p *position) rewrite(h *handler, raw json.RawMessage) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(raw, &members) // it was read before
	switch {
	case p.guarded:
		p.rewritten = p.place + " › " + describeRewrite(members)
	case len(members) == 2 && h.StripPathPrefix != "":
		p.strip = append(slices.Clip(p.strip), h.StripPathPrefix)
	default:
		p.changed = true
	}
	if len(p.guardedIf) > 0 {
		p.rewritten = p.place + " › " + describeRewrite(members)
	}
}
