package integration

import (
	"fmt"
	"strings"
	"testing"
)

// fate is what happens to a valid request that is sent with some spelling of an endpoint's path. An invalid one must never arrive, whatever its fate.
type fate int

const (
	// ambiguous spellings are refused by path.ambiguous.
	ambiguous fate = iota
	// judged spellings are the endpoint: a valid request passes.
	judged
	// unparsed spellings are refused by net/http or Caddy, with or without the guard.
	unparsed
)

// spelling is one way to write the path of an endpoint. In the target, {base} stands for the path up to the last segment, such as /oauth2, and {name} for the last
// segment, such as token; {NAME} is it in capitals, {n} and {ame} are its first letter and the others, {rel} is {base}/{name} without the first slash.
type spelling struct {
	name, target string
	valid        fate
}

// spellings are those of the lab and of real servers. Some server, framework or proxy takes each of them for the endpoint.
var spellings = []spelling{
	{"literal", "{base}/{name}", judged},
	{"literal with an empty query", "{base}/{name}?", judged},
	{"session identifier", "{base}/{name};jsessionid=1A2B3C4D5E.node1", judged},
	{"absolute form with another host", "http://evil.example{base}/{name}", judged},
	{"absolute form of https", "https://evil.example{base}/{name}", judged},
	{"absolute form of an odd scheme", "x://evil.example{base}/{name}", judged},
	{"scheme before an absolute path", "x:{base}/{name}", judged},
	{"trailing slash", "{base}/{name}/", ambiguous},
	{"two trailing slashes", "{base}/{name}//", ambiguous},
	{"upper case", "{base}/{NAME}", ambiguous},
	{"encoded letter", "{base}/%{n}{ame}", ambiguous},
	{"letter encoded twice", "{base}/%25{n}{ame}", ambiguous},
	{"encoded slash", "{base}%2F{name}", ambiguous},
	{"encoded slash in lower case", "{base}%2f{name}", ambiguous},
	{"slash encoded twice", "{base}%252F{name}", ambiguous},
	{"overlong slash", "{base}%c0%af{name}", ambiguous},
	{"encoded slash at the end", "{base}/{name}%2F", ambiguous},
	{"double slash", "{base}//{name}", ambiguous},
	{"double slash in front", "/{base}/{name}", ambiguous},
	{"triple slash in front", "//{base}/{name}", ambiguous},
	{"format json", "{base}/{name}.json", ambiguous},
	{"format xml", "{base}/{name}.xml", ambiguous},
	{"final dot", "{base}/{name}.", ambiguous},
	{"path parameter", "{base}/{name};x", ambiguous},
	{"path parameter with a value", "{base}/{name};x=1", ambiguous},
	{"path parameter inside", "{base};a/{name}", ambiguous},
	{"empty path parameter inside", "{base}/;/{name}", ambiguous},
	{"path parameter in front", "/;x{base}/{name}", ambiguous},
	{"path parameter before a slash", "{base}/{name};/", ambiguous},
	{"session identifier inside", "{base};jsessionid=1/{name}", ambiguous},
	{"session identifier with a slash", "{base}/{name};jsessionid=1/x", ambiguous},
	{"encoded semicolon", "{base}/{name}%3bx", ambiguous},
	{"encoded session identifier", "{base}/{name}%3Bjsessionid=1", ambiguous},
	{"dots with a path parameter", "{base}/x/..;/{name}", ambiguous},
	{"dots with a path parameter in front", "/a/..;{base}/{name}", ambiguous},
	{"encoded dots with a path parameter", "{base}/x/%2e%2e;/{name}", ambiguous},
	{"dots", "{base}/x/../{name}", ambiguous},
	{"encoded dots", "{base}/x/%2e%2e/{name}", ambiguous},
	{"half encoded dots", "{base}/x/.%2e/{name}", ambiguous},
	{"dots encoded twice", "{base}/x/%252e%252e/{name}", ambiguous},
	{"dots with encoded slashes", "/static%2F..{base}/{name}", ambiguous},
	{"dots behind", "{base}/{name}/x/..", ambiguous},
	{"one dot", "{base}/./{name}", ambiguous},
	{"one dot in front", "/.{base}/{name}", ambiguous},
	{"one dot behind", "{base}/{name}/.", ambiguous},
	{"one encoded dot", "{base}/%2e/{name}", ambiguous},
	{"above the root", "/..{base}/{name}", ambiguous},
	{"backslash", "{base}\\{name}", ambiguous},
	{"encoded backslash", "{base}%5c{name}", ambiguous},
	{"backslash in front", "\\{rel}", unparsed},
	{"NUL", "{base}/{name}%00", ambiguous},
	{"NUL and a suffix", "{base}/{name}%00.html", ambiguous},
	{"blank at the end", "{base}/{name}%20", ambiguous},
	{"tab at the end", "{base}/{name}%09", ambiguous},
	{"line end at the end", "{base}/{name}%0a", ambiguous},
	{"upper case and a slash", "{base}/{NAME}/", ambiguous},
	{"format and a slash", "{base}/{name}.json/", ambiguous},
	{"absolute form, double slash", "http://evil.example/{base}/{name}", ambiguous},
	{"absolute form, path parameter", "http://evil.example{base}/{name};x", ambiguous},
	{"opaque target", "x:{rel}", ambiguous},
	{"opaque http target", "http:{rel}", ambiguous},
	{"opaque target with a path parameter", "x:{rel};a", ambiguous},
	{"opaque target with an escape", "x:%{b}{ase}/{name}", ambiguous},
	{"raw blank", "{base}/{name} ", unparsed},
	{"raw NUL", "{base}/{name}\x00", unparsed},
	{"raw tab", "{base}/\t{name}", unparsed},
	{"malformed escape", "{base}/{name}%zz", unparsed},
	{"no slash in front", "{rel}", unparsed},
}

