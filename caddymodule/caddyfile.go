package caddymodule

import (
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterDirective("oauth_guard", parseDirective)
	httpcaddyfile.RegisterDirectiveOrder("oauth_guard", httpcaddyfile.Before, "basic_auth")
}

// allowedMatchers are the matchers that may stand behind the directive: those that look at nothing a client can spell in two ways.
var allowedMatchers = []string{"host", "remote_ip", "client_ip"}

// parseDirective sets up the handler from a directive with an optional matcher.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	for name := range matchers {
		if !slices.Contains(allowedMatchers, name) {
			h.Next() // the error names the line of the directive
			return nil, h.Errf("oauth_guard: the matcher %s is not allowed: a request spelled in another way would slip past the guard; "+
				"use no matcher, *, or host, remote_ip and client_ip matchers, and name paths with endpoint", name)
		}
	}
	handler := new(Handler)
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return h.NewRoute(matchers, handler), nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	oauth_guard [<matcher>] {
//		profile   hub|rfc6749|oauth21|fapi2
//		mode      enforce|report
//		base_path <path>
//		preset    space|keycloak|doorkeeper|identityserver|spring <path>
//		endpoint  authorize|token|par|device|backchannel|revocation|introspection|registration|logout|userinfo|resource <path...>
//		backend   jetty|tomcat|php|node|rails|django|go|dotnet|unknown
//
//		clients static {
//			client <client_id> {
//				client_name                <name>
//				redirect_uris              <uri...>
//				response_types             <type...>
//				grant_types                <type...>
//				token_endpoint_auth_method <method>
//				scope                      <scope...>
//				trusted
//				delivery                   redirect|page|pass
//				exempt                     <rule id or glob...>
//				jwks                       <file with a JWK Set>
//				request_uris               <uri...>
//				request_object_signing_alg <algorithm>
//				post_logout_redirect_uris  <uri...>
//				require_signed_request_object
//				require_pushed_authorization_requests
//				dpop_bound_access_tokens
//				tls_client_certificate_bound_access_tokens
//			}
//		}
//		clients file <path> {
//			refresh <duration>
//		}
//		clients hub <base_url> {
//			token            <permanent token or placeholder>
//			refresh          <duration>
//			max_stale        <duration>
//			on_demand        off|<requests per minute>
//			timeout          <duration>
//			tls_ca           <pem file>
//			tls_client       <cert file> <key file>
//			report_untrusted <own token>
//		}
//		unknown_client  reject|report|pass
//		unjudged        pass|reject
//		request_objects ignored|unknown|used
//
//		rule   <rule id or glob> enforce|report|off
//		exempt <client_id> <rule id or glob...>
//
//		errors {
//			delivery          redirect|page|pass
//			redirect_uri_code unauthorized_client|invalid_request|invalid_redirect_uri
//			dialect           rfc|hub
//			issuer            <url>
//			resource_metadata <url>
//			realm             <name>
//			page              <template file>
//			docs              <base url>
//			cors              off|<origin...>
//			on_reject         respond|error
//		}
//		limits {
//			body       <size>
//			query      <size>
//			parameters <count>
//			value      <size>
//		}
//	}
//
// clients, endpoint, rule and exempt may repeat, everything else may occur once. Of several rule lines that match, the last one wins; the first
// clients block that knows a client_id wins. The matcher can only be * or made of host, remote_ip and client_ip.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	once := onceOnly{d: d}
	for d.NextBlock(0) {
		name := d.Val()
		if err := h.option(d, &once); err != nil {
			return err
		}
		if err := h.checkOption(name); err != nil {
			return d.Errf("oauth_guard: %w", err)
		}
	}
	return nil
}

// option parses one line of the outer block.
func (h *Handler) option(d *caddyfile.Dispenser, once *onceOnly) error {
	switch name := d.Val(); name {
	case "profile":
		return once.word(&h.Profile)
	case "mode":
		return once.word(&h.Mode)
	case "base_path":
		return once.word(&h.BasePath)
	case "unknown_client":
		return once.word(&h.UnknownClient)
	case "unjudged":
		return once.word(&h.Unjudged)
	case "request_objects":
		return once.word(&h.RequestObjects)
	case "endpoint":
		args := d.RemainingArgs()
		if len(args) < 2 {
			return d.ArgErr()
		}
		if h.Endpoints == nil {
			h.Endpoints = make(map[string][]string)
		}
		h.Endpoints[args[0]] = append(h.Endpoints[args[0]], args[1:]...)
	case "clients":
		return h.clients(d)
	case "rule":
		var line RuleMode
		if !d.AllArgs(&line.Match, &line.Mode) {
			return d.ArgErr()
		}
		h.Rules = append(h.Rules, line)
	case "exempt":
		args := d.RemainingArgs()
		if len(args) < 2 {
			return d.ArgErr()
		}
		h.Exempt = append(h.Exempt, Exemption{ClientID: args[0], Rules: args[1:]})
	case "errors":
		return h.Errors.unmarshalCaddyfile(d, once)
	case "limits":
		return h.Limits.unmarshalCaddyfile(d, once)
	case "preset":
		if h.Preset != nil {
			return d.Errf("oauth_guard: preset is already set to %s", h.Preset.Server)
		}
		h.Preset = new(Preset)
		if !d.AllArgs(&h.Preset.Server, &h.Preset.Path) {
			return d.ArgErr()
		}
	case "backend":
		return once.word(&h.Backend)
	default:
		return d.Errf("oauth_guard: unrecognized option %s", name)
	}
	return nil
}

