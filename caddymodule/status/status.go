// Package status renders the live page of the guards: one HTML document that works without script, and whose script, if it may run, only asks for the same document again. It loads
// nothing from elsewhere, and a strict Content-Security-Policy names its style sheet and its script by their hashes, so that no value on the page could ever run.
package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the template, the style sheet and the script
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// The parts of the document.
var (
	//go:embed status.html
	documentSource string
	//go:embed status.css
	styleSource string
	//go:embed status.js
	scriptSource string
)

var document = template.Must(template.New("status.html").Funcs(functions).Parse(documentSource))

// policy is the Content-Security-Policy of the page. Its script asks the page's own origin only.
var policy = "default-src 'none'; style-src " + hashSource(styleSource) + "; script-src " + hashSource(scriptSource) +
	"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Data is what the page shows. Texts in it may be hostile: whatever they hold is shown as text.
type Data struct {
	// Now is when the data were read.
	Now time.Time
	// Refresh is the time from one update to the next.
	Refresh time.Duration
	// Guards are the guards of the configuration.
	Guards []Guard
	// Sources are the states of the sources of clients.
	Sources []clients.State
	// Counts is everything that was counted.
	Counts tally.Counts
	// Readiness says of every rule whether it can be enforced.
	Readiness []tally.Readiness
	// Recent are the latest findings, the newest first, and TotalRecent how many there were.
	Recent      []tally.Finding
	TotalRecent uint64
	// Short and Long are the decisions of the last minutes and of the last hours.
	Short, Long tally.Series
}

// Guard is one guard of the configuration that runs.
type Guard struct {
	Profile string `json:"profile"`
	// Mode is enforce or report.
	Mode string `json:"mode"`
	// Endpoints are the paths by endpoint.
	Endpoints map[string][]string `json:"endpoints"`
	// Sources are the names of the sources of clients.
	Sources []string `json:"sources"`
	// Enforced and Reported are how many rules do what at these endpoints.
	Enforced int `json:"rules_enforced"`
	Reported int `json:"rules_reported"`
}

// Render makes the document.
func Render(data *Data) ([]byte, error) {
	var body bytes.Buffer
	if err := document.Execute(&body, newView(data)); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// SetHeaders sets the headers of a document of so many bytes.
func SetHeaders(header http.Header, length int) {
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(length))
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// hashSource is the source expression of a Content-Security-Policy that allows exactly this inline style or script.
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
