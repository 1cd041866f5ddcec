package routes

import (
	"encoding/json"
	"net"
	"slices"
	"strings"
)

// Kind is a kind of way around a guard.
type Kind string

// The kinds.
const (
	// Around is a route to a guarded server without a guard before it.
	Around Kind = "around"
	// Addresses is a guard that judges requests from some addresses only, which may be meant so.
	Addresses Kind = "addresses"
	// Behind is a change of the request between the guard and the server.
	Behind Kind = "rewritten"
	// Error is an error route that hands the request to a guarded server.
	Error Kind = "error_route"
	// Unknown is a route without a guard to a server that is only known at runtime.
	Unknown Kind = "unknown_upstream"
)

// Way is one way around a guard.
type Way struct {
	Kind Kind `json:"kind"`
	// Place is where the route is.
	Place string `json:"place"`
	// Upstream is the server that is reached.
	Upstream string `json:"upstream"`
	// Text says what is wrong, and what to do.
	Text string `json:"text"`
	// Open says that requests get around the guard; else it is only worth knowing.
	Open bool `json:"open"`
}

// Ways lists the ways around the guards, in the order of the configuration. A server counts as guarded if some route hands requests to it through a guard. Servers are compared by
// the addresses that the configuration says: one with two names is not recognised.
func (t *Tree) Ways() []Way {
	guarded := t.Guarded()
	var ways []Way
	for i := range t.proxies {
		p := &t.proxies[i]
		if p.unknown && !p.guarded && len(guarded) > 0 && !slices.ContainsFunc(p.upstreams, func(u string) bool { return slices.Contains(guarded, u) }) {
			ways = append(ways, Way{Kind: Unknown, Place: p.place, Upstream: strings.Join(p.upstreams, " "), Text: "the server is only known when a request comes: " +
				"if it can be one of the guarded servers, requests reach it without a guard"})
		}
		for _, upstream := range p.upstreams {
			if !slices.Contains(guarded, upstream) {
				continue
			}
			if way, open := p.way(upstream); open {
				ways = append(ways, way)
			}
		}
	}
	return ways
}

// Guarded lists the servers to which some route hands requests through a guard. Servers that are only asked, as those of forward_auth, do not count.
func (t *Tree) Guarded() []string {
	var guarded []string
	for i := range t.proxies {
		p := &t.proxies[i]
		if !p.guarded && len(p.partly) == 0 || p.erring || p.asks {
			continue
		}
		for _, upstream := range p.upstreams {
			if !slices.Contains(guarded, upstream) {
				guarded = append(guarded, upstream)
			}
		}
	}
	slices.Sort(guarded)
	return guarded
}

// way says what is wrong with one route to a guarded server, if anything is.
func (p *proxy) way(upstream string) (Way, bool) {
	way := Way{Place: p.place, Upstream: upstream, Open: true}
	switch {
	case p.erring && !p.guarded:
		way.Kind = Error
		way.Text = "an error route hands the request to the guarded server: Caddy restores method and URL before error routes, so that what was refused arrives there. " +
			"Answer errors with respond or a file"
	case !p.guarded && len(p.partly) > 0:
		conditions := strings.Join(p.partly, "; ")
		if strings.Contains(conditions, "remote_ip") || strings.Contains(conditions, "client_ip") {
			way.Kind, way.Open = Addresses, false
			way.Text = "the guard before it only judges requests of: " + conditions + ". Others reach the server unjudged"
			break
		}
		way.Kind = Around
		way.Text = "the guard before it only judges requests of: " + conditions + ". Others reach the server unjudged: give both the same matcher, or the guard none"
	case !p.guarded:
		way.Kind = Around
		way.Text = "requests reach the guarded server without a guard: put oauth_guard before it, with the same clients"
	case p.rewritten != "":
		way.Kind = Behind
		way.Text = "the request is changed after it was judged, at: " + p.rewritten + ". Put the guard behind that change"
	default:
		return way, false
	}
	return way, true
}

// proxy notes a route to servers, and returns its number.
func (w *walk) proxy(h *handler, at position) int {
	p := proxy{guarded: at.guarded, partly: at.partly, rewritten: at.rewritten, erring: at.erring}
	for _, upstream := range h.Upstreams {
		p.unknown = p.unknown || placeholder(upstream.Dial)
		p.upstreams = append(p.upstreams, normal(upstream.Dial))
	}
	if len(h.DynamicUpstreams) > 0 {
		p.unknown = true
		p.upstreams = append(p.upstreams, shorten("dynamic "+compact(h.DynamicUpstreams)))
	}
	if len(h.Rewrite) > 0 && string(h.Rewrite) != "null" && (at.guarded || len(at.partly) > 0) {
		var members map[string]json.RawMessage
		_ = json.Unmarshal(h.Rewrite, &members) // it was read before
		p.rewritten = at.place + " › reverse_proxy › " + describeRewrite(members)
	}
	p.place = at.place + " › reverse_proxy " + strings.Join(p.upstreams, " ")
	w.tree.proxies = append(w.tree.proxies, p)
	return len(w.tree.proxies) - 1
}

// normal is an address in one of its spellings: all names of the loopback are one.
func normal(dial string) string {
	dial = strings.ToLower(dial)
	dial = strings.TrimPrefix(dial, "tcp/")
	host, port, err := net.SplitHostPort(dial)
	if err != nil {
		return dial
	}
	if ip := net.ParseIP(host); host == "" || host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func compact(raw json.RawMessage) string {
	var value any
	_ = json.Unmarshal(raw, &value) // it was read before
	text, _ := json.Marshal(value)
	return string(text)
}
