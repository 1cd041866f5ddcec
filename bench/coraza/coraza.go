// Package coraza is a Caddy handler around the library Coraza, a firewall with the rule language of ModSecurity. It does no more than the comparison needs, so that
// what is measured is the library: it judges requests, answers with JSON, and does not look at responses.
package coraza

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	library "github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"
)

func init() {
	caddy.RegisterModule(Handler{})
	httpcaddyfile.RegisterHandlerDirective("bench_coraza", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		handler := new(Handler)
		return handler, handler.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("bench_coraza", httpcaddyfile.Before, "basic_auth")
}

// Handler judges requests with rules in the language of ModSecurity.
type Handler struct {
	// Rules is the file of the rules.
	Rules string `json:"rules,omitempty"`

	firewall library.WAF
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.bench_coraza", New: func() caddy.Module { return new(Handler) }}
}

// Provision reads the rules.
func (h *Handler) Provision(caddy.Context) error {
	// Without an error callback nothing is logged, which flatters Coraza: the other peers do not log either.
	var err error
	if h.firewall, err = library.NewWAF(library.NewWAFConfig().WithDirectivesFromFile(h.Rules).WithRequestBodyAccess()); err != nil {
		return fmt.Errorf("rules %s: %w", h.Rules, err)
	}
	return nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens: bench_coraza <rules>.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the name of the directive
	if !d.AllArgs(&h.Rules) {
		return d.ArgErr()
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	transaction := h.firewall.NewTransaction()
	defer func() {
		transaction.ProcessLogging()
		_ = transaction.Close()
	}()
	interruption, err := judge(transaction, r)
	if err != nil {
		return caddyhttp.Error(http.StatusBadRequest, err)
	}
	if interruption == nil {
		return next.ServeHTTP(w, r)
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(interruption.Status)
	_, err = io.WriteString(w, `{"error":"invalid_request"}`)
	return err
}

// judge runs the phases of a request, and puts the body back that it read.
func judge(transaction types.Transaction, r *http.Request) (*types.Interruption, error) {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	transaction.ProcessConnection(host, number, "", 0)
	transaction.ProcessURI(r.URL.RequestURI(), r.Method, r.Proto)
	for name, values := range r.Header {
		for _, value := range values {
			transaction.AddRequestHeader(name, value)
		}
	}
	transaction.AddRequestHeader("Host", r.Host)
	if interruption := transaction.ProcessRequestHeaders(); interruption != nil {
		return interruption, nil
	}
	if transaction.IsRequestBodyAccessible() && r.Body != nil && r.Body != http.NoBody {
		interruption, _, err := transaction.ReadRequestBodyFrom(r.Body)
		if interruption != nil || err != nil {
			return interruption, err
		}
		read, err := transaction.RequestBodyReader()
		if err != nil {
			return nil, err
		}
		// As in the library's own handler for net/http: what was read comes from the transaction's buffer, the rest from the connection.
		r.Body = io.NopCloser(io.MultiReader(read, r.Body))
	}
	return transaction.ProcessRequestBody()
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ caddyfile.Unmarshaler       = (*Handler)(nil)
)
