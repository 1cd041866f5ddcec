package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler stands in front of an OAuth 2.0 authorization server and the resources that it protects. It refuses invalid authorize, token and bearer requests
// with the standard OAuth errors, and passes every other request on unchanged.
//
// It makes these placeholders available after its decision:
//
// Placeholder | Description
// ------------|---------------
// `{http.oauth_guard.endpoint}` | The kind of endpoint, such as authorize or token, or none
// `{http.oauth_guard.decision}` | pass, report (passed although a rule fired) or reject
// `{http.oauth_guard.rule}` | The ID of the rule that decided, or of the first that fired
// `{http.oauth_guard.error}` | The OAuth error code of that rule
// `{http.oauth_guard.client_id}` | The client, if it is registered
type Handler struct {
	// The set of modes and tolerances: `hub` for JetBrains Hub and what embeds it, `rfc6749` for any server, `oauth21` for what RFC 9700 and OAuth 2.1 leave of it,
	// `fapi2` for the security profile of FAPI 2.0. Default: `hub`.
	Profile string `json:"profile,omitempty"`
	// `enforce` refuses, `report` logs and counts what would be refused, and passes everything on. Default: `enforce`.
	Mode string `json:"mode,omitempty"`
	// Where the Hub is mounted, such as `/hub`. Only for the profile hub. Default: `/`.
	BasePath string `json:"base_path,omitempty"`
	// A server whose paths are known. It replaces the paths of the profile. Default: none.
	Preset *Preset `json:"preset,omitempty"`
	// The paths of the endpoints by kind: `authorize`, `token`, `par`, `device`, `backchannel`, `revocation`, `introspection`, `registration`, `logout`, `userinfo`,
	// `resource`. A kind that is named replaces the paths of the preset or profile. A final `/*` is allowed for `resource` only. Default: those of the preset, else those of Hub in the
	// profile hub; none in others, which is an error.
	Endpoints map[string][]string `json:"endpoints,omitempty"`
	// The kind of server behind the guard, by how it reads requests: `jetty`, `tomcat`, `php`, `node`, `rails`, `django`, `go`, `dotnet` or `unknown`. Rules about bytes that this kind
	// reads as the guard does are reported instead of enforced. Default: `unknown`, the strictest.
	Backend string `json:"backend,omitempty"`
	// Where the registered clients come from. Of several sources the first one that knows a client_id wins. Default: none; then the rules that need a
	// registration do not apply.
	ClientsRaw []json.RawMessage `json:"clients,omitempty" caddy:"namespace=oauth_guard.clients inline_key=source"`
	// What happens to a client_id that is not registered: `reject`, `report` or `pass`. Default: `report` with a source that reads over a network, such as `hub`, since its
	// list may not show all clients; else `reject`.
	UnknownClient string `json:"unknown_client,omitempty"`
	// What happens while nothing can be said about a client, because a source never delivered or is incomplete: `pass` (counted) or `reject`. Default: `pass`.
	Unjudged string `json:"unjudged,omitempty"`
	// What the server does with the parameters `request` and `request_uri`: `ignored`; `unknown`, which lets one of the two excuse missing parameters; or `used`, which judges what stands
	// in a request object, and no parameters beside it. The name of a pushed request (`urn:ietf:params:oauth:request_uri:`) excuses missing parameters in any case. Default: `ignored` in the profile
	// hub, `used` in fapi2, else `unknown`.
	RequestObjects string `json:"request_objects,omitempty"`
	// The modes of single rules. Of several lines that match a rule the last one wins.
	Rules []RuleMode `json:"rules,omitempty"`
	// Clients to which rules do not apply.
	Exempt []Exemption `json:"exempt,omitempty"`
	// How refusals are answered.
	Errors Errors `json:"errors,omitzero"`
	// What is read of a request at the most.
	Limits Limits `json:"limits,omitzero"`

	logger   *zap.Logger
	engine   *validators.Engine
	delivery *delivery
	chain    *clients.Chain
	warned   atomic.Bool
	// transport says that the transport of a request matters.
	transport bool
	// stricter decides as the profile oauth21 does; nil if the guard's own profile does so, or a stricter one.
	stricter *validators.Engine
	events   *events
	access   accessLog
}

// clientDirectory is what the handler needs of the registered clients during one request.
type clientDirectory interface {
	rule.Directory
	RegisteredOrigin(origin string) bool
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.oauth_guard", New: func() caddy.Module { return new(Handler) }}
}

// Provision prepares everything that does not depend on a request.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	if err := registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	config, err := h.engineConfig()
	if err != nil {
		return err
	}
	if err := h.provisionClients(ctx, &config); err != nil {
		return err
	}
	if h.engine, err = validators.New(config); err != nil {
		return err
	}
	h.transport = h.engine.Evaluates("transport.plain_http")
	if h.delivery, err = h.newDelivery(config); err != nil {
		return err
	}
	h.delivery.metadata = h.chain.Metadata
	if h.stricter, err = stricterEngine(config); err != nil {
		return err
	}
	return h.join(ctx)
}

