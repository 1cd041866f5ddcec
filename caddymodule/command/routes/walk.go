package routes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// position is what is known about the requests at one place of the routes.
type position struct {
	place string
	// hosts are those whose requests come here; nil means all.
	hosts      []string
	conditions []string
	// guarded says that every request here has passed a guard. If not all have, claims are matchers, as JSON, whose requests have, and partly says for people which have.
	guarded bool
	claims  []string
	partly  []string
	// strip and changed are what happened to the path before the first guard, rewritten what happened behind one.
	strip     []string
	changed   bool
	rewritten string
	erring    bool
	// ended says that no request comes here, since something before has answered all of them.
	ended bool
	depth int
}

// join is what is known about requests that come on one of two ways.
func join(a, b position) position {
	switch {
	case a.ended:
		return b
	case b.ended:
		return a
	case a.guarded:
		a.claims = b.claims // whatever they say is true of requests that have all passed a guard
	case !b.guarded:
		a.claims = slices.DeleteFunc(slices.Clone(a.claims), func(match string) bool { return !slices.Contains(b.claims, match) })
	}
	a.guarded = a.guarded && b.guarded
	for _, text := range b.partly {
		if !slices.Contains(a.partly, text) {
			a.partly = append(slices.Clip(a.partly), text)
		}
	}
	a.rewritten = cmp.Or(a.rewritten, b.rewritten)
	a.changed = a.changed || b.changed
	if !slices.Equal(a.strip, b.strip) {
		a.strip, a.changed = nil, true
	}
	return a
}

// maxDepth bounds routes that invoke each other.
const maxDepth = 64

// walk goes through the routes of one server.
type walk struct {
	tree  *Tree
	named map[string]route
}

// list goes through routes that are tried one after the other, and returns what is known behind them. Of the routes of a group a request takes the first that it matches.
func (w *walk) list(routes []route, at position) (position, error) {
	if at.depth++; at.depth > maxDepth {
		return at, fmt.Errorf("%s: the routes are nested more than %d deep", at.place, maxDepth)
	}
	group := ""
	var untouched, taken position // requests that have matched no route of the group so far, and those that have
	for i := range routes {
		r := &routes[i]
		if r.Group == "" || r.Group != group {
			group, untouched, taken = r.Group, at, position{ended: true}
		}
		inner := untouched
		inner.enter(r)
		after, err := w.handlers(r.Handle, inner)
		if err != nil {
			return at, err
		}
		after.place, after.hosts, after.conditions, after.depth = at.place, at.hosts, at.conditions, at.depth
		after.ended = after.ended || r.Terminal
		matched := "all requests that come there"
		if len(r.Match) > 0 {
			matched = describe(r.Match)
		}
		if after.guarded && !untouched.guarded {
			after.partly = append(slices.Clip(after.partly), matched)
			untouched.claims = append(slices.Clip(untouched.claims), canonical(r.Match))
		}
		untouched.ended = untouched.ended || len(r.Match) == 0
		taken = join(taken, after)
		if at = join(untouched, taken); at.ended {
			return at, nil
		}
	}
	return at, nil
}

// enter is what is known about the requests that a route matches.
func (p *position) enter(r *route) {
	if len(r.Match) == 0 {
		return
	}
	p.place += " › " + describe(r.Match)
	if slices.Contains(p.claims, canonical(r.Match)) {
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
		if at.ended {
			break
		}
		var h handler
		if err := json.Unmarshal(raw, &h); err != nil {
			return at, fmt.Errorf("%s: %w", at.place, err)
		}
		var err error
		if at, err = w.handler(&h, raw, at); err != nil {
			return at, err
		}
	}
	return at, nil
}

// handler is what is known behind one handler.
func (w *walk) handler(h *handler, raw json.RawMessage, at position) (position, error) {
	switch h.Handler {
	case "oauth_guard":
		w.tree.guards = append(w.tree.guards, &Guard{
			Name: at.place, Config: raw, Strip: at.strip, Rewritten: at.changed, Conditions: at.conditions, hosts: at.hosts,
		})
		at.guarded, at.rewritten = true, ""
	case "rewrite":
		at.rewrite(h, raw)
	case "request_body":
		if h.Set != "" {
			at.behind("request_body set")
		}
	case "static_response", "error":
		at.ended = true
	case "file_server":
		at.ended = !h.PassThru
	case "reverse_proxy":
		number := w.proxy(h, at)
		// Only the routes of handle_response go on, as those of forward_auth do.
		behind := position{ended: true}
		for _, response := range h.HandleResponse {
			after, err := w.list(response.Routes, at)
			if err != nil {
				return at, err
			}
			after.depth = at.depth
			behind = join(behind, after)
		}
		if at.ended = behind.ended; !at.ended {
			w.tree.proxies[number].asks = true
			at = behind
		}
	case "subroute", "invoke":
		inner := h.Routes
		if h.Handler == "invoke" {
			inner = []route{w.named[h.Name]}
		}
		after, err := w.list(inner, at)
		if err != nil {
			return at, err
		}
		if h.Errors != nil {
			erring := at
			erring.place, erring.erring = "error routes of "+at.place, true
			if _, err := w.list(h.Errors.Routes, erring); err != nil {
				return at, err
			}
		}
		after.depth = at.depth
		return after, nil
	default:
		// Handlers of other modules may hold routes as well.
		for _, inner := range append([]nested{{h.Routes}}, h.HandleResponse...) {
			if _, err := w.list(inner.Routes, at); err != nil {
				return at, err
			}
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
	case len(members) == 2 && h.StripPathPrefix != "":
		p.strip = append(slices.Clip(p.strip), h.StripPathPrefix)
	default:
		p.changed = true
	}
	p.behind(describeRewrite(members))
}

// behind notes a change of the request, if requests come here that have passed a guard.
func (p *position) behind(change string) {
	if p.guarded || len(p.partly) > 0 {
		p.rewritten = p.place + " › " + change
	}
}

// placeholder reports whether an address is only known at runtime.
func placeholder(dial string) bool { return strings.Contains(dial, "{") }