// clients parses one source of clients, which is a module of its own.
func (h *Handler) clients(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	source := d.Val()
	module, err := caddyfile.UnmarshalModule(d, "oauth_guard.clients."+source)
	if err != nil {
		return err
	}
	if !isSource(module) {
		return d.Errf("oauth_guard: clients %s is not a source of clients", source)
	}
	h.ClientsRaw = append(h.ClientsRaw, caddyconfig.JSONModuleObject(module, "source", source, nil))
	return nil
}

func (e *Errors) unmarshalCaddyfile(d *caddyfile.Dispenser, once *onceOnly) error {
	if err := once.block("errors"); err != nil {
		return err
	}
	words := map[string]*string{
		"delivery": &e.Delivery, "redirect_uri_code": &e.RedirectURICode, "dialect": &e.Dialect, "issuer": &e.Issuer,
		"resource_metadata": &e.ResourceMetadata, "realm": &e.Realm, "page": &e.Page, "docs": &e.Docs, "on_reject": &e.OnReject,
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if name == "cors" {
			if e.CORS != nil {
				return d.Errf("oauth_guard: cors is already set: write all origins in one line")
			}
			if e.CORS = d.RemainingArgs(); len(e.CORS) == 0 {
				return d.ArgErr()
			}
		} else if target, known := words[name]; !known {
			return d.Errf("oauth_guard: unrecognized option %s in errors", name)
		} else if err := once.word(target); err != nil {
			return err
		}
		// What was read before passed, so a mistake is in this line.
		if err := e.check(); err != nil {
			return d.Errf("oauth_guard: %w", err)
		}
	}
	return nil
}

func (l *Limits) unmarshalCaddyfile(d *caddyfile.Dispenser, once *onceOnly) error {
	if err := once.block("limits"); err != nil {
		return err
	}
	parameters := int64(0)
	sizes := map[string]*int64{"body": &l.Body, "query": &l.Query, "value": &l.Value, "parameters": &parameters}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		target, known := sizes[name]
		if !known {
			return d.Errf("oauth_guard: unrecognized option %s in limits", name)
		}
		if *target != 0 {
			return d.Errf("oauth_guard: limits %s is already set to %d", name, *target)
		}
		var text string
		if err := once.word(&text); err != nil {
			return err
		}
		size, err := humanize.ParseBytes(text)
		if err != nil || size == 0 || size > 1<<40 {
			return d.Errf("oauth_guard: limits %s: %q is not a positive number or size: write something like 64KiB", name, text)
		}
		*target = int64(size)
		l.Parameters = int(parameters)
		if _, err := l.scan(); err != nil {
			return d.Errf("oauth_guard: %w", err)
		}
	}
	return nil
}

// onceOnly parses options that may occur once.
type onceOnly struct {
	d    *caddyfile.Dispenser
	seen map[*string]bool
	done []string
}

// word parses exactly one argument into the target.
func (o *onceOnly) word(target *string) error {
	name := o.d.Val()
	if o.seen[target] || *target != "" {
		return o.d.Errf("oauth_guard: %s is already set to %s", name, *target)
	}
	if !o.d.AllArgs(target) {
		return o.d.ArgErr()
	}
	if *target == "" {
		return o.d.Errf("oauth_guard: %s is empty: give a value or remove the line", name)
	}
	if o.seen == nil {
		o.seen = make(map[*string]bool)
	}
	o.seen[target] = true
	return nil
}

// duration parses a positive duration.
func (o *onceOnly) duration(target *caddy.Duration) error {
	name := o.d.Val()
	if *target != 0 {
		return o.d.Errf("oauth_guard: %s is already set to %s", name, time.Duration(*target))
	}
	var text string
	if err := o.word(&text); err != nil {
		return err
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return o.d.Errf("oauth_guard: %s: %q is not a positive duration: use something like 5s", name, text)
	}
	*target = caddy.Duration(duration)
	return nil
}

// block begins a block that may occur once.
func (o *onceOnly) block(name string) error {
	if o.d.NextArg() {
		return o.d.ArgErr()
	}
	if slices.Contains(o.done, name) {
		return o.d.Errf("oauth_guard: a second %s block: write everything in one", name)
	}
	o.done = append(o.done, name)
	return nil
}

var (
	_ caddyfile.Unmarshaler = (*Handler)(nil)
	_ caddy.Provisioner     = (*Handler)(nil)
)
