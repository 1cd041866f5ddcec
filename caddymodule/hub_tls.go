package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// hubTransport carries the requests to a Hub. A source outlives reloads of the configuration, so files of certificates are read again when they change, as those of tokens are.
type hubTransport struct {
	settings *tls.Config
	// certificate, key and authorities are the files; empty if there are none.
	certificate, key string
	authorities      []string

	mutex   sync.Mutex
	read    [sha256.Size]byte
	current *http.Transport
}

// newHubTransport prepares the connection; nil options mean the defaults. It reads the files, so that a mistake in them is one of the configuration.
func newHubTransport(ctx caddy.Context, options *reverseproxy.TLSConfig) (*hubTransport, error) {
	t := &hubTransport{current: http.DefaultTransport.(*http.Transport).Clone()}
	if options == nil {
		return t, nil
	}
	t.certificate, t.key = options.ClientCertificateFile, options.ClientCertificateKeyFile
	if options.CARaw != nil {
		var pool struct {
			Provider string   `json:"provider"`
			Files    []string `json:"pem_files"`
		}
		// Other providers than files look after their certificates themselves.
		if err := json.Unmarshal(options.CARaw, &pool); err == nil && pool.Provider == "file" {
			t.authorities = pool.Files
		}
	}
	t.read = t.contents()
	var err error
	if t.settings, err = options.MakeTLSClientConfig(ctx); err != nil {
		return nil, err
	}
	t.current.TLSClientConfig = t.settings.Clone()
	return t, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *hubTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	transport, err := t.refreshed()
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	return transport.RoundTrip(request)
}

// CloseIdleConnections is called by the client of the same name.
func (t *hubTransport) CloseIdleConnections() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.current.CloseIdleConnections()
}

// contents tells the contents of the files at the moment from others. They are small, and read once per fetch.
func (t *hubTransport) contents() [sha256.Size]byte {
	hash := sha256.New()
	for _, name := range append([]string{t.certificate, t.key}, t.authorities...) {
		if name == "" {
			continue
		}
		text, err := os.ReadFile(name)
		fmt.Fprintln(hash, name, len(text), err == nil)
		hash.Write(text)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// refreshed is the transport with the files as they are now. Files that do not fit together, as while they are replaced one after the other, are an error, and looked at again the next time.
func (t *hubTransport) refreshed() (*http.Transport, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	contents := t.contents()
	if contents == t.read {
		return t.current, nil
	}
	settings := t.settings.Clone()
	if t.certificate != "" {
		pair, err := tls.LoadX509KeyPair(t.certificate, t.key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	if len(t.authorities) > 0 {
		settings.RootCAs = x509.NewCertPool()
		for _, name := range t.authorities {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("certificates of authorities: %w", err)
			}
			if !settings.RootCAs.AppendCertsFromPEM(text) {
				return nil, fmt.Errorf("certificates of authorities: %s holds none", name)
			}
		}
	}
	next := t.current.Clone()
	next.TLSClientConfig = settings
	t.current.CloseIdleConnections()
	t.current, t.read = next, contents
	return t.current, nil
}
