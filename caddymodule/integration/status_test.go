package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestStatusPage looks at the page as a program does: methods, headers, and that it shows what was counted.
func TestStatusPage(t *testing.T) {
	guarded, page, up := freeAddress(t), freeAddress(t), newUpstream(t)
	lines := "profile rfc6749\nmode report\n" + endpointLines + strings.ReplaceAll(clientLines, "client app", "client shown")
	load(t, "", site(guarded, guard(lines)+up.proxy())+site(page, "oauth_guard_status /status {\nrefresh 7s\n}\nrespond /other elsewhere\n"))
	send(t, guarded, get("/oauth2/auth?response_type=code&client_id=shown&redirect_uri=https%3A%2F%2Fwrong.example%2Fcb%3Fs3cret&state=s3cret"))
	got := send(t, page, get("/status?x=y"))
	if got.status != 200 || got.header.Get("Content-Type") != "text/html; charset=utf-8" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Frame-Options") != "DENY" ||
		got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, %v", got.status, got.header)
	}
	policy := got.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %q", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, want := range []string{`data-refresh="7"`, "shown", "Tracker", "https://wrong.example/cb", "authorize.redirect_uri.unregistered", "authorize.code_challenge.missing", "Profile rfc6749", "mode report", "static"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got.body, "s3cret") || strings.Contains(got.body, "http-equiv") {
		t.Error("the page shows what it must not")
	}
	head := send(t, page, message("HEAD", "/status", nil, ""))
	if head.status != 200 || head.body != "" || head.header.Get("Content-Security-Policy") != policy || head.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: status %d, %v", head.status, head.header)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if got := send(t, page, message(method, "/status", nil, "")); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, %v", method, got.status, got.header)
		}
	}
	if got := send(t, page, get("/other")); got.body != "elsewhere" {
		t.Errorf("another path is answered with %q", got.body)
	}
}

// TestNoSecretShown sends secrets in every place, with all kinds of mistakes, and looks for them in everything that operators are shown: the admin endpoint, the status page, events, and
// the fields of the access log.
func TestNoSecretShown(t *testing.T) {
	takeEvents()
	access := filepath.Join(t.TempDir(), "access.log")
	enforcing, reporting, page, address, up := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t), newUpstream(t)
	log := "log {\noutput file " + access + " {\nroll_disabled\n}\nformat json\n}\n"
	lines := endpointLines + clientLines + "rule * enforce\n"
	config := adminConfig(t, address, subscribe, site(enforcing, log+guard("profile rfc6749\n"+lines)+up.proxy())+
		site(reporting, log+guard("profile hub\nmode report\n"+lines)+up.proxy())+site(page, "oauth_guard_status\n"))
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })
	requests := secretRequests()
	for i, raw := range requests {
		send(t, enforcing, raw)
		send(t, reporting, raw)
		if i%50 == 0 { // the findings are as many as the page and the admin endpoint show
			look(t, page, address)
		}
	}
	look(t, page, address)
	events := takeEvents()
	if len(events) < len(requests)/2 {
		t.Errorf("only %d events", len(events))
	}
	for _, event := range events {
		text, err := json.Marshal(event.Data)
		if err != nil {
			t.Fatal(err)
		}
		if leak := findSecret(string(text)); leak != "" {
			t.Errorf("an event shows %q", leak)
		}
	}
	judged := 0
	for _, entry := range accessLines(t, access, lineCount(t, access)) {
		for name, value := range entry {
			if strings.HasPrefix(name, "oauth_guard_") {
				judged++
				if leak := findSecret(fmt.Sprint(value)); leak != "" {
					t.Errorf("the field %s of the access log shows %q", name, leak)
				}
			}
		}
	}
	if judged < len(requests) {
		t.Errorf("only %d fields in the access log", judged)
	}
}

// look looks for secrets in what operators can ask for.
func look(t *testing.T, page, address string) {
	t.Helper()
	shown := map[string]string{"the page": send(t, page, get("/")).body}
	for _, route := range []string{"findings?limit=500", "counts", "readiness", "breaking", "guards", "sources", "clients"} {
		shown[route] = send(t, address, message("GET", "/oauth_guard/"+route, []string{"Host: " + address}, "")).body
	}
	for name, text := range shown {
		if len(text) < 2 {
			t.Fatalf("%s shows nothing", name)
		}
		if leak := findSecret(text); leak != "" {
			t.Errorf("%s shows %q", name, leak)
		}
	}
}

// lineCount is the number of lines of a file that does not grow any more.
func lineCount(t *testing.T, file string) int {
	t.Helper()
	return strings.Count(readLog(t, file), "\n")
}
