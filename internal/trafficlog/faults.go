package trafficlog

import (
	"fmt"
	"math/rand/v2"
	"net/url"
)

// Fault is one kind of invalid request.
type Fault struct {
	// Name says what is wrong.
	Name string
	// Rule is the rule that refuses it in the profile hub, with the clients of [Clients].
	Rule string
	// make writes the request into an entry that is a good authorization request.
	make func(r *rand.Rand, e *entry)
}

// Faults are the kinds of invalid requests that the logs hold.
var Faults = []Fault{
	{"a redirect URI with another path", "authorize.redirect_uri.unregistered", func(_ *rand.Rand, e *entry) { e.set("redirect_uri", "https://app1.example/other") }},
	{"a redirect URI with a final slash", "authorize.redirect_uri.unregistered", func(_ *rand.Rand, e *entry) { e.set("redirect_uri", e.get("redirect_uri")+"/") }},
	{"a client that is not registered", "authorize.client_id.unknown", func(r *rand.Rand, e *entry) { e.set("client_id", fmt.Sprintf("unknown-%d", r.IntN(200))) }},
	{"no client_id", "authorize.client_id.missing", func(_ *rand.Rand, e *entry) { e.remove("client_id") }},
	{"client_id twice", "authorize.client_id.repeated", func(_ *rand.Rand, e *entry) { e.add("client_id", "app2") }},
	{"redirect_uri twice", "authorize.redirect_uri.repeated", func(_ *rand.Rand, e *entry) { e.add("redirect_uri", "https://evil.example/cb") }},
	{"state twice", "authorize.state.repeated", func(_ *rand.Rand, e *entry) { e.add("state", Secret+"-other") }},
	{"no response_type", "authorize.response_type.missing", func(_ *rand.Rand, e *entry) { e.remove("response_type") }},
	{"an unknown response_type", "authorize.response_type.unsupported", func(_ *rand.Rand, e *entry) { e.set("response_type", "magic") }},
	{"a malformed escape", "wire.percent_encoding.malformed", func(_ *rand.Rand, e *entry) { e.raw += "&login_hint=100%zz" }},
	{"a semicolon between parameters", "wire.separator.semicolon", func(_ *rand.Rand, e *entry) { e.raw += ";code=" + Secret }},
	{"a folded name", "wire.parameter_name.folded", func(_ *rand.Rand, e *entry) { e.raw += "&redirect_uri[]=https%3A%2F%2Fevil.example" }},
	{"a double slash in the path", "path.ambiguous", func(_ *rand.Rand, e *entry) { e.path = "/api//rest/oauth2/auth" }},
	{"a path parameter", "path.ambiguous", func(_ *rand.Rand, e *entry) { e.path = "/api/rest/oauth2/auth;code=" + Secret }},
	{"the token endpoint by GET", "token.method.unsupported", func(_ *rand.Rand, e *entry) {
		e.path, e.query, e.raw = "/api/rest/oauth2/token", nil, "grant_type=password&username=jane&password="+Secret+"&client_secret="+Secret
	}},
	{"a fragment in the redirect URI", "authorize.redirect_uri.fragment", func(_ *rand.Rand, e *entry) { e.set("redirect_uri", "https://app1.example/cb#"+Secret) }},
	{"a script as redirect URI", "authorize.redirect_uri.scheme", func(_ *rand.Rand, e *entry) { e.set("redirect_uri", "javascript:alert(1)") }},
	{"user information in the redirect URI", "authorize.redirect_uri.authority", func(_ *rand.Rand, e *entry) {
		e.set("redirect_uri", "https://"+Secret+":"+Secret+"@app1.example/cb")
	}},
	{"bytes that are no UTF-8", "wire.utf8.invalid", func(_ *rand.Rand, e *entry) { e.raw += "&login_hint=%FF%FE" }},
	{"a NUL in state", "wire.control_character", func(_ *rand.Rand, e *entry) { e.remove("state"); e.raw += "&state=%00" + Secret }},
	{"an unknown response_mode", "authorize.response_mode.unsupported", func(_ *rand.Rand, e *entry) { e.add("response_mode", "carrier_pigeon") }},
	{"another method", "authorize.method.unsupported", func(_ *rand.Rand, e *entry) { e.method = "PUT" }},
}

// entry is a request that is being made up.
type entry struct {
	method, path string
	query        [][2]string
	raw          string // behind the query
}

func (e *entry) get(name string) string {
	for _, pair := range e.query {
		if pair[0] == name {
			return pair[1]
		}
	}
	return ""
}

func (e *entry) set(name, value string) {
	for i := range e.query {
		if e.query[i][0] == name {
			e.query[i][1] = value
		}
	}
}

func (e *entry) add(name, value string) { e.query = append(e.query, [2]string{name, value}) }

func (e *entry) remove(name string) {
	for i := range e.query {
		if e.query[i][0] == name {
			e.query = append(e.query[:i], e.query[i+1:]...)
			return
		}
	}
}

// target is the target of the request line.
func (e *entry) target() string {
	text := e.path
	for i, pair := range e.query {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		text += separator + pair[0] + "=" + url.QueryEscape(pair[1])
	}
	if len(e.query) == 0 && e.raw != "" {
		return text + "?" + e.raw
	}
	return text + e.raw
}
