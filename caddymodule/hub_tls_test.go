package caddymodule

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// authority signs certificates.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes an authority of that name.
func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.certificate, a.key = a.sign(name, nil)
	return a
}

// sign makes a certificate of that name, signed by the parent, or by itself.
func (a *authority) sign(name string, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, key
	if parent != nil {
		signer, signerKey = parent.certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate, key
}

// issue writes a certificate of that name and its key into files, and returns both.
func (a *authority) issue(name, certificateFile, keyFile string) tls.Certificate {
	a.t.Helper()
	certificate, key := a.sign(name, a)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	savePEM(a.t, certificateFile, "CERTIFICATE", certificate.Raw)
	savePEM(a.t, keyFile, "EC PRIVATE KEY", der)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

// savePEM replaces a file, as tools that rotate certificates do.
func savePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	fresh := file + ".new"
	if err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, file); err != nil {
		t.Fatal(err)
	}
}

// tlsOf are options with that name of the server.
func tlsOf(name string) *reverseproxy.TLSConfig {
	return &reverseproxy.TLSConfig{ServerName: name}
}

// TestCertificatesThatChange replaces the client certificate, and then the certificate of the server and its authority, behind a source that goes on.
func TestCertificatesThatChange(t *testing.T) {
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	trusted := x509.NewCertPool()
	trusted.AddCert(first.certificate)
	served := first.issue("server 1", file("server.pem"), file("server.key"))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Client", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &served, nil },
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	// StartTLS adds a certificate of its own, which would be preferred.
	server.TLS.Certificates = nil

	savePEM(t, file("ca.pem"), "CERTIFICATE", first.certificate.Raw)
	first.issue("client 1", file("client.pem"), file("client.key"))
	authorities, err := json.Marshal(map[string]any{"provider": "file", "pem_files": []string{file("ca.pem")}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	transport, err := newHubTransport(ctx, &reverseproxy.TLSConfig{
		CARaw: authorities, ClientCertificateFile: file("client.pem"), ClientCertificateKeyFile: file("client.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func() (string, error) {
		response, err := client.Get(server.URL)
		if err != nil {
			return "", err
		}
		return response.Header.Get("Client"), response.Body.Close()
	}
	for range 2 {
		if name, err := ask(); err != nil || name != "client 1" {
			t.Fatalf("%q, %v", name, err)
		}
	}

	// Another certificate, whose key comes a moment later.
	key, err := os.ReadFile(file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	first.issue("client 2", file("client.pem"), file("next.key"))
	if name, err := ask(); err == nil || !strings.Contains(err.Error(), "client certificate") || strings.Contains(err.Error(), string(key)) {
		t.Errorf("%q, %v", name, err)
	}
	if err := os.Rename(file("next.key"), file("client.key")); err != nil {
		t.Fatal(err)
	}
	if name, err := ask(); err != nil || name != "client 2" {
		t.Errorf("%q, %v", name, err)
	}

	// The server gets a certificate of another authority.
	served = second.issue("server 2", file("server.pem"), file("server.key"))
	transport.CloseIdleConnections()
	if _, err := ask(); err == nil {
		t.Error("a server of an unknown authority is trusted")
	}
	savePEM(t, file("ca.pem"), "CERTIFICATE", second.certificate.Raw)
	if name, err := ask(); err != nil || name != "client 2" {
		t.Errorf("%q, %v", name, err)
	}
	if err := os.WriteFile(file("ca.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "ca.pem holds none") {
		t.Errorf("%v", err)
	}
}
