package command

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/message"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// result is what check says about a request.
type result struct {
	// Decision is pass, report, reject or undecidable; Would is what it would be if no guard were in report mode.
	Decision string `json:"decision"`
	Would    string `json:"would,omitempty"`
	Request  string `json:"request"`
	Form     string `json:"form,omitempty"`
	// Guard, Profile and Endpoint belong to the guard that decided.
	Guard    string `json:"guard,omitempty"`
	Profile  string `json:"profile,omitempty"`
	Endpoint string `json:"endpoint"`
	Rule     string `json:"rule,omitempty"`
	Error    string `json:"error,omitempty"`
	// Client is the registered client that the request names.
	Client      *namedClient `json:"client,omitempty"`
	RedirectURI *comparison  `json:"redirect_uri,omitempty"`
	Answer      *answer      `json:"answer,omitempty"`
	Rules       []look       `json:"rules"`
	Notes       []string     `json:"notes,omitempty"`

	status int
}

type namedClient struct {
	ID   string `json:"client_id"`
	Name string `json:"client_name,omitempty"`
}

// look is one rule that looked at the request.
type look struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Mode    string `json:"mode"`
	Would   string `json:"would,omitempty"`
	Source  string `json:"source"`
	Title   string `json:"title"`
	Why     string `json:"why,omitempty"`
}

// answer is what the client would get.
type answer struct {
	Form   string     `json:"form"`
	Status int        `json:"status"`
	Header [][]string `json:"header"`
	Body   string     `json:"body,omitempty"`
}

// judge asks the guards one after the other, as the routes do. The first that refuses decides; else the first on which a rule fired, else the last.
func judge(guards []*Guard, m *message.Message) (*result, error) {
	if m.Malformed != nil {
		return &result{
			Decision: "reject", Request: "(not HTTP)", Endpoint: "none", Rules: []look{}, status: Refused,
			Notes: []string{"Caddy's HTTP server answers 400 before any handler: " + display(m.Malformed.Error(), 200)},
		}, nil
	}
	var chosen *result
	for _, guard := range guards {
		r, err := guard.judge(m)
		if err != nil {
			return nil, err
		}
		if chosen == nil || rank(r) > rank(chosen) {
			chosen = r
		}
		if r.status == Refused {
			break
		}
	}
	chosen.Notes = append(slices.Clip(m.Notes), chosen.Notes...)
	return chosen, nil
}

// rank orders results by what they mean for the request.
func rank(r *result) int {
	switch {
	case r.status == Refused:
		return 4
	case r.status == Undecidable:
		return 3
	case r.Rule != "":
		return 2
	case r.Endpoint != "none":
		return 1
	}
	return 0
}

// judge asks one guard.
func (g *Guard) judge(m *message.Message) (*result, error) {
	r := &result{Guard: display(g.title(), 500), Profile: g.Profile.String(), Rules: []look{}}
	asked := m.Request.Clone(m.Request.Context())
	if !g.reach(asked, r) {
		r.Decision, r.Endpoint = "pass", "none"
		r.Request = redact.Target(m.Request.Method, m.Request.URL.EscapedPath(), m.Request.URL.RawQuery, 0)
		return r, nil
	}
	request, route := g.Read(asked)
	endpoint := rule.Endpoint(route.Tag)
	if m.BodyMissing {
		request.BodyState = rule.BodyUnread
	}
	var c rule.Case
	verdict, looks := g.Engine.Explain(&c, request, route, g.directory())
	r.Endpoint, r.Decision = endpoint.String(), verdict.Decision.String()
	r.Request = redact.Target(request.Method, request.Path, request.Query, g.segments(route.Below))
	if request.BodyState == rule.BodyRead && rule.ParseContentType(request.Header["Content-Type"]).Form {
		r.Form = redact.Query(request.Body)
	}
	bodyless := m.BodyMissing && endpoint != rule.NoEndpoint
	for i := range looks {
		if l := &looks[i]; l.Outcome != validators.Irrelevant {
			shown := lookOf(l)
			if bodyless && l.Outcome == validators.Fired && needsBody(l.Rule) {
				shown.Verdict, shown.Why = notKnown, ""
			}
			r.Rules = append(r.Rules, shown)
		}
	}
	if would := verdict.Would(); would != verdict.Decision {
		r.Would = would.String()
	}
	if verdict.Rule != nil {
		r.Rule, r.Error = verdict.Rule.ID, verdict.Error
	}
	if verdict.Client != nil {
		r.Client = &namedClient{display(verdict.Client.ID, redact.MaxID), display(verdict.Client.Name, maxName)}
		r.RedirectURI = compareRegistered(&c, &verdict)
	}
	g.note(r, &c, &verdict, m, endpoint)
	if bodyless && verdict.Rule != nil && needsBody(verdict.Rule) {
		r.Decision, r.Rule, r.Error, r.Would = "undecidable", "", "", ""
		if sure := refusesAnyway(&verdict); sure != nil {
			// Which answer is given depends on the body, that it is a refusal does not.
			r.Decision, r.Rule, r.status = verdict.Decision.String(), sure.ID, Refused
			return r, nil
		}
		r.status = Undecidable
		return r, nil
	}
	switch {
	case verdict.Decision == validators.Reject:
		r.status = Refused
		return r, g.answer(r, asked, &verdict)
	case undecidable(&verdict, m, endpoint):
		r.status, r.Decision = Undecidable, "undecidable"
	}
	if endpoint == rule.NoEndpoint && len(verdict.Findings) == 0 {
		r.Decision = "pass"
	}
	return r, nil
}

