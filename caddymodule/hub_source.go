package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

func init() {
	caddy.RegisterModule(HubSource{})
}

// HubSource reads the clients from the services of a live JetBrains Hub, over its REST API. All instances of Caddy with the same storage share what one of them reads. When
// the Hub cannot be reached, the last good list stays in force, also after a restart.
type HubSource struct {
	// The address of the Hub, such as `https://hub.example.com` or `https://www.example.com/hub`: what stands before `/api/rest`. Required.
	BaseURL string `json:"base_url,omitempty"`
	// A permanent token of a user who may read all services, as a placeholder such as `{env.HUB_TOKEN}` or `{file./run/secrets/hub}`, which is expanded at each
	// request. A token that is written here literally can be read by everybody who may see the configuration. Default: none; then only what Hub shows to everybody is read.
	Token string `json:"token,omitempty"`
	// How often the list is read. Default: 1m.
	Refresh caddy.Duration `json:"refresh,omitempty"`
	// How old the list may become before a client_id that it lacks is no longer called unknown. Clients in the list are judged by it all the same. Default: 24h.
	MaxStale caddy.Duration `json:"max_stale,omitempty"`
	// How many requests per minute, over all, may ask the Hub for one service, when a client_id is not in the list. -1 turns that off. Default: 60.
	OnDemand int `json:"on_demand,omitempty"`
	// How long reading the whole list may take. A request that waits for one service waits 2 seconds at the most. Default: 30s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// How to connect by TLS, as in the http transport of reverse_proxy. Files are read again when they change. Default: the system's authorities, no client certificate.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`
	// A permanent token of a user who may update services. With it, redirect URIs that were refused because they are not registered are reported to the Hub, so that an
	// administrator can approve them there. Default: they are not reported.
	ReportUntrusted string `json:"report_untrusted,omitempty"`

	client *http.Client
}

// CaddyModule returns the Caddy module information.
func (HubSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "oauth_guard.clients.hub", New: func() caddy.Module { return new(HubSource) }}
}

// defaultOnDemand is how many requests per minute may ask for one service.
const defaultOnDemand = 60

// Provision checks the options and prepares the connection. It does not connect.
func (s *HubSource) Provision(ctx caddy.Context) error {
	var err error
	if s.BaseURL, err = caddy.NewReplacer().ReplaceOrErr(s.BaseURL, true, true); err != nil {
		return fmt.Errorf("clients hub: base URL: %w", err)
	}
	if err := checkBaseURL(s.BaseURL); err != nil {
		return err
	}
	s.BaseURL = strings.TrimRight(s.BaseURL, "/")
	for name, value := range map[string]caddy.Duration{"refresh": s.Refresh, "max_stale": s.MaxStale, "timeout": s.Timeout} {
		if value < 0 {
			return fmt.Errorf("clients hub: %s: %s is negative: use a duration such as 1m", name, time.Duration(value))
		}
	}
	if s.OnDemand < -1 {
		return fmt.Errorf("clients hub: on_demand: %d: use off or a number of requests per minute", s.OnDemand)
	}
	for name, token := range map[string]string{"token": s.Token, "report_untrusted": s.ReportUntrusted} {
		if token != "" && !strings.Contains(token, "{") {
			ctx.Logger().Warn("a token is written into the configuration, where everybody can read it who may see the configuration; use a placeholder such as {env.HUB_TOKEN} or {file./run/secrets/hub}",
				zap.String("option", name))
		}
	}
	transport, err := newHubTransport(ctx, s.TLS)
	if err != nil {
		return fmt.Errorf("clients hub: tls: %w", err)
	}
	s.client = &http.Client{Transport: transport}
	return nil
}

// checkBaseURL checks the address of a Hub, in which placeholders are replaced.
func checkBaseURL(address string) error {
	if err := (&clients.Hub{BaseURL: address}).Validate(); err != nil {
		return fmt.Errorf("clients %w", err)
	}
	if strings.HasSuffix(strings.TrimRight(address, "/"), "/api/rest") {
		return fmt.Errorf("clients hub: the base URL ends with /api/rest: leave that out")
	}
	return nil
}