// provisionClients finds the sources of the clients. What they are decides what is the default for unknown clients.
func (h *Handler) provisionClients(ctx caddy.Context, config *validators.Config) error {
	if len(h.ClientsRaw) == 0 {
		h.logger.Warn("no source of clients is configured: redirect URIs and client identifiers are not compared with registrations; add a clients block")
		return nil
	}
	app, err := ctx.App("oauth_guard")
	if err != nil {
		return err
	}
	raws := make([]json.RawMessage, len(h.ClientsRaw))
	for i := range raws {
		raws[i] = bytes.Clone(h.ClientsRaw[i])
	}
	modules, err := ctx.LoadModule(h, "ClientsRaw")
	if err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	feeds := make([]*clients.Feed, len(raws))
	for i, module := range modules.([]any) {
		pooled, err := app.(*App).feed(raws[i], module)
		if err != nil {
			return err
		}
		feeds[i] = pooled.feed
		if pooled.live == nil {
			continue
		}
		app.(*App).expect(pooled, expectation{config.Endpoints, h.Errors.Issuer})
		// The list of a server shows only what its reader may see, so it alone does not prove that a client is unknown.
		switch {
		case h.UnknownClient == "":
			report := rule.Report
			config.UnknownClient = &report
		case h.UnknownClient == "reject" && !pooled.feed.Asks():
			return fmt.Errorf("unknown_client reject: the source %s is not asked for single clients, so nothing proves that one is unknown: remove on_demand off", pooled.feed.Name())
		}
	}
	h.chain = clients.NewChain(feeds...)
	return nil
}

// ServeHTTP judges the request, and answers it or calls the next handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	removeUpgrade(r.Header)
	var j judgement
	defer j.release()
	if err := h.judge(r, &j); err != nil {
		h.logger.Error("the guard itself failed", zap.Error(err))
		if h.Mode == "report" {
			return next.ServeHTTP(w, r)
		}
		return caddyhttp.Error(http.StatusInternalServerError, err)
	}
	if j.verdict.Decision != validators.Reject {
		j.releaseMemory() // the upstream may take long
		return next.ServeHTTP(w, r)
	}
	h.report(r, &j)
	if tooLarge := (caddyhttp.HandlerError{}); j.state == rule.BodyBroken && errors.As(j.body.failure, &tooLarge) {
		// Another handler limits bodies; its answer stays what it is.
		return j.body.failure
	}
	if len(r.Header["Expect"]) > 0 && r.ProtoMajor == 1 {
		// Else net/http would wait for the body, which a client that waits to be asked never sends, before it sends the answer.
		w.Header().Set("Connection", "close")
	}
	err := h.delivery.answer(w, r, &j.verdict, j.replacer, j.directory)
	if err == nil {
		j.body.drop()
	}
	return err
}

// report tells the source of a client that a redirect URI was refused, if that is why.
func (h *Handler) report(r *http.Request, j *judgement) {
	if client := j.verdict.Client; client != nil && j.verdict.Rule.ID == "authorize.redirect_uri.unregistered" {
		address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
		h.chain.Refused(client.ID, strings.Clone(j.memory.Get(scan.RedirectURI)), address)
	}
}

// judgement is one request being judged, and what must be given back afterwards.
type judgement struct {
	verdict   validators.Verdict
	body      *bufferedBody
	state     rule.BodyState
	directory clientDirectory
	replacer  *caddy.Replacer
	memory    *rule.Case
}

// casePool holds the memory of decisions.
var casePool = sync.Pool{New: func() any { return new(rule.Case) }}

// release gives back everything, when the request is answered.
func (j *judgement) release() {
	j.releaseMemory()
	j.body.release()
}

// releaseMemory gives back what only the decision needed.
func (j *judgement) releaseMemory() {
	if j.memory != nil {
		casePool.Put(j.memory)
		j.memory = nil
	}
}