// reach changes the path of the request as the routes before the guard do, and reports whether the request comes to the guard.
func (g *Guard) reach(request *http.Request, r *result) bool {
	if g.place == nil {
		return true
	}
	for _, prefix := range g.place.Strip {
		rest, found := strings.CutPrefix(request.URL.EscapedPath(), prefix)
		if !found {
			r.Notes = append(r.Notes, "the guard stands where "+display(prefix, redact.MaxPath)+" is removed from paths; this path does not begin so, and does not come there")
			return false
		}
		stripped, err := request.URL.Parse("/" + strings.TrimPrefix(rest, "/"))
		if err != nil {
			r.Notes = append(r.Notes, "the path cannot be read without the prefix "+display(prefix, redact.MaxPath))
			return false
		}
		request.URL.Path, request.URL.RawPath = stripped.Path, stripped.RawPath
	}
	if g.place.Rewritten {
		r.Notes = append(r.Notes, "something before the guard rewrites requests; that is not followed here")
	}
	if len(g.place.Conditions) > 0 {
		r.Notes = append(r.Notes, "the guard is only reached by requests of: "+display(strings.Join(g.place.Conditions, "; "), 300)+"; that is taken for granted")
	}
	return true
}

// segments is how many segments the endpoint has below which a path lies; zero if it does not.
func (g *Guard) segments(below uint8) int {
	if below == 0 {
		return 0
	}
	longest := 0
	for _, path := range g.Endpoints[rule.Endpoint(below)] {
		longest = max(longest, strings.Count(path, "/"))
	}
	return longest
}

func lookOf(l *validators.Look) look {
	shown := look{ID: l.Rule.ID, Verdict: l.Outcome.String(), Mode: l.Mode.String(), Source: l.Rule.Source, Title: l.Rule.Title}
	if l.Would != l.Mode {
		shown.Would = l.Would.String()
	}
	if l.Outcome == validators.Fired {
		shown.Why = l.Rule.Why
	}
	return shown
}

// compareRegistered compares a redirect URI with the registered ones, if there is one and a finding is about it.
func compareRegistered(c *rule.Case, v *validators.Verdict) *comparison {
	uri := c.Get(scan.RedirectURI)
	if uri == "" || v.Client.RedirectURIs == nil {
		return nil
	}
	for i := range v.Findings {
		if strings.Contains(v.Findings[i].Rule.ID, ".redirect_uri.") && redirecturi.Compare(uri, v.Client.RedirectURIs) == redirecturi.None {
			compared := compare(uri, v.Client.RedirectURIs)
			return &compared
		}
	}
	return nil
}

// notKnown is the verdict of a rule that fires because of what may stand in a body that is not known.
const notKnown = "not known"

