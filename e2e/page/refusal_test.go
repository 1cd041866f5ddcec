package page_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// guardedPages are the addresses of the refused requests below.
func guardedPages() map[string]string {
	pages := map[string]string{
		// Browsers find every name below localhost at home.
		"guarded long-host": strings.Replace(at(standard, refusals["unregistered"].query), "127.0.0.1", longHost, 1),
	}
	for name, refusal := range refusals {
		pages["guarded "+name] = at(standard, refusal.query)
		pages["guarded custom "+name] = at(custom, refusal.query)
	}
	return pages
}

// longHost is as long as a host name may be, nearly.
var longHost = strings.Repeat(strings.Repeat("h", 60)+".", 3) + "localhost"

// answered is the answer to a request.
type answered struct {
	status int
	header http.Header
	body   string
}

// exchange sends a request that the guard refuses.
func exchange(t *testing.T, site *front.Site, request *http.Request) answered {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, exchange := range site.Take() {
		// The browser of earlier tests asked for more.
		if strings.HasPrefix(exchange.Target, authorizePath) && (exchange.Decision != "reject" || exchange.Arrival != nil) {
			t.Errorf("%.200s: %s, arrived %v", exchange.Target, exchange.Decision, exchange.Arrival)
		}
	}
	return answered{response.StatusCode, response.Header, string(body)}
}

// get makes a request for an address that the browser would encode first.
func get(t *testing.T, site *front.Site, query string) *http.Request {
	t.Helper()
	address, query, _ := strings.Cut(at(site, query), "?")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.RawQuery = strings.ReplaceAll(query, " ", "+")
	return request
}

// common are the header fields that every error has that is meant for a person.
var common = map[string]string{
	"Cache-Control":               "no-store",
	"Pragma":                      "no-cache",
	"Referrer-Policy":             "no-referrer",
	"X-Content-Type-Options":      "nosniff",
	"Location":                    "",
	"Access-Control-Allow-Origin": "",
	"Set-Cookie":                  "",
}

// checkHeader compares a header with the common fields and more.
func checkHeader(t *testing.T, header http.Header, more map[string]string) {
	t.Helper()
	want := maps.Clone(common)
	maps.Copy(want, more)
	got := map[string]string{}
	for name := range want {
		got[name] = header.Get(name)
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("header (-want, +got):\n%s", difference)
	}
}

// hostileMarks are what the hostile requests would leave on a page that does not escape them, or repeats them.
var hostileMarks = []string{"<script", "onerror", "javascript:", "\u202e", "&lt;script", "alert(", "SSSS", "evil.example.com"}

// TestPageHeader looks at the answers as HTML.
func TestPageHeader(t *testing.T) {
	for _, site := range []*front.Site{standard, custom} {
		for name, refusal := range refusals {
			request := get(t, site, refusal.query)
			request.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
			request.Header.Set("Origin", "https://wiki.example.com")
			got := exchange(t, site, request)
			if got.status != http.StatusBadRequest {
				t.Errorf("%s: status %d", name, got.status)
			}
			policy := got.header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'; ", "style-src ", "base-uri 'none'; ", "form-action 'none'; ", "frame-ancestors 'none'"} {
				if !strings.Contains(policy, want) || strings.Contains(policy, "script-src") || site == standard && strings.Contains(policy, "unsafe") {
					t.Errorf("%s: policy %q", name, policy)
				}
			}
			checkHeader(t, got.header, map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Frame-Options": "DENY"})
			if site == standard && !strings.Contains(got.body, ">"+refusal.rule+"<") {
				t.Errorf("%s: %s is not on the page:\n%s", name, refusal.rule, got.body)
			}
			for _, mark := range hostileMarks {
				// The name of this client is hostile, and escaped.
				if strings.Contains(got.body, mark) && (name != "hostile" || mark == "<script") {
					t.Errorf("%s: %q is on the page:\n%s", name, mark, got.body)
				}
			}
		}
	}
}

// TestHost sends host names that no browser sends.
func TestHost(t *testing.T) {
	request := get(t, standard, refusals["unregistered"].query)
	request.Host = `a'b&lt;c;(d)`
	body := exchange(t, standard, request).body
	if want := "a&#39;b&amp;lt;c;(d)"; !strings.Contains(body, want) {
		t.Errorf("%q is not on the page:\n%s", want, body)
	}
}

