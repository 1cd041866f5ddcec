package caddymodule

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/page"
	"github.com/oauthguard/caddy-oauth-guard/proofs"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// RuleMode is one line of the configuration about the mode of rules.
type RuleMode struct {
	// The ID of a rule, or a glob in which `*` stands for any characters, such as `authorize.*`.
	Match string `json:"match,omitempty"`
	// What a finding of the rules does: `enforce` refuses, `report` logs and counts, `off` does not look.
	Mode string `json:"mode,omitempty"`
}

// Exemption frees one client from rules.
type Exemption struct {
	// The client_id, registered or not.
	ClientID string `json:"client_id,omitempty"`
	// IDs of rules, or globs. The rules about bytes and paths, and a repeated client_id, apply to every client.
	Rules []string `json:"rules,omitempty"`
}

// Limits bounds what the guard reads of a request. Over a limit the request is refused with `invalid_request`.
type Limits struct {
	// The longest form body in bytes. Default: 65536.
	Body int64 `json:"body,omitempty"`
	// The longest query in bytes. Default: 16384.
	Query int64 `json:"query,omitempty"`
	// The highest number of parameters. Default: 100.
	Parameters int `json:"parameters,omitempty"`
	// The longest value of a parameter in bytes, as sent. Default: 16384.
	Value int64 `json:"value,omitempty"`
}

// Errors says how refusals are answered.
type Errors struct {
	// How an error of the authorization endpoint reaches a client whose redirect URI is proven: `redirect` sends it there (RFC 6749 section
	// 4.1.2.1), `page` shows an error page, `pass` lets the request through so that the server refuses it itself. Without proof it is always a page.
	// Default: `redirect` for clients that the operator wrote and for trusted ones, `page` for others except for silent requests in a frame.
	Delivery string `json:"delivery,omitempty"`
	// The error code for findings about redirect_uri: `unauthorized_client` (older Hub), `invalid_request` (RFC 6749) or `invalid_redirect_uri` (Hub 2026.2).
	// Default: `unauthorized_client` in the profile hub, else `invalid_request`.
	RedirectURICode string `json:"redirect_uri_code,omitempty"`
	// `hub` adds `error_code` and `error_developer_message` to JSON errors, `rfc` does not. Default: `hub` in the profile hub, else `rfc`.
	Dialect string `json:"dialect,omitempty"`
	// The issuer identifier, sent as `iss` with redirected errors (RFC 9207), and compared with the audience of what clients sign. Set it if and only if the server sends it. Default: that of the server's own metadata, if a source
	// such as `hub` reads them, and they say that the server sends it; else none.
	Issuer string `json:"issuer,omitempty"`
	// The URL of the protected resource metadata (RFC 9728), named in bearer challenges. Default: none.
	ResourceMetadata string `json:"resource_metadata,omitempty"`
	// The realm in challenges. Default: `OAuth`.
	Realm string `json:"realm,omitempty"`
	// A file with a template for the error page (Go html/template, see the reference). Default: the built-in page.
	Page string `json:"page,omitempty"`
	// The base URL for `error_uri`; `#` and the ID of the rule are appended. Default: no `error_uri`.
	Docs string `json:"docs,omitempty"`
	// Origins that may read errors of the token endpoint and of protected resources in a browser, beside the guarded site's own and those of registered redirect URIs: `off` for
	// none at all, `*` for every one. Default: none.
	CORS []string `json:"cors,omitempty"`
	// `respond` answers, `error` raises a Caddy error for `handle_errors` instead (redirections are always sent). Error routes must not proxy to the guarded
	// server: Caddy restores the original request before them. Default: `respond`.
	OnReject string `json:"on_reject,omitempty"`
}

// oneOf checks a word of the configuration.
func oneOf(option, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: unknown value %q: use %s", option, value, strings.Join(allowed, ", "))
}

