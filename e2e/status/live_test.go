package status_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/status"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// changing is a page that changes with every request, and fails when it is told to.
type changing struct {
	requests atomic.Int64
	failing  atomic.Bool
}

func (c *changing) serve(t *testing.T) string {
	data := sample(t, ordinary)
	data.Refresh = time.Second
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		number := c.requests.Add(1)
		if c.failing.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		shown := *data
		shown.Sources = []clients.State{{Name: fmt.Sprintf("source%d", number), State: clients.Fresh, LastSuccess: now}}
		body, err := status.Render(&shown)
		if err != nil {
			t.Error(err)
		}
		status.SetHeaders(w.Header(), len(body))
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// still waits, and reports whether the page was not asked for meanwhile.
func (c *changing) still() bool {
	time.Sleep(100 * time.Millisecond) // one request may be under way
	before := c.requests.Load()
	time.Sleep(2500 * time.Millisecond)
	return c.requests.Load() == before
}

// TestUpdates watches how the page brings itself up to date: what is open stays open and keeps the focus, marked text stays, and it pauses when it is told to, or cannot be seen.
func TestUpdates(t *testing.T) {
	var pages changing
	address := pages.serve(t)
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, address)
	shown := func() string {
		return browser.Evaluate[string](tab, `document.querySelector('#sources bdi').textContent`)
	}
	first := shown()
	tab.Do(chromedp.Click("#guard-0 summary"))
	browser.Evaluate[chromedp.Void](tab, `document.querySelector('#ready summary').focus(), document.querySelector('#ready').open = true, window.unchanged = document.querySelector('#rules table')`)
	tab.Wait(fmt.Sprintf(`document.querySelector('#sources bdi').textContent !== %q && document.querySelector('#sources bdi').textContent !== ''`, first))
	if !browser.Evaluate[bool](tab, `document.querySelector('#guard-0').open && document.querySelector('#ready').open && document.activeElement === document.querySelector('#ready summary') && window.unchanged.isConnected`) {
		t.Error("the update closed what was open, or took the focus away")
	}
	if notice := browser.Evaluate[string](tab, `document.querySelector('#notice').textContent`); notice != "Live" {
		t.Errorf("the notice says %q", notice)
	}

	// Marked text stays until it is marked no more.
	browser.Evaluate[chromedp.Void](tab, `getSelection().selectAllChildren(document.querySelector('#sources'))`)
	marked := shown()
	for seen := pages.requests.Load(); pages.requests.Load() < seen+3; time.Sleep(50 * time.Millisecond) {
	}
	if now := shown(); now != marked {
		t.Errorf("marked text changed from %s to %s", marked, now)
	}
	browser.Evaluate[chromedp.Void](tab, `getSelection().removeAllRanges()`)
	tab.Wait(fmt.Sprintf(`document.querySelector('#sources bdi').textContent !== %q`, marked))

	// The button.
	tab.Do(chromedp.Click("#pause"))
	if text := browser.Evaluate[string](tab, `document.querySelector('#notice').textContent + ', ' + document.querySelector('#pause').textContent`); text != "Paused, Resume" {
		t.Errorf("paused, the page says %q", text)
	}
	if !pages.still() {
		t.Error("the page asks for itself though it is paused")
	}
	paused := shown()
	tab.Do(chromedp.Click("#pause"))
	tab.Wait(fmt.Sprintf(`document.querySelector('#sources bdi').textContent !== %q`, paused))

	// A page that cannot be seen.
	const hide = `Object.defineProperty(document, 'hidden', {value: %t, configurable: true}), document.dispatchEvent(new Event('visibilitychange'))`
	browser.Evaluate[bool](tab, fmt.Sprintf(hide, true))
	if !pages.still() {
		t.Error("the page asks for itself though nobody sees it")
	}
	hidden := shown()
	browser.Evaluate[bool](tab, fmt.Sprintf(hide, false))
	tab.Wait(fmt.Sprintf(`document.querySelector('#sources bdi').textContent !== %q`, hidden))

	// A server that does not answer, and then does.
	pages.failing.Store(true)
	tab.Wait(`document.querySelector('#notice').textContent.startsWith('Not up to date') && document.querySelector('#notice').matches('.wrong')`)
	tab.Accessible("while the server does not answer")
	pages.failing.Store(false)
	tab.Wait(`document.querySelector('#notice').textContent === 'Live' && !document.querySelector('#notice').matches('.wrong')`)
	tab.Quiet()
	for _, request := range tab.Requests() {
		if strings.TrimSuffix(request.URL, "/") != address && request.URL != address+"/favicon.ico" {
			t.Errorf("the page asked for %s", request.URL)
		}
	}
}

// TestGuarded puts the page beside a guard in a real Caddy, and sees a request arrive on it.
func TestGuarded(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "upstream") }))
	t.Cleanup(upstream.Close)
	guarded, err := front.NewSite(false)
	if err != nil {
		t.Fatal(err)
	}
	page, err := front.NewSite(false)
	if err != nil {
		t.Fatal(err)
	}
	guarded.Upstream, page.Upstream = strings.TrimPrefix(upstream.URL, "http://"), strings.TrimPrefix(upstream.URL, "http://")
	guarded.Directives = "oauth_guard {\nmode report\nclients static {\nclient hostile {\nclient_name `" + strings.ReplaceAll(attack, "\x00", "") + "`\nredirect_uris https://hostile.example.com/callback\n}\n}\n}"
	page.Directives = "oauth_guard_status {\nrefresh 1s\n}"
	caddy, err := front.Start(t.TempDir(), guarded, page)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	tab := chromium.Open(t)
	tab.Show(browser.PhoneDark, page.URL())
	tab.Wait(`document.body.innerText.includes('No rule fired')`)
	query := url.Values{"response_type": {"code"}, "client_id": {"hostile"}, "redirect_uri": {`https://evil.example/"'><script>alert(4)</script>?code=s3cret#s3cret`}, "state": {"s3cret"}}
	response, err := http.Get(guarded.URL() + "/api/rest/oauth2/auth?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
	tab.Wait(`document.querySelector('#breaking').innerText.includes('authorize.redirect_uri.unregistered') && document.querySelector('#recent').innerText.includes('https://evil.example/')`)
	tab.Wait(`document.querySelector('.chart .report').getAttribute('d') !== ''`)
	text := tab.Text()
	if !strings.Contains(text, `"'><script>alert(1)</script>`) || !strings.Contains(text, "https://evil.example/\"'><script>alert(4)</script>") || strings.Contains(text, "s3cret") {
		t.Errorf("the page shows\n%s", text)
	}
	tab.Accessible("guarded")
	tab.Quiet()
	// Whoever asks under another name gets nothing.
	request, err := http.NewRequest(http.MethodGet, page.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example"
	if response, err = http.DefaultClient.Do(request); err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if len(body) > 0 {
		t.Errorf("under another name the page is shown: %.100s", body)
	}
}
