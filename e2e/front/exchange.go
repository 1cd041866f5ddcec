package front

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Exchange is one request that came to a site, and what became of it.
type Exchange struct {
	// Method, Target and Protocol are the request line as the client sent it.
	Method, Target, Protocol string
	// Endpoint, Decision and Rule are the words of the guard; all are empty where no guard has looked at the request.
	Endpoint, Decision, Rule string
	// Status is that of the response; 0 if there was none.
	Status int
	// Arrival is the request as it was handed to the proxy; nil if it did not get that far.
	Arrival *Arrival
}

// Arrival is a request on its way to the upstream.
type Arrival struct {
	Method, Target string
	Header         http.Header

	mutex sync.Mutex
	body  bytes.Buffer
}

// Body returns what the upstream has read of the body.
func (a *Arrival) Body() string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.body.String()
}

// String writes the arrival down: request line, header fields in the order of their names, body.
func (a *Arrival) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s\n", a.Method, a.Target)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		fmt.Fprintf(&text, "%s: %q\n", name, a.Header[name])
	}
	text.WriteString("\n" + a.Body())
	return text.String()
}

// Take returns the exchanges that began since the last call, in the order of their beginning. It waits for those that are under way: a client can have its
// response before the handlers are through.
func (s *Site) Take() []*Exchange {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for s.underWay > 0 {
		s.over.Wait()
	}
	taken := s.exchanges
	s.exchanges = nil
	return taken
}

// begin notes that an exchange is under way.
func (s *Site) begin(exchange *Exchange) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.exchanges = append(s.exchanges, exchange)
	s.underWay++
}

// end notes that an exchange is over.
func (s *Site) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.underWay--
	s.over.Broadcast()
}

// The directives that every site has, outside of all others and just before the proxy.
const (
	watchDirective   = "e2e_watch"
	arrivalDirective = "e2e_arrival"
)

// watched are the sites by address.
var watched sync.Map

// exchangeKey is where the exchange stands among the variables of the request.
const exchangeKey = "e2e.exchange"

func init() {
	caddy.RegisterModule(watch{})
	caddy.RegisterModule(arrival{})
	httpcaddyfile.RegisterHandlerDirective(watchDirective, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		w := new(watch)
		if !h.AllArgs(&w.Address) {
			return nil, h.ArgErr()
		}
		return w, nil
	})
	httpcaddyfile.RegisterHandlerDirective(arrivalDirective, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return arrival{}, nil
	})
}

// watch is the handler that notes every exchange of a site.
type watch struct {
	// Address is that of the site.
	Address string `json:"address"`
}

// CaddyModule implements [caddy.Module].
func (watch) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + watchDirective, New: func() caddy.Module { return new(watch) }}
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (w *watch) ServeHTTP(response http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	found, known := watched.Load(w.Address)
	if !known {
		return next.ServeHTTP(response, r)
	}
	site := found.(*Site)
	exchange := &Exchange{Method: r.Method, Target: r.RequestURI, Protocol: r.Proto}
	site.begin(exchange)
	defer site.end()
	caddyhttp.SetVar(r.Context(), exchangeKey, exchange)
	recorder := &statusRecorder{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: response}}
	err := next.ServeHTTP(recorder, r)
	exchange.Status = recorder.status
	exchange.Endpoint = placeholder(r.Context(), "endpoint")
	exchange.Decision = placeholder(r.Context(), "decision")
	exchange.Rule = placeholder(r.Context(), "rule")
	return err
}

// placeholder is what the guard says of a request.
func placeholder(ctx context.Context, name string) string {
	value, _ := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer).GetString("http.oauth_guard." + name)
	return value
}

// statusRecorder notes the status of a response.
type statusRecorder struct {
	*caddyhttp.ResponseWriterWrapper
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (s *statusRecorder) WriteHeader(status int) {
	if s.status < http.StatusOK {
		s.status = status
	}
	s.ResponseWriterWrapper.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *statusRecorder) Write(data []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriterWrapper.Write(data)
}

// arrival is the handler that notes what the proxy gets.
type arrival struct{}

// CaddyModule implements [caddy.Module].
func (arrival) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers." + arrivalDirective, New: func() caddy.Module { return new(arrival) }}
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (arrival) ServeHTTP(response http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if exchange, watched := caddyhttp.GetVar(r.Context(), exchangeKey).(*Exchange); watched {
		exchange.Arrival = &Arrival{Method: r.Method, Target: r.URL.RequestURI(), Header: r.Header.Clone()}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &copiedBody{r.Body, exchange.Arrival}
		}
	}
	return next.ServeHTTP(response, r)
}

// copiedBody copies a body while it is read.
type copiedBody struct {
	io.ReadCloser
	arrival *Arrival
}

// Read implements [io.Reader].
func (c *copiedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.arrival.mutex.Lock()
	defer c.arrival.mutex.Unlock()
	c.arrival.body.Write(p[:n])
	return n, err
}