// LiveSource implements [LiveSource].
func (s *HubSource) LiveSource() (clients.Source, string, clients.LiveSettings) {
	rate := s.OnDemand
	if rate == 0 {
		rate = defaultOnDemand
	}
	hub := &clients.Hub{BaseURL: s.BaseURL, Client: s.client, Token: expanded(s.Token), Timeout: time.Duration(s.Timeout)}
	settings := clients.LiveSettings{
		Refresh: time.Duration(s.Refresh), MaxStale: time.Duration(s.MaxStale), Instance: instanceName(),
		Content: s.content(), Lookups: clients.LookupLimits{PerMinute: rate}, Metadata: hub.Metadata,
	}
	if s.ReportUntrusted != "" {
		settings.Report = (&clients.Hub{BaseURL: s.BaseURL, Client: s.client, Token: expanded(s.ReportUntrusted)}).ReportUntrusted
	}
	return hub, "hub:" + s.BaseURL, settings
}

// content is what decides, besides the base URL, what the Hub shows: the token, as it is written here, and the certificates.
func (s *HubSource) content() string {
	if s.Token == "" && s.TLS == nil {
		return ""
	}
	text, err := json.Marshal(struct {
		Token string                  `json:"token,omitempty"`
		TLS   *reverseproxy.TLSConfig `json:"tls,omitempty"`
	}{s.Token, s.TLS})
	if err != nil {
		return s.Token
	}
	return string(text)
}

// expanded returns a function that expands the placeholders of a token, since what is behind them may change.
func expanded(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if token == "" {
			return "", nil
		}
		text, err := caddy.NewReplacer().ReplaceOrErr(token, true, true)
		if err != nil {
			return "", err
		}
		text = strings.TrimSpace(text)
		if text == "" {
			return "", fmt.Errorf("the placeholder %s is empty", token)
		}
		return text, nil
	}
}

// instanceName tells this process from others that share a storage.
func instanceName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + strconv.Itoa(os.Getpid())
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	clients hub <base_url> {
//		token            <permanent token or placeholder>
//		refresh          <duration>
//		max_stale        <duration>
//		on_demand        off|<requests per minute>
//		timeout          <duration>
//		tls_ca           <pem file>
//		tls_client       <cert file> <key file>
//		report_untrusted <own token>
//	}
func (s *HubSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.BaseURL) {
		return d.ArgErr()
	}
	if !strings.Contains(s.BaseURL, "{") {
		if err := checkBaseURL(s.BaseURL); err != nil {
			return d.Errf("oauth_guard: %w", err)
		}
	}
	once := onceOnly{d: d}
	durations := map[string]*caddy.Duration{"refresh": &s.Refresh, "max_stale": &s.MaxStale, "timeout": &s.Timeout}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "token":
			err = once.word(&s.Token)
		case "report_untrusted":
			err = once.word(&s.ReportUntrusted)
		case "refresh", "max_stale", "timeout":
			err = once.duration(durations[name])
		case "on_demand":
			err = s.onDemand(&once)
		case "tls_ca", "tls_client":
			err = s.tls(d, name)
		default:
			err = d.Errf("oauth_guard: unrecognized option %s in clients hub", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// onDemand parses the rate of questions.
func (s *HubSource) onDemand(once *onceOnly) error {
	var text string
	if s.OnDemand != 0 {
		return once.d.Errf("oauth_guard: on_demand is already set to %d", s.OnDemand)
	}
	if err := once.word(&text); err != nil {
		return err
	}
	if text == "off" {
		s.OnDemand = -1
		return nil
	}
	rate, err := strconv.Atoi(text)
	if err != nil || rate <= 0 {
		return once.d.Errf("oauth_guard: on_demand: %q is neither off nor a positive number: write how many requests per minute may ask the Hub for one service", text)
	}
	s.OnDemand = rate
	return nil
}

// tls parses the options about certificates.
func (s *HubSource) tls(d *caddyfile.Dispenser, name string) error {
	if s.TLS == nil {
		s.TLS = new(reverseproxy.TLSConfig)
	}
	if name == "tls_client" {
		if s.TLS.ClientCertificateFile != "" {
			return d.Errf("oauth_guard: tls_client is already set to %s", s.TLS.ClientCertificateFile)
		}
		if !d.AllArgs(&s.TLS.ClientCertificateFile, &s.TLS.ClientCertificateKeyFile) {
			return d.ArgErr()
		}
		return nil
	}
	var file string
	if s.TLS.CARaw != nil {
		return d.Errf("oauth_guard: tls_ca is already set: put all certificates in one file")
	}
	if !d.AllArgs(&file) {
		return d.ArgErr()
	}
	pool, err := json.Marshal(map[string]any{"provider": "file", "pem_files": []string{file}})
	s.TLS.CARaw = pool
	return err
}

var (
	_ LiveSource            = (*HubSource)(nil)
	_ caddy.Provisioner     = (*HubSource)(nil)
	_ caddyfile.Unmarshaler = (*HubSource)(nil)
)