// judge decides, counts and logs. A mistake inside the guard must not take the server down, nor, in report mode, block a request; the error then names the place in the
// code and nothing of the request.
func (h *Handler) judge(r *http.Request, j *judgement) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			j.memory = nil // its state is not known
			err = fmt.Errorf("panic of type %T while judging a request, at %s", recovered, panicSite())
		}
	}()
	escaped := escapedPath(r)
	route := h.engine.Route(escaped)
	if route.Shaped && h.warned.CompareAndSwap(false, true) {
		h.logger.Warn("a request went to a path that looks like an OAuth endpoint, and is not configured as one: is base_path right, or is an endpoint line missing?",
			zap.String("path_ends_with", redact.Text(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], redact.MaxPath)))
	}
	if route.Tag == 0 && route.Below == 0 && len(r.Header["X-Original-Url"]) == 0 && len(r.Header["X-Rewrite-Url"]) == 0 {
		return nil
	}
	j.body, j.state = h.readBody(r, route)
	request := rule.Request{
		Method: r.Method, Path: escaped, Query: r.URL.RawQuery, Header: r.Header,
		Body: j.body.text(), BodyState: j.state, Transport: h.transportOf(r),
	}
	h.surroundings(r, &request)
	j.memory = casePool.Get().(*rule.Case)
	h.decide(j, &request, route)
	if len(j.verdict.Ask) > 0 {
		// The registration may be newer than the directory. Whatever comes of the question, the request is judged by what is known then.
		h.chain.Ask(r.Context(), j.verdict.Ask)
		h.decide(j, &request, route)
	}
	counted.Count(&j.verdict)
	j.replacer, _ = r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	setPlaceholders(r, j.replacer, &j.verdict)
	h.setLogFields(r, &j.verdict)
	if len(j.verdict.Findings) > 0 {
		h.tell(j, request.Time)
	}
	if h.stricter != nil && j.verdict.Decision != validators.Reject {
		h.watch(r, j, &request, route)
	}
	return nil
}

// decide judges by the clients that are known now.
func (h *Handler) decide(j *judgement, request *rule.Request, route path.Result) {
	var directory rule.Directory // a nil chain must be a nil interface
	if h.chain != nil {
		directory = h.chain.Directory()
		j.directory, _ = directory.(clientDirectory)
	}
	j.verdict = h.engine.Decide(j.memory, request, route, directory)
}

// panicSite is the file and line that panicked.
func panicSite() string {
	callers := make([]uintptr, 16)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
		}
	}
}

// escapedPath is the path as the upstream will see it. A target without slashes, such as "x:oauth2/token", has no path for net/url, and would be forwarded as it is.
func escapedPath(r *http.Request) string {
	if r.URL.Opaque != "" {
		return r.URL.Opaque
	}
	return r.URL.EscapedPath()
}

// readBody buffers the body where something in it is judged. At resources only forms are looked at, and only as far as the limit.
func (h *Handler) readBody(r *http.Request, route path.Result) (*bufferedBody, rule.BodyState) {
	limit := h.engine.Options().Limits.Body
	switch endpoint := rule.Endpoint(route.Tag); {
	case rule.Forms.Has(endpoint) || endpoint == rule.Registration:
		if r.ContentLength != 0 && len(r.Header["Expect"]) > 0 && h.engine.RefusesUnread(rule.Request{Method: r.Method, Header: r.Header}, route) {
			return nil, rule.BodyUnread
		}
		body, state := readBody(r, limit)
		if body != nil && state != rule.BodyBroken && state != rule.BodyTooLong {
			// The client was asked to send its body, and did; the upstream has nothing left to agree to.
			r.Header.Del("Expect")
		}
		return body, state
	case endpoint == rule.Resource:
		if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			return nil, rule.NoBody
		}
		form := rule.ParseContentType(r.Header["Content-Type"]).Form
		if !form || r.Method == http.MethodGet || r.Method == http.MethodHead || r.ContentLength > int64(limit) {
			return nil, rule.BodyUnread
		}
		body, state := readBody(r, limit)
		if state == rule.BodyRead {
			r.Header.Del("Expect")
		} else if state != rule.NoBody {
			state = rule.BodyUnread
		}
		return body, state
	}
	return nil, rule.NoBody
}

// transportOf says how the request arrived, by the word of the connection, or of a proxy that Caddy trusts.
func (h *Handler) transportOf(r *http.Request) rule.Transport {
	if !h.transport {
		return rule.Secure
	}
	return arrival(r)
}

// arrival is how a request arrived.
func arrival(r *http.Request) rule.Transport {
	if r.TLS != nil {
		return rule.Secure
	}
	if trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool); trusted && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return rule.Secure
	}
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	ip, err := netip.ParseAddr(address)
	if err != nil {
		withPort, _ := netip.ParseAddrPort(address)
		ip = withPort.Addr()
	}
	if ip.Unmap().IsLoopback() {
		return rule.PlainLoopback
	}
	return rule.PlainHTTP
}

// removeUpgrade removes every upgrade but that to WebSocket. After a switch to h2c raw bytes would pass by the guard.
func removeUpgrade(header http.Header) {
	fields := header["Upgrade"]
	if len(fields) == 0 || len(fields) == 1 && strings.EqualFold(fields[0], "websocket") {
		return
	}
	delete(header, "Upgrade")
	delete(header, "Http2-Settings")
}

// Interface guards.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
