// Package front runs Caddy inside the test process, in front of upstreams, from a Caddyfile as an operator writes it, and notes what passes through.
package front

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of a real Caddy

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the guard
)

// Site is one address of Caddy with everything behind it.
type Site struct {
	// Address is a host with a port, from [FreeAddress].
	Address string
	// TLS serves HTTPS with HTTP/2, with a certificate of Caddy's own authority. Without it, plain HTTP is served.
	TLS bool
	// Directives are lines of the Caddyfile, for example the block of the guard. Empty means that Caddy only proxies.
	Directives string
	// Upstream is the address that requests are proxied to.
	Upstream string
	// Proxy are options of reverse_proxy. Empty means its defaults.
	Proxy string

	mutex     sync.Mutex
	exchanges []*Exchange
	// underWay counts the exchanges that are not over yet; over tells that one ended.
	underWay int
	over     sync.Cond
}

// NewSite returns a site at a free address, for TLS or plain HTTP. The rest is to be filled in before the start.
func NewSite(tls bool) (*Site, error) {
	address, err := FreeAddress()
	return &Site{Address: address, TLS: tls}, err
}

// URL is the origin of the site, without a slash at its end.
func (s *Site) URL() string {
	if s.TLS {
		return "https://" + s.Address
	}
	return "http://" + s.Address
}

// block is the site in the Caddyfile.
func (s *Site) block() string {
	lines := "bind 127.0.0.1\n" + watchDirective + " " + s.Address + "\n"
	if s.TLS {
		lines += "tls internal\n"
	}
	lines += s.Directives + "\n" + arrivalDirective + "\n"
	return fmt.Sprintf("%s {\n%sreverse_proxy %s {\n%s\n}\n}\n", s.URL(), lines, s.Upstream, s.Proxy)
}

// Caddy is the running Caddy. There can be one at a time in a process.
type Caddy struct {
	storage string
	sites   []*Site
}

// options are the global options of the Caddyfile; the storage has to be filled in.
const options = `{
	admin off
	auto_https disable_redirects
	skip_install_trust
	persist_config off
	grace_period 3s
	storage file_system "%s"
	order ` + watchDirective + ` before oauth_guard
	order ` + arrivalDirective + ` before reverse_proxy
	servers {
		protocols h1 h2
	}
	log {
		level ERROR
	}
}
`

// Start runs Caddy with the sites until [Caddy.Stop]. What Caddy stores lies in the folder.
func Start(folder string, sites ...*Site) (*Caddy, error) {
	var text strings.Builder
	fmt.Fprintf(&text, options, filepath.ToSlash(folder))
	for _, site := range sites {
		text.WriteString(site.block())
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text.String()), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return nil, fmt.Errorf("adapting the Caddyfile: %w\n%s", err, text.String())
	}
	for _, site := range sites {
		site.over.L = &site.mutex
		if _, taken := watched.LoadOrStore(site.Address, site); taken {
			return nil, fmt.Errorf("two sites at %s", site.Address)
		}
	}
	started := &Caddy{storage: folder, sites: sites}
	if err := caddy.Load(config, true); err != nil {
		started.forget()
		return nil, fmt.Errorf("starting Caddy: %w\n%s", err, text.String())
	}
	for _, site := range sites {
		if err := site.ready(); err != nil {
			return nil, errors.Join(err, started.Stop())
		}
	}
	return started, nil
}

// ready waits until the site has its certificate, which Caddy gets after its start.
func (s *Site) ready() error {
	if !s.TLS {
		return nil
	}
	const patience, pause = 30 * time.Second, 20 * time.Millisecond
	var dialer tls.Dialer
	dialer.Config = &tls.Config{InsecureSkipVerify: true} // nothing is sent
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		connection, err := dialer.Dial("tcp", s.Address)
		if err == nil {
			return connection.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s has no certificate after %s: %w", s.Address, patience, err)
		}
	}
}

// Root is the file with the root certificate of Caddy's own authority, which clients of sites with TLS have to trust.
func (c *Caddy) Root() string {
	return filepath.Join(c.storage, "pki", "authorities", "local", "root.crt")
}

// Stop stops Caddy after the requests that are under way.
func (c *Caddy) Stop() error {
	c.forget()
	if err := caddy.Stop(); err != nil {
		return fmt.Errorf("stopping Caddy: %w", err)
	}
	return nil
}

// forget ends the watch over the sites.
func (c *Caddy) forget() {
	for _, site := range c.sites {
		watched.Delete(site.Address)
	}
}

// given are the addresses that FreeAddress returned.
var given sync.Map

// FreeAddress returns an address of the loopback that nobody listens on, each only once. It stays below the ports that systems give to outgoing connections,
// so that none of these can take it away.
func FreeAddress() (string, error) {
	for range 200 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		if _, taken := given.LoadOrStore(address, nil); taken {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no free port found")
}
