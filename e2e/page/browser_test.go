// Package page_test looks at the error page and at the form post page as a person does: in a real browser.
package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// chromium is the one browser that all tests share.
var chromium *browser.Browser

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts Chromium and Caddy, runs the tests and stops both. A missing browser is a failure.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "oauth-guard-page-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	stop, err := startSites(folder)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	chromium, err = browser.Start(browser.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer chromium.Stop()
	return m.Run()
}

// serve starts a server for one handler. The picture that browsers ask for on their own is not there, silently.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/", handler)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}