// spell writes the path of an endpoint in one way.
func spell(template, path string) string {
	cut := strings.LastIndexByte(path, '/')
	base, name := path[:cut], path[cut+1:]
	return strings.NewReplacer(
		"{base}", base, "{name}", name, "{NAME}", strings.ToUpper(name), "{rel}", path[1:],
		"{n}", fmt.Sprintf("%02X", name[0]), "{ame}", name[1:],
		"{b}", fmt.Sprintf("%02x", base[1]), "{ase}", base[2:],
	).Replace(template)
}

// probe is a request to an endpoint in a form that must pass, and in one that must be refused.
type probe struct{ path, method, valid, invalid string }

func probes(base string) []probe {
	const code = "grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&client_id=app"
	const ask = "response_type=code&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&client_id=app"
	return []probe{
		{base + "/token", "POST", code, code + "&grant_type=password"},
		{base + "/token", "GET", "", "grant_type=password&grant_type=client_credentials"},
		{base + "/auth", "GET", ask, ask + "&client_id=native"},
		{base + "/auth", "POST", ask, ask + "&client_id=native"},
	}
}

// request builds the request to a target: a form, or a query that is appended.
func (p *probe) request(target, parameters string) string {
	if p.method == "POST" {
		return form(target, parameters)
	}
	separator := "?"
	if strings.HasSuffix(target, "?") {
		separator = ""
	}
	return get(target + separator + parameters)
}

// TestPathSpellings sends every spelling of an endpoint: an invalid request must never arrive, and a valid one passes only where no server could see another path.
func TestPathSpellings(t *testing.T) {
	bases := map[string]string{"rfc6749": "/oauth2", "hub": "/hub/api/rest/oauth2"}
	lines := map[string]string{"rfc6749": endpointLines, "hub": "base_path /hub"}
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := newPair(t, "profile "+profile+"\n"+lines[profile]+clientLines)
			for _, probe := range probes(bases[profile]) {
				for _, spelling := range spellings {
					t.Run(spelling.name+"/"+probe.method+" "+probe.path, func(t *testing.T) {
						target := spell(spelling.target, probe.path)
						refusal := p.refused(t, probe.request(target, probe.invalid))
						if refusal.status < 400 || refusal.status > 405 {
							t.Errorf("%s: an invalid request is answered with %d", target, refusal.status)
						}
						switch {
						case spelling.valid == unparsed:
							bare := send(t, p.twin, probe.request(target, probe.invalid))
							if arrived := p.upstream.take(); len(arrived) > 0 || bare.status != 400 {
								t.Errorf("%s: the twin answers %d and delivers %d requests; it is the guard that refuses", target, bare.status, len(arrived))
							}
						case spelling.valid == judged && probe.valid != "":
							p.passes(t, probe.request(target, probe.valid))
						case spelling.valid == ambiguous && probe.valid != "":
							if got := p.refused(t, probe.request(target, probe.valid)); got.status != 400 || !strings.Contains(got.body, "ambiguous") {
								t.Errorf("%s: answered with %d: %s", target, got.status, got.body)
							}
						}
					})
				}
			}
		})
	}
}

// TestPathsOfOthers sends paths that are like an endpoint, but that no server takes for one: they pass unjudged.
func TestPathsOfOthers(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	for _, target := range []string{
		"/", "*", "/oauth2", "/oauth2/", "/oauth2/tokens", "/oauth2/tokeninfo", "/oauth2/token-x", "/oauth2/token_x", "/oauth2/keys", "/oauth2/interactive/login",
		"/oauth2x/token", "/x/oauth2/token", "/oauth2/x/token", "/oauth2/token/extra", "/oauth2/token.html", "/oauth2/token.json.bak", "/token", "/a%2Fb", "/a//b", "/a;x=1/b",
		"/static/..%2fx", "/oauth2/token%2Fextra%2Fmore", "/apis/x", "/oauth2/tok%65nx",
	} {
		t.Run(target, func(t *testing.T) {
			p.passes(t, form(target, "grant_type=a&grant_type=b"))
		})
	}
}

// TestRewriteHeaders sends the headers by which some frameworks route instead of the path.
func TestRewriteHeaders(t *testing.T) {
	p := profilePair(t, "hub", "")
	for _, name := range []string{"X-Original-URL", "X-Rewrite-URL", "x-original-url"} {
		for _, value := range []string{"/oauth2/token", "/oauth2/token?x=1", "http://hub.example/oauth2/auth", "/oauth2/token;x", "//oauth2/token", "/OAUTH2/auth"} {
			t.Run(name+" "+value, func(t *testing.T) {
				for _, target := range []string{"/", "/static/x.js", "/api/x", "/oauth2/keys"} {
					p.refused(t, form(target, "grant_type=a&grant_type=b", name+": "+value))
				}
			})
		}
		p.passes(t, form("/", "a=b", name+": /elsewhere"))
	}
}
