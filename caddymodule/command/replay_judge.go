package command

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/accesslog"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Why a request cannot be judged by its log.
const (
	noBody          = "the log does not hold the body"
	noAuthorization = "the log does not hold the Authorization header"
	redacted        = "the query is redacted"
	partlyRedacted  = "client_id or redirect_uri is redacted"
	noHeader        = "the log does not hold the headers of a preflight"
)

// The reasons for which lines are skipped.
const (
	unreadableLine = "not of the format of the log"
	foreignLine    = "not about a request"
	malformedLine  = "not HTTP"
	truncatedLine  = "cut off"
	longLine       = "too long"
	noGuard        = "for a host without a guard"
	noHost         = "the log does not say the host, and there are several guards (--host)"
)

// logJudge judges the requests of logs. It is safe for concurrent use, since each block gets a judge of its own.
type logJudge struct {
	guards []*Guard
	host   string // of requests whose log does not say it
}

// blockJudge judges the requests of one block.
type blockJudge struct {
	logJudge
	summary *summary.Summary
	memory  rule.Case
	byHost  map[string][]*Guard
	// resource says that the target last asked about is a protected resource, of which no log shows anything that is judged, shaped that its path looks like an endpoint and is none.
	resource, shaped bool
}

// block judges all requests of a block.
func (l *logJudge) block(b *accesslog.Block) *summary.Summary {
	j := &blockJudge{logJudge: *l, summary: summary.New(), byHost: make(map[string][]*Guard)}
	s := j.summary
	s.Bytes = b.Bytes()
	if b.TooLong > 0 {
		s.Lines += b.TooLong
		s.Skipped[longLine] += b.TooLong
	}
	for outcome, entry := range b.All(j.want) {
		s.Lines++
		switch outcome {
		case accesslog.Read:
			j.entry(entry)
		case accesslog.Unwanted:
			if j.resource {
				s.Count(&summary.Request{Endpoint: rule.Resource.String(), NotJudged: noAuthorization})
			} else {
				j.elsewhere(entry)
			}
		case accesslog.Unreadable:
			s.Skipped[unreadableLine]++
		case accesslog.Foreign:
			s.Skipped[foreignLine]++
		case accesslog.Malformed:
			s.Skipped[malformedLine]++
		case accesslog.Truncated:
			s.Skipped[truncatedLine]++
		}
	}
	return s
}

// want reports whether some guard could judge a request to the target.
func (j *blockJudge) want(target string) bool {
	e := accesslog.Entry{Target: target}
	escaped, _ := e.Split()
	j.resource, j.shaped = false, false
	for _, guard := range j.guards {
		stripped, here := guard.strip(escaped)
		if !here {
			continue
		}
		route := guard.Engine.Route(stripped)
		j.shaped = j.shaped || route.Shaped
		if route == (path.Result{Tag: uint8(rule.Resource)}) && len(j.guards) == 1 {
			j.resource = true
			return false
		}
		if route.Tag != 0 || route.Below != 0 {
			return true
		}
	}
	return false
}

// strip removes from a path what the routes before the guard remove.
func (g *Guard) strip(escaped string) (string, bool) {
	if g.place == nil {
		return escaped, true
	}
	for _, prefix := range g.place.Strip {
		rest, found := strings.CutPrefix(escaped, prefix)
		if !found {
			return "", false
		}
		if !strings.HasPrefix(rest, "/") {
			rest = "/" + rest
		}
		escaped = rest
	}
	return escaped, true
}

// entry judges one request. Of several guards the first that sees an endpoint counts.
func (j *blockJudge) entry(e *accesslog.Entry) {
	guards, problem := j.guardsFor(e.Host)
	if problem != "" {
		j.summary.Skipped[problem]++
		return
	}
	escaped, query := e.Split()
	for _, guard := range guards {
		stripped, here := guard.strip(escaped)
		if !here {
			continue
		}
		if route := guard.Engine.Route(stripped); route.Tag != 0 || route.Below != 0 {
			j.judge(guard, e, route, stripped, query)
			return
		}
	}
	j.elsewhere(e)
}

// elsewhere counts a request that no guard judges.
func (j *blockJudge) elsewhere(e *accesslog.Entry) {
	j.summary.Elsewhere++
	if j.shaped {
		escaped, _ := e.Split()
		j.summary.Misplaced(redact.Path(escaped, 0))
	}
}

