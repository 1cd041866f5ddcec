package matrix_test

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// What can be wrong.
const (
	otherResults  = "the client behind the guard has something else (-without, +with)"
	otherArrivals = "the server behind the guard saw something else (-without, +with)"
	otherFindings = "the guard thinks something else (-want, +got)"
	otherProtocol = "another version of HTTP than expected (-want, +got)"
	missing       = "requests did not happen (+missing)"
)

// problems returns all that tells a run without the guard from one with it.
func (c cell) problems(bare, guarded visit) []string {
	var problems []string
	compare := func(title string, want, got []string) {
		if !slices.Equal(want, got) {
			problems = append(problems, title+":\n"+cmp.Diff(want, got))
		}
	}
	compare(otherResults, results(bare, c.bare), results(guarded, c.guarded))
	compare(otherArrivals, arrivals(bare, c.bare), arrivals(guarded, c.guarded))
	compare(otherFindings, c.wantFindings(guarded), findings(guarded))
	compare(otherProtocol, c.wantProtocols(guarded), protocols(guarded))
	compare(missing, nil, c.missing(guarded))
	return problems
}

// missing returns the requests which make a run worth its while and did not happen: discovery, a look at the keys for ID tokens, and the preflights of a page.
func (c cell) missing(v visit) []string {
	happened := map[string]bool{}
	for _, exchange := range v.exchanges {
		path, _, _ := strings.Cut(exchange.Target, "?")
		happened[exchange.Method+" "+path] = true
	}
	_, works, _ := c.want()
	var wanted []string
	if c.openID() {
		wanted = append(wanted, "GET /.well-known/openid-configuration")
		if c.library != "oidc-client-ts" && (works["code"] || works["device token"]) {
			wanted = append(wanted, "GET /jwks")
		}
	}
	if c.library == "oidc-client-ts" {
		if c.style.Method == clients.Basic {
			wanted = append(wanted, "OPTIONS "+c.kind.Paths.Token)
		}
		if works["bearer"] {
			wanted = append(wanted, "OPTIONS "+c.kind.Paths.Resource)
		}
	}
	return slices.DeleteFunc(wanted, func(request string) bool { return happened[request] })
}

// results are the steps, without what differs between two sites, and from run to run.
func results(v visit, site *front.Site) []string {
	var texts []string
	for _, step := range v.steps {
		result := maps.Clone(step.Result)
		// Some servers and libraries look at the clock for the seconds that are left.
		if seconds, given := result["expires_in"].(float64); given {
			result["expires_in"] = math.Ceil(seconds/60) * 60
		}
		texts = append(texts, strings.ReplaceAll(clients.Step{Name: step.Name, Result: result}.String(), site.Address, "<site>"))
	}
	return texts
}

// findings is what the guard says of each request.
func findings(v visit) []string {
	var texts []string
	for _, exchange := range v.exchanges {
		texts = append(texts, finding(exchange, exchange.Endpoint, exchange.Decision, exchange.Rule))
	}
	return texts
}

// finding is what the guard says of one request.
func finding(exchange *front.Exchange, endpoint, decision, rule string) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", exchange.Method, exchange.Target, endpoint, decision, rule))
}

// wantFindings is what the guard has to say of each request: that it passes, if it is for an endpoint, and else nothing. Only below an endpoint it reports the path, which
// oidc-provider has for introspection, revocation and the way back from a login.
func (c cell) wantFindings(v visit) []string {
	paths := c.kind.Paths
	endpoints := map[string]string{paths.Authorize: "authorize", paths.Token: "token", paths.Resource: resourceEndpoint(c.kind)}
	var texts []string
	for _, exchange := range v.exchanges {
		path, _, _ := strings.Cut(exchange.Target, "?")
		endpoint, guarded := endpoints[path]
		switch {
		case guarded:
			texts = append(texts, finding(exchange, endpoint, "pass", ""))
		case strings.HasPrefix(path, paths.Authorize+"/"), strings.HasPrefix(path, paths.Token+"/"):
			texts = append(texts, finding(exchange, "none", "report", "path.subpath"))
		default:
			texts = append(texts, finding(exchange, "", "", ""))
		}
	}
	return texts
}

// protocols are the versions of HTTP of all requests.
func protocols(v visit) []string {
	var versions []string
	for _, exchange := range v.exchanges {
		versions = append(versions, exchange.Protocol)
	}
	return versions
}

// wantProtocols is HTTP/2 over TLS, apart from the clients that cannot do it: fetch of Node.js, and requests.
func (c cell) wantProtocols(v visit) []string {
	var versions []string
	for _, exchange := range v.exchanges {
		version := "HTTP/1.1"
		if exchange.Arrival == nil {
			// Nobody knows who sent it, and that it did not arrive is told elsewhere.
			version = exchange.Protocol
		} else if agent := exchange.Arrival.Header.Get("User-Agent"); c.tls && (strings.Contains(agent, "Chrome/") || strings.HasPrefix(agent, "Go-http-client/")) {
			version = "HTTP/2.0"
		}
		versions = append(versions, version)
	}
	return versions
}

// What is random, or depends on something random.
var (
	randomParameters = []string{
		"state", "nonce", "code", "code_challenge", "code_verifier", "refresh_token", "token", "device_code", "user_code", "dpop_jkt",
		// The servers' own, against requests from other sites.
		"xsrf", "authenticity_token",
	}
	randomHeaders = []string{"Authorization", "Content-Length", "Cookie", "Dpop", "Referer"}
	randomSegment = regexp.MustCompile(`/[\w-]{20,}`)
)

// arrivals are the requests as the server saw them, without what is random and what differs between two sites. Preflights come first, each once: how long a browser
// remembers one depends on the clock. When a browser asks for the icon does too.
func arrivals(v visit, site *front.Site) []string {
	var texts []string
	preflights := map[string]bool{}
	for _, exchange := range v.exchanges {
		if exchange.Arrival == nil {
			continue
		}
		text := describe(exchange.Arrival) + fmt.Sprintf("status %d\n", exchange.Status)
		// A server without such a path can answer before it has read the body.
		if exchange.Status != http.StatusNotFound {
			text += parameters(exchange.Arrival.Body())
		}
		text = strings.ReplaceAll(text, site.Address, "<site>")
		switch {
		case exchange.Method == http.MethodOptions:
			preflights[text] = true
		case exchange.Target != "/favicon.ico":
			texts = append(texts, text)
		}
	}
	return slices.Concat(slices.Sorted(maps.Keys(preflights)), texts)
}

// describe writes a request down, apart from its body.
func describe(arrival *front.Arrival) string {
	path, query, _ := strings.Cut(arrival.Target, "?")
	text := fmt.Sprintf("%s %s ?%s\n", arrival.Method, randomSegment.ReplaceAllString(path, "/<random>"), parameters(query))
	for _, name := range slices.Sorted(maps.Keys(arrival.Header)) {
		if slices.Contains(randomHeaders, name) {
			text += fmt.Sprintf("%s: %d times\n", name, len(arrival.Header[name]))
		} else {
			text += fmt.Sprintf("%s: %q\n", name, arrival.Header[name])
		}
	}
	return text
}

// parameters writes a query or a form down in its order.
func parameters(text string) string {
	var list []string
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		if slices.Contains(randomParameters, name) && value != "" {
			value = "<random>"
		}
		list = append(list, name+"="+value)
	}
	return strings.Join(list, "&")
}
