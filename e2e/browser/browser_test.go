package browser

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// start starts a browser for one test.
func start(t *testing.T, options Options) *Browser {
	t.Helper()
	started, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Stop)
	return started
}

// html answers with a page.
func html(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Test</title><link rel="icon" href="data:,">`+body)
	}
}

// TestAuthority opens a page over TLS in a browser that trusts its authority, and in one that does not.
func TestAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(html("<p>hello</p>"))
	// It would print that the browser without the authority goes away.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "authority.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	trusting := start(t, Options{Authority: file}).Open(t)
	trusting.Go(server.URL)
	if text := trusting.Text(); text != "hello" {
		t.Errorf("%q", text)
	}
	trusting.Quiet()
	_, err := start(t, Options{}).Open(t).Authorize(server.URL, "", User{})
	if err == nil || !strings.Contains(err.Error(), "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("without the authority: %v", err)
	}
	if _, err := Start(Options{Authority: file + ".missing"}); err == nil {
		t.Error("started with an authority that is not there")
	}
}

// TestWatch expects that a tab notices what its page complains about, and that another tab knows nothing of it.
func TestWatch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		_, err := r.Cookie("seen")
		w.Header().Set("Content-Security-Policy", "img-src 'none'")
		html(fmt.Sprintf(`<p>%t</p><script>alert("open"); console.warn("careful", new Error("broken")); nothing()</script><img src="/x">`, err == nil))(w, r)
	}))
	t.Cleanup(server.Close)
	started := start(t, Options{})
	for range 2 {
		tab := started.Open(t)
		tab.Show(PhoneDark, server.URL+"/page#part")
		tab.Wait(`document.readyState === 'complete'`)
		if text := tab.Text(); text != "false" {
			t.Errorf("a cookie in a new tab: %s", text)
		}
		complaints := strings.Join(tab.Complaints(), "\n")
		for _, want := range []string{"dialog open", `console warning "careful" Error: broken`, "exception Uncaught ReferenceError", "policy violation: img-src"} {
			if !strings.Contains(complaints, want) {
				t.Errorf("%q lacks %q", complaints, want)
			}
		}
		if want := (Request{"GET", server.URL + "/page#part", true}); !slices.Contains(tab.Requests(), want) {
			t.Errorf("%v lacks %v", tab.Requests(), want)
		}
	}
}

// authorization is a server with every kind of page between a request and its answer.
func authorization(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", html(`<form method="post" action="/login"><input name="login"><input type="password" name="password">
		<button>Log in</button></form>`))
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("login") != "ann" || r.FormValue("password") != `pass"word` {
			http.Error(w, "wrong", http.StatusForbidden)
			return
		}
		html(`<form action="/search"><input name="q"></form><form method="post" action="/consent"><input type="submit" value="Allow">
			<button type="submit" formaction="/denied">Deny</button></form>`)(w, r)
	})
	mux.HandleFunc("POST /consent", html(`<form method="post" action="/done"></form><script>setTimeout(() => document.forms[0].submit(), 300)</script>`))
	// Nothing listens at the callback.
	mux.Handle("POST /done", http.RedirectHandler(callback+"?code=1#part=2", http.StatusSeeOther))
	mux.HandleFunc("/again", html(`<form action="/again"><button>Go on</button></form>`))
	mux.HandleFunc("/refused", html(`<h1>Refused</h1>`))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// callback is an address where nothing listens.
const callback = "http://127.0.0.1:9/callback"

func TestAuthorize(t *testing.T) {
	address := authorization(t)
	started := start(t, Options{})
	ann := User{"ann", `pass"word`}
	tests := map[string]struct {
		path, callback string
		user           User
		want, err      string
	}{
		"all pages":        {"/authorize", callback, ann, callback + "?code=1#part=2", ""},
		"wrong password":   {"/authorize", callback, User{"ann", "wrong"}, "", "stopped at " + address + "/login: wrong"},
		"refused":          {"/refused", callback, ann, "", "stopped at " + address + "/refused: Refused"},
		"without callback": {"/refused", "", ann, address + "/refused", ""},
		"never an end":     {"/again", callback, ann, "", "again and again"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			final, err := started.Open(t).Authorize(address+test.path, test.callback, test.user)
			if final != test.want {
				t.Errorf("%q, want %q", final, test.want)
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
	t.Run("from a page", func(t *testing.T) {
		tab := started.Open(t)
		tab.Go(address + "/authorize")
		if final, err := tab.Login(callback, ann); err != nil || final != callback+"?code=1#part=2" {
			t.Errorf("%q, %v", final, err)
		}
	})
}