// guardsFor are the guards that judge requests to a host, or why there are none.
func (j *blockJudge) guardsFor(host string) ([]*Guard, string) {
	if host == "" {
		host = j.host
	}
	if len(j.guards) == 1 && (host == "" || j.guards[0].place == nil) {
		return j.guards, ""
	}
	if host == "" {
		return nil, noHost
	}
	guards, known := j.byHost[host]
	if !known {
		for _, guard := range j.guards {
			if guard.place == nil || guard.place.Serves(host) {
				guards = append(guards, guard)
			}
		}
		if len(j.byHost) < 1000 {
			j.byHost[strings.Clone(host)] = guards
		}
	}
	if len(guards) == 0 {
		return nil, noGuard
	}
	return guards, ""
}

// judge judges a request by one guard.
func (j *blockJudge) judge(g *Guard, e *accesslog.Entry, route path.Result, escaped, query string) {
	endpoint := rule.Endpoint(route.Tag)
	counted := summary.Request{Endpoint: endpoint.String(), Served: e.Status > 0 && e.Status < 400, When: summary.At(e.Time)}
	if endpoint == rule.NoEndpoint {
		counted.Endpoint = rule.Endpoint(route.Below).String()
	}
	request := rule.Request{Method: e.Method, Path: escaped, Query: query, Header: e.Header, Host: e.Host, Scheme: "https", Time: e.Time}
	if e.HasBody && e.Body != "" {
		request.Body, request.BodyState = e.Body, rule.BodyRead
	}
	counted.NotJudged = hidden(endpoint, e, query)
	verdict := g.Engine.Decide(&j.memory, &request, route, g.directory())
	for i := range verdict.Findings {
		f := &verdict.Findings[i]
		if counted.NotJudged == "" || byPath(f.Rule.ID) {
			counted.Findings = append(counted.Findings, summary.Finding{Rule: f.Rule.ID, Mode: f.Would.String()})
		}
	}
	if counted.NotJudged == "" {
		j.client(&counted, &verdict, endpoint)
	}
	counted.Example = func() string {
		return redact.Target(e.Method, escaped, query, g.segments(route.Below))
	}
	j.summary.Count(&counted)
}

// client fills in who sent the request, where that can be seen.
func (j *blockJudge) client(counted *summary.Request, verdict *validators.Verdict, endpoint rule.Endpoint) {
	if !rule.Browsers.Has(endpoint) && verdict.Client == nil {
		return
	}
	counted.HasClient = true
	if client := verdict.Client; client != nil {
		counted.Client, counted.Registered, counted.ClientName = redact.Text(client.ID, redact.MaxID), true, redact.Text(client.Name, maxName)
	} else {
		counted.Client = redact.Value(scan.ClientID, j.memory.Get(scan.ClientID))
	}
	if uri := j.memory.Get(scan.RedirectURI); uri != "" && counted.Registered && len(counted.Findings) > 0 {
		counted.Unregistered = redact.URI(uri)
	}
}

// byPath reports whether a rule is about nothing but the path and the method, which every log shows.
func byPath(id string) bool {
	return strings.HasPrefix(id, "path.") && id != "path.rewrite_header" || strings.HasSuffix(id, ".method.unsupported")
}

// hidden says what of a request the log does not show, as far as it matters; empty if it shows enough.
func hidden(endpoint rule.Endpoint, e *accesslog.Entry, query string) string {
	switch {
	case query == "REDACTED":
		return redacted
	case e.Method == "OPTIONS" && e.Header == nil:
		return noHeader
	case rule.Browsers.Has(endpoint):
		if e.Method != "GET" && e.Method != "HEAD" && !e.HasBody {
			return noBody
		}
	case rule.Protected.Has(endpoint), e.HasBody && endpoint != rule.NoEndpoint:
		return noAuthorization // browsers leave it out of archives
	case endpoint != rule.NoEndpoint:
		return noBody
	}
	if redactedValue(query, "client_id") || redactedValue(query, "redirect_uri") {
		return partlyRedacted
	}
	return ""
}

// redactedValue reports whether a filter of the log has put something in the place of a parameter's value.
func redactedValue(query, name string) bool {
	for rest := query; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if value, found := strings.CutPrefix(pair, name); found && strings.HasPrefix(value, "=") {
			switch value[1:] {
			case "REDACTED", "%5BREDACTED%5D", "[REDACTED]", "***", "%2A%2A%2A":
				return true
			}
		}
	}
	return false
}
