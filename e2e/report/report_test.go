// Package report_test looks at the page that replay writes as an operator does: from a file, in a real browser, without a network.
package report_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // the storage of the command
	"github.com/chromedp/chromedp"
	"github.com/spf13/cobra"

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the guard itself
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/report"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/internal/trafficlog"
)

// chromium is the one browser that all tests share.
var chromium *browser.Browser

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts Chromium, runs the tests and stops it. A missing browser is a failure.
func run(m *testing.M) int {
	var err error
	if chromium, err = browser.Start(browser.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer chromium.Stop()
	return m.Run()
}

// screens are all on which the page is looked at.
var screens = []browser.Screen{browser.PhoneLight, browser.PhoneDark, browser.SmallPhone, browser.DesktopLight, browser.DesktopDark}

// address is the address of a file.
func address(name string) string { return (&url.URL{Scheme: "file", Path: name}).String() }

// replayed lets replay write a page about a made-up log, and returns its address.
func replayed(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("XDG_DATA_HOME", folder)
	log, clients, page := filepath.Join(folder, "access.log"), filepath.Join(folder, "clients.json"), filepath.Join(folder, "report.html")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = trafficlog.Write(file, trafficlog.Caddy, 6<<20, 1)
	if err = errors.Join(err, file.Close(), os.WriteFile(clients, trafficlog.Clients(), 0o600)); err != nil {
		t.Fatal(err)
	}
	caddy, root := &cobra.Command{Use: "caddy"}, &cobra.Command{Use: "oauth-guard"}
	command.Build(root)
	caddy.AddCommand(root)
	var out bytes.Buffer
	caddy.SetOut(&out)
	caddy.SetErr(&out)
	caddy.SetArgs([]string{"oauth-guard", "replay", "--clients", clients, "--html", page, log})
	if err := caddy.ExecuteContext(context.Background()); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return address(page)
}

// written writes a page about a summary, and returns its address.
func written(t *testing.T, s *summary.Summary, guard string, logs ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "report.html")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(report.New(s, guard, logs).WriteHTML(file), file.Close()); err != nil {
		t.Fatal(err)
	}
	return address(name)
}

// attack would run a script or change the page if it were not escaped.
const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)><style>*{display:none}</style>{{.}}</title></pre></code>https://evil.example/x.png`

// filled is a summary with the same text in every place that a text can come to.
func filled(text string) *summary.Summary {
	s := summary.New()
	for i, mode := range []string{"enforce", "report"} {
		s.Count(&summary.Request{
			Endpoint: "authorize", Client: text, HasClient: true, Registered: i == 0, ClientName: text, Served: true, When: summary.Moment(1_767_258_000 + 86_400*i), Unregistered: text,
			Findings: []summary.Finding{{Rule: text, Mode: mode}, {Rule: text + ".redirect_uri.unregistered", Mode: mode}}, Example: func() string { return text },
		})
	}
	s.Count(&summary.Request{Endpoint: "token", NotJudged: text})
	s.Skipped[text] = 1
	s.Misplaced(text)
	s.Unregistered[text+"\n"+text] = 7
	return s
}

// all are the pages that are looked at, by name.
func all(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"log": replayed(t), "empty": written(t, summary.New(), "the guard of the flags: profile hub"), "hostile": written(t, filled(attack), attack, attack),
		"long": written(t, filled(strings.Repeat("Q", 3000)), strings.Repeat("Q", 3000), strings.Repeat("Q", 3000)),
	}
}

// TestPages looks at every page on every screen: nothing is wider than the screen, nothing is hard to read, nothing leaves the page.
func TestPages(t *testing.T) {
	for name, page := range all(t) {
		tab := chromium.Open(t)
		for _, screen := range screens {
			tab.Show(screen, page)
			if wide := browser.Evaluate[int](tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("%s on %s is %d pixels too wide", name, screen.Name, wide)
			}
			tab.Accessible(name+" on "+screen.Name, undecided...)
		}
		for _, request := range tab.Requests() {
			if request.URL != page && !strings.HasPrefix(request.URL, "data:") {
				t.Errorf("%s asks for %s", name, request.URL)
			}
		}
		tab.Quiet()
	}
}

// undecided are reasons for which axe-core leaves the contrast of a cell open: tables are full of single digits, and wider than a phone. All cells have the colours of those that it decides.
var undecided = []string{"too short to determine", "partially obscured by another element"}

// TestHostile plants what would run, load or hide something in every text: it stays text.
func TestHostile(t *testing.T) {
	page := written(t, filled(attack), attack, attack)
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, page)
	if count := browser.Evaluate[int](tab, `document.querySelectorAll('script, img, iframe, object, embed, link[rel=stylesheet], form, a[href], [onload], [onerror]').length`); count != 0 {
		t.Errorf("%d elements that nobody wrote", count)
	}
	if count := browser.Evaluate[int](tab, `document.querySelectorAll('style').length`); count != 1 {
		t.Errorf("%d styles", count)
	}
	text := browser.Evaluate[string](tab, `document.body.textContent`)
	// The guard, the log, the path like an endpoint, a reason, a line left out, two rules in plot and table with client and example, the client, a redirect URI.
	if count := strings.Count(text, attack); count < 15 {
		t.Errorf("the attack is there %d times only", count)
	}
	tab.Quiet()
}

// TestContent reads the page as a person does.
func TestContent(t *testing.T) {
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, replayed(t))
	text := tab.Text()
	for _, want := range []string{
		"What would be refused", "Over time", "By rule", "By client", "So that nothing breaks that works today", "authorize.redirect_uri.unregistered", "rule authorize.client_id.missing report",
		"not judged", "access.log",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(browser.Evaluate[string](tab, `document.documentElement.outerHTML`), trafficlog.Secret) {
		t.Error("the page holds a secret")
	}
	for _, plot := range []string{".plot svg rect", ".bars rect"} {
		if count := browser.Evaluate[int](tab, `document.querySelectorAll('`+plot+`').length`); count < 10 {
			t.Errorf("%d pieces of %s", count, plot)
		}
	}
	// What is to be pasted can be selected alone, without the comments' colours.
	if selected := browser.Evaluate[string](tab, `(() => { const p = document.querySelector('pre'); getSelection().selectAllChildren(p); return getSelection().toString() })()`); !strings.Contains(selected, "report\n") {
		t.Errorf("selected: %.300q", selected)
	}
	tab.Quiet()
}

// TestScreenshots makes the pictures that a person should look at after a change of the page, see "go help testflag", -artifacts.
func TestScreenshots(t *testing.T) {
	page := replayed(t)
	tab := chromium.Open(t)
	for _, screen := range []browser.Screen{browser.DesktopLight, browser.DesktopDark, browser.PhoneLight, browser.PhoneDark} {
		tab.Show(screen, page)
		tab.Screenshot("report-" + screen.Name)
	}
	tab.Show(browser.DesktopLight, written(t, filled(attack), attack, attack))
	tab.Screenshot("report-hostile")
	tab.Do(chromedp.Navigate("about:blank"))
	tab.Quiet()
}