// needsBody reports whether a rule fires for what is not there, and so might not with the body of the request.
func needsBody(r *rule.Rule) bool {
	for _, ending := range []string{"missing", ".not_identified", ".orphan", ".unproven", ".query_only", ".required"} {
		if strings.HasSuffix(r.ID, ending) {
			return true
		}
	}
	return r.ID == "wire.content_type.unsupported" // archives leave the type out together with the body
}

// refusesAnyway is the first rule that refuses the request whatever its body is; nil if none does.
func refusesAnyway(v *validators.Verdict) *rule.Rule {
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Mode == rule.Enforce && !needsBody(f.Rule) {
			return f.Rule
		}
	}
	return nil
}

// undecidable reports whether something that may refuse the request is not known.
func undecidable(v *validators.Verdict, m *message.Message, endpoint rule.Endpoint) bool {
	if len(v.Ask) > 0 || m.BodyMissing && endpoint != rule.NoEndpoint {
		return true
	}
	return slices.ContainsFunc(v.Findings, func(f rule.Finding) bool { return strings.HasSuffix(f.Rule.ID, ".client_id.unjudged") })
}

// note says what the verdict depends on.
func (g *Guard) note(r *result, c *rule.Case, v *validators.Verdict, m *message.Message, endpoint rule.Endpoint) {
	add := func(format string, values ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, values...)) }
	switch {
	case endpoint == rule.NoEndpoint && len(v.Findings) == 0:
		add("the path is none of the endpoints: the guard does not look at the request")
	case g.Directory == nil && (rule.Browsers.Has(endpoint) || rule.Backchannels.Has(endpoint)):
		add("no clients are given: client_id, redirect_uri and what clients may do are not compared with registrations")
	}
	for _, feed := range g.Feeds {
		if feed.Directory() == nil {
			add("the clients of %s are not known here: no running Caddy has left them in the storage", display(feed.Name(), redact.MaxURI))
		}
	}
	if len(v.Ask) > 0 {
		add("the source of the clients would be asked for the client_id before the request is judged")
	}
	if m.BodyMissing && endpoint != rule.NoEndpoint {
		add("the archive does not hold the body of the request, so that only what comes before it is judged")
	}
	if v.Delegated {
		add("a rule refuses, but the refusal is left to the server (delivery pass)")
	}
	if c.OwnForm {
		add("a POST without response_type is a login or consent form of the server itself: few rules apply")
	}
}

// answer lets the guard write its answer, and keeps what may be shown: the state is the client's, and may be as good as a secret.
func (g *Guard) answer(r *result, request *http.Request, v *validators.Verdict) error {
	recorder := httptest.NewRecorder()
	if err := g.Answer(recorder, request, v); err != nil {
		r.Notes = append(r.Notes, "the answer is made by handle_errors (on_reject error): "+display(err.Error(), 200))
		r.Answer = &answer{Form: "error", Status: v.Status, Header: [][]string{}}
		return nil
	}
	shown := &answer{Form: v.Answer.String(), Status: recorder.Code, Header: [][]string{}}
	for name, values := range recorder.Header() {
		for _, value := range values {
			if name == "Location" {
				value = location(value)
			}
			shown.Header = append(shown.Header, []string{name, display(value, 1000)})
		}
	}
	slices.SortFunc(shown.Header, slices.Compare)
	body := recorder.Body.String()
	switch {
	case body == "":
	case strings.HasPrefix(recorder.Header().Get("Content-Type"), "application/json"):
		shown.Body = display(body, 2000)
	case v.Answer == validators.Redirection:
		shown.Body = "(a form that posts the error to " + redact.URI(v.Target.URI) + ")"
	default:
		shown.Body = fmt.Sprintf("(the error page, %d bytes)", len(body))
	}
	r.Answer = shown
	return nil
}

// location shows a redirection with the parameters of the error that the guard adds, which come last, but without state and whatever the redirect URI itself holds.
func location(target string) string {
	shown := redact.URI(target)
	separator := "?"
	if strings.Contains(target, "#error=") {
		separator = "#"
	}
	i := strings.LastIndex(target, "error=")
	if i < 0 {
		return shown
	}
	for pair := range strings.SplitSeq(target[i:], "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "error", "error_description", "error_uri", "iss":
		default:
			value = "…"
		}
		shown += separator + name + "=" + value
		separator = "&"
	}
	return shown
}