// check checks the words and URLs of the errors block.
func (e *Errors) check() error {
	for _, err := range []error{
		oneOf("errors delivery", e.Delivery, "redirect", "page", "pass"),
		oneOf("errors redirect_uri_code", e.RedirectURICode, "unauthorized_client", "invalid_request", "invalid_redirect_uri"),
		oneOf("errors dialect", e.Dialect, "rfc", "hub"),
		oneOf("errors on_reject", e.OnReject, "respond", "error"),
		headerSafe("errors realm", e.Realm),
		webURL("errors issuer", e.Issuer),
		webURL("errors resource_metadata", e.ResourceMetadata),
		webURL("errors docs", e.Docs),
	} {
		if err != nil {
			return err
		}
	}
	for _, origin := range e.CORS {
		if origin == "*" || origin == "off" {
			if len(e.CORS) > 1 {
				return fmt.Errorf("errors cors: %q excludes other values: write it alone", origin)
			}
			continue
		}
		if rest, found := strings.CutPrefix(origin, "http"); !found || strings.Count(rest, "/") != 2 || strings.ToLower(origin) != origin {
			return fmt.Errorf("errors cors: %q is not an origin: write scheme, host and port in lower case without a path, such as https://app.example.com", origin)
		}
	}
	return nil
}

// headerSafe refuses what cannot stand in a quoted string of a header.
func headerSafe(option, value string) error {
	for _, c := range []byte(value) {
		if c < 0x20 || c > 0x7E || c == '"' || c == '\\' {
			return fmt.Errorf("%s: %q holds a character that cannot be sent: use printable ASCII without quotes and backslashes", option, value)
		}
	}
	return nil
}

func webURL(option, value string) error {
	if value != "" && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "http://") {
		return fmt.Errorf("%s: %q is not a URL: it must begin with https:// or http://", option, value)
	}
	return headerSafe(option, value)
}

// defaultRequestObjects is what the servers of each profile do with request objects.
var defaultRequestObjects = map[rule.Profile]rule.RequestObjects{
	rule.Hub: rule.RequestObjectsIgnored, rule.RFC6749: rule.RequestObjectsUnknown, rule.OAuth21: rule.RequestObjectsUnknown, rule.FAPI2: rule.RequestObjectsUsed,
}

// engineConfig translates the configuration for the engine.
func (h *Handler) engineConfig() (validators.Config, error) {
	var config validators.Config
	var err error
	if config.Profile, err = h.profile(); err != nil {
		return config, err
	}
	if err := oneOf("mode", h.Mode, "enforce", "report"); err != nil {
		return config, err
	}
	config.ReportOnly = h.Mode == "report"
	if config.Endpoints, err = h.endpoints(config.Profile); err != nil {
		return config, err
	}
	config.Backend = h.Backend
	if config.Profile == rule.Hub && h.Preset == nil {
		config.Services = strings.TrimSuffix(h.BasePath, "/") + "/api/rest/services"
	}
	if config.UnknownClient, err = choice("unknown_client", h.UnknownClient, unknownClientModes); err != nil {
		return config, err
	}
	if config.Unjudged, err = choice("unjudged", h.Unjudged, unjudgedModes); err != nil {
		return config, err
	}
	if h.RequestObjects == "" {
		config.RequestObjects = defaultRequestObjects[config.Profile]
	} else if config.RequestObjects, err = h.requestObjects(); err != nil {
		return config, err
	}
	for _, line := range h.Rules {
		mode, err := line.mode()
		if err != nil {
			return config, err
		}
		config.Overrides = append(config.Overrides, validators.Override{Pattern: line.Match, Mode: mode})
	}
	config.Exempt = make(map[string][]string)
	for _, line := range h.Exempt {
		if line.ClientID == "" || len(line.Rules) == 0 {
			return config, fmt.Errorf("exempt: name a client_id and at least one rule")
		}
		config.Exempt[line.ClientID] = append(config.Exempt[line.ClientID], line.Rules...)
	}
	if err := h.Errors.check(); err != nil {
		return config, err
	}
	config.Delivery, config.RedirectURIError = h.Errors.Delivery, h.Errors.RedirectURICode
	config.Issuer, config.Signatures = h.Errors.Issuer, proofs.Signatures{}
	config.Limits, err = h.Limits.scan()
	return config, err
}

