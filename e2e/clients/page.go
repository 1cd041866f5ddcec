package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// Application is a web server with an origin of its own. Its page uses oidc-client-ts, and all clients have their redirect URI there.
type Application struct {
	server *httptest.Server
	title  string
}

// document is the page, at all paths.
const document = `<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,"><script src="/script.js"></script>`

// StartApplication bundles the script of the page, and serves it until [Application.Stop].
func StartApplication() (*Application, error) {
	root, err := packages.Folder()
	if err != nil {
		return nil, err
	}
	interpreter, err := packages.Node()
	if err != nil {
		return nil, err
	}
	const source = "oidc-client-ts"
	bundle := exec.Command(interpreter, filepath.Join("node_modules", "esbuild", "bin", "esbuild"), filepath.Join(folder, source+".mjs"), "--bundle")
	bundle.Dir, bundle.Stderr = root, os.Stderr
	script, err := bundle.Output()
	if err != nil {
		return nil, fmt.Errorf("bundling: %w", err)
	}
	var description struct{ Version string }
	text, err := os.ReadFile(filepath.Join(root, "node_modules", source, "package.json"))
	if err == nil {
		err = json.Unmarshal(text, &description)
	}
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/script.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(script)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(document))
	})
	return &Application{httptest.NewServer(mux), fmt.Sprintf("%s %s (browser)", source, description.Version)}, nil
}

// Origin is the origin of the page.
func (a *Application) Origin() string { return a.server.URL }

// RedirectURI is where the logins of all clients come back to.
func (a *Application) RedirectURI() string { return a.server.URL + "/cb" }

// Stop ends the server.
func (a *Application) Stop() { a.server.Close() }

// page is the driver of oidc-client-ts.
type page struct {
	application *Application
}

// startPage needs nothing: the browser is that of the user.
func startPage(options Options) (Driver, error) { return page{options.Application}, nil }

// Title implements [Driver].
func (p page) Title() string { return p.application.title }

// Stop implements [Driver].
func (page) Stop() error { return nil }

// Run implements [Driver].
func (p page) Run(run Run, user User) ([]Step, error) {
	message, err := json.Marshal(run)
	if err != nil {
		return nil, err
	}
	tab := user()
	tab.Go(p.application.Origin())
	// Where start goes to another page, nothing is left that could return something.
	browser.Evaluate[any](tab, fmt.Sprintf(`void start(%s)`, message))
	tab.Wait(fmt.Sprintf(`window.finished !== undefined || location.origin !== %s`, quote(p.application.Origin())))
	if away := browser.Evaluate[bool](tab, `window.finished === undefined`); away {
		if _, failure := tab.Login(run.RedirectURI, browser.User(run.User)); failure != nil {
			tab.Go(p.application.Origin())
			browser.Evaluate[any](tab, fmt.Sprintf(`void fail(%s, %s)`, message, quote(failure.Error())))
		}
	}
	tab.Wait(`window.finished !== undefined`)
	return browser.Evaluate[[]Step](tab, `finished`), nil
}

// quote writes a text for JavaScript.
func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}