// TestJSON looks at the answers for programs: they are JSON, and no browser may take them for a page.
func TestJSON(t *testing.T) {
	for _, site := range []*front.Site{standard, custom} {
		for name, refusal := range refusals {
			request := get(t, site, refusal.query)
			request.Header.Set("Accept", "application/json")
			request.Header.Set("Origin", "https://wiki.example.com")
			got := exchange(t, site, request)
			checkHeader(t, got.header, map[string]string{
				"Content-Type":            "application/json;charset=UTF-8",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			})
			var message struct {
				Error       string `json:"error"`
				Description string `json:"error_description"`
				URI         string `json:"error_uri"`
				Code        int    `json:"error_code"`
			}
			if err := json.Unmarshal([]byte(got.body), &message); err != nil {
				t.Errorf("%s: %v: %s", name, err, got.body)
			}
			if got.status != http.StatusBadRequest || message.Code != got.status || message.Error == "" || message.Description == "" ||
				message.URI != "https://docs.example.com/rules#"+refusal.rule {
				t.Errorf("%s: status %d: %s", name, got.status, got.body)
			}
			for _, mark := range hostileMarks {
				if strings.Contains(got.body, mark) {
					t.Errorf("%s: %q is in the answer: %s", name, mark, got.body)
				}
			}
		}
	}
}

// TestFrame expects that no site, not even the guarded one, can show the page in a frame and lure a person with it.
func TestFrame(t *testing.T) {
	for _, site := range []*front.Site{standard, custom} {
		tab := chromium.Open(t)
		tab.Show(browser.DesktopLight, "http://127.0.0.1"+site.Address+framePath+"?"+refusals["unregistered"].query)
		if browser.Evaluate[bool](tab, `document.querySelector('iframe').contentDocument !== null`) {
			t.Error("the page is shown in a frame")
		}
		if complaints := strings.Join(tab.Complaints(), "\n"); !strings.Contains(complaints, "frame-ancestors 'none'") {
			t.Errorf("the frame was not refused by the policy: %q", complaints)
		}
	}
}

// TestSameText expects that a hostile request looks like a harmless one that breaks the same rule.
func TestSameText(t *testing.T) {
	tab := chromium.Open(t)
	// read returns the text without what differs by design.
	read := func(query string) string {
		tab.Show(browser.DesktopLight, at(standard, query))
		return browser.Evaluate[string](tab, `[...document.querySelectorAll('dd')].filter(dd => /^(Request ID|Time)$/.test(dd.previousElementSibling.innerText))
			.forEach(dd => dd.remove()), document.documentElement.innerHTML`)
	}
	for hostile, harmless := range map[string]string{
		"hostile-client": query("response_type", "token", "client_id", "nobody", "redirect_uri", "https://app.example.com/"),
		"hostile-names":  query("client_id", "wiki", "client_id", "other"),
		"hostile-bytes":  "client_id=wiki&state=%",
	} {
		if difference := cmp.Diff(read(harmless), read(refusals[hostile].query)); difference != "" {
			t.Errorf("%s (-harmless, +hostile):\n%s", hostile, difference)
		}
	}
}

// TestCustomTemplate expects that the style and the image of a custom template apply, and that its script does not run.
func TestCustomTemplate(t *testing.T) {
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, at(scripted, refusals["unregistered"].query))
	// Chromium says so twice: in its log, and by an event that may come a little later. Either tells that the script was held back.
	complaints := ""
	for deadline := time.Now().Add(10 * time.Second); complaints == "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		complaints = strings.Join(tab.Complaints(), "\n")
	}
	if !strings.Contains(complaints, "policy violation: script-src") && !strings.Contains(complaints, "Content Security Policy directive") || strings.Contains(complaints, "dialog") {
		t.Errorf("the script: %q", complaints)
	}
	if colour := browser.Evaluate[string](tab, `getComputedStyle(document.body).backgroundColor`); colour != "rgb(1, 2, 3)" {
		t.Errorf("background %s", colour)
	}
	if width := browser.Evaluate[int](tab, `document.images[0].naturalWidth`); width != 1 {
		t.Errorf("the image is %d pixels wide", width)
	}
}