// choice translates a word into the mode of a rule; nil if the word is not given.
func choice(option, value string, modes map[string]rule.Mode) (*rule.Mode, error) {
	if value == "" {
		return nil, nil
	}
	if mode, found := modes[value]; found {
		return &mode, nil
	}
	words := make([]string, 0, len(modes))
	for word := range modes {
		words = append(words, word)
	}
	slices.Sort(words)
	return nil, oneOf(option, value, words...)
}

// scan fills in the defaults.
func (l *Limits) scan() (scan.Limits, error) {
	limits := scan.DefaultLimits
	for _, limit := range []struct {
		name   string
		value  int64
		target *int
		max    int64
	}{
		{"body", l.Body, &limits.Body, 64 << 20},
		{"query", l.Query, &limits.Query, 1 << 20},
		{"parameters", int64(l.Parameters), &limits.Parameters, scan.MaxParameters},
		{"value", l.Value, &limits.Value, 64 << 20},
	} {
		if limit.value < 0 || limit.value > limit.max {
			return limits, fmt.Errorf("limits %s: %d is out of range: use 1 to %d", limit.name, limit.value, limit.max)
		}
		if limit.value != 0 {
			*limit.target = int(limit.value)
		}
	}
	return limits, nil
}

// endpoints works out the paths of every endpoint: those of the preset or of the profile, replaced kind by kind.
func (h *Handler) endpoints(profile rule.Profile) (map[rule.Endpoint][]string, error) {
	endpoints := make(map[rule.Endpoint][]string)
	switch {
	case h.Preset != nil && h.BasePath != "":
		return nil, fmt.Errorf("base_path: preset %s has a path of its own: write it there, and remove base_path", h.Preset.Server)
	case h.Preset != nil:
		var err error
		if endpoints, err = h.Preset.endpoints(profile); err != nil {
			return nil, err
		}
	case profile == rule.Hub:
		base := strings.TrimSuffix(h.BasePath, "/")
		if base != "" && !strings.HasPrefix(base, "/") {
			return nil, fmt.Errorf("base_path: %q must begin with a slash, such as /hub", h.BasePath)
		}
		endpoints[rule.Authorize] = []string{base + "/api/rest/oauth2/auth"}
		endpoints[rule.Token] = []string{base + "/api/rest/oauth2/token"}
		endpoints[rule.Userinfo] = []string{base + "/api/rest/oauth2/userinfo"}
		endpoints[rule.Resource] = []string{base + "/api/rest/*"}
	case h.BasePath != "":
		return nil, fmt.Errorf("base_path: only the profile hub has paths of its own: write whole paths with endpoint instead")
	}
	for name, paths := range h.Endpoints {
		endpoint, err := endpointOf(name)
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("endpoint %s: name at least one path", name)
		}
		endpoints[endpoint] = paths
	}
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("profile %s has no endpoints of its own: add a preset, or lines like \"endpoint authorize /oauth2/authorize\" and \"endpoint token /oauth2/token\"", profile)
	}
	return endpoints, nil
}

// newDelivery prepares the answers.
func (h *Handler) newDelivery(config validators.Config) (*delivery, error) {
	settings := h.Errors
	if settings.Dialect == "" && config.Profile == rule.Hub {
		settings.Dialect = "hub"
	}
	text := ""
	if settings.Page != "" {
		name, err := caddy.NewReplacer().ReplaceOrErr(settings.Page, true, true)
		if err != nil {
			return nil, fmt.Errorf("errors page: %w", err)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("errors page: %w", err)
		}
		text = string(content)
	}
	template, err := page.New(text)
	if err != nil {
		return nil, fmt.Errorf("errors page %s: %w", settings.Page, err)
	}
	if config.Profile == rule.FAPI2 && settings.Issuer == "" {
		h.logger.Warn("errors issuer is not set: a server of the profile fapi2 names itself in every answer of the authorization endpoint (RFC 9207), so its clients refuse redirected errors without it")
	}
	d := &delivery{logger: h.logger, settings: settings, template: template, origins: newOriginPolicy(settings.CORS)}
	d.algorithms = proofs.Algorithms(config.Profile == rule.FAPI2)
	code := config.RedirectURIError
	if code == "" {
		code = validators.DefaultRedirectURIError(config.Profile)
	}
	d.prepare(code)
	return d, nil
}
