package ringui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// bundleApplication makes one script of app.js and everything that it imports.
func bundleApplication(folder string) ([]byte, error) {
	root, err := packages.Folder()
	if err != nil {
		return nil, err
	}
	bundle := filepath.Join(folder, "app.js")
	command := exec.Command("node", filepath.Join(root, "node_modules", "esbuild", "bin", "esbuild"), filepath.Join(root, "ringui", "app.js"),
		"--bundle", "--format=esm", `--define:process.env.NODE_ENV="production"`, "--log-level=warning", "--outfile="+bundle)
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("esbuild: %w: %s", err, output)
	}
	return os.ReadFile(bundle)
}

// settings configure an application; the names are those of ring-ui.
type settings struct {
	ServerURI                string   `json:"serverUri"`
	ClientID                 string   `json:"clientId"`
	Scope                    []string `json:"scope"`
	BackgroundRefreshTimeout int      `json:"backgroundRefreshTimeout,omitempty"`
}

// applications are the pages below /app. The address of the page is the redirect URI.
var applications = map[string]settings{
	"wiki": {ClientID: wiki, Scope: []string{wiki, tracker}},
	// It moved, and its new address is not registered. Until ring-ui gives the silent request up, which has no answer, 20 seconds would pass.
	"moved":    {ClientID: wiki, Scope: []string{wiki}, BackgroundRefreshTimeout: 1500},
	"desk":     {ClientID: desk, Scope: []string{desk}},
	"stranger": {ClientID: stranger, Scope: []string{stranger}},
}

// serveApplications serves the pages and their script.
func serveApplications(mux *http.ServeMux, hubURL string, bundle []byte) {
	for name, settings := range applications {
		settings.ServerURI = hubURL
		// What the encoder writes stands in a script element, where its escapes of < and > are needed.
		configuration, _ := json.Marshal(settings) // strings and numbers always marshal
		page := `<!doctype html><html lang="en"><title>` + name + `</title><link rel="icon" href="data:,">
<script type="application/json" id="settings">` + string(configuration) + `</script>
<body><h1>` + name + `</h1><output></output><script type="module" src="/app/app.js"></script></body>`
		mux.HandleFunc("GET /app/"+name+"/{$}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(page))
		})
	}
	mux.HandleFunc("GET /app/app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(bundle)
	})
}
