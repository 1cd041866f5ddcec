// Package page_test looks at the error page and at the form post page as a person does: in a real browser.
package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for the browser.
const patience = 2 * time.Minute

// browser is the context of the one Chromium that all tests share.
var browser context.Context

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts Chromium, runs the tests and stops it. A missing browser is a failure.
func run(m *testing.M) int {
	path, err := findChromium()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // the tests may run as root, and load nothing but their own pages
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	if err := chromedp.Do(tab); err != nil {
		fmt.Fprintln(os.Stderr, "Chromium does not start:", err)
		return 1
	}
	browser = tab
	return m.Run()
}

// findChromium looks where Debian has it first.
func findChromium() (string, error) {
	names := []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("none of %q is there: the tests need Chromium", names)
}

// tab is one tab of the browser, and everything that it complained about.
type tab struct {
	t       *testing.T
	context context.Context

	mutex      sync.Mutex
	complaints []string
	requests   []string
}

// violations reports every violation of a Content-Security-Policy, also those that the console would not show.
const violations = `addEventListener('securitypolicyviolation', event =>
	console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI))`

// open opens a tab with its own cookies and history and watches it.
func open(t *testing.T) *tab {
	t.Helper()
	limited, cancel := context.WithTimeout(browser, patience)
	t.Cleanup(cancel)
	target, closeTab := chromedp.NewContext(limited, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	opened := &tab{t: t, context: target}
	if err := chromedp.Listen(target, opened.listen); err != nil {
		t.Fatal(err)
	}
	call(opened, log.Enable, cdp.Empty{})
	call(opened, network.Enable, network.EnableParams{})
	call(opened, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations})
	return opened
}

// listen notes what a healthy page never causes.
func (b *tab) listen(event any) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, event.Request.URL)
	case *log.EventEntryAdded:
		// Chromium logs the status 400 of the page itself as a failed resource.
		if event.Entry.Source != log.EntrySourceNetwork {
			b.complaints = append(b.complaints, fmt.Sprintf("%s %s: %s", event.Entry.Source, event.Entry.Level, event.Entry.Text))
		}
	case *runtime.EventConsoleAPICalled:
		text := string(event.Type)
		for _, argument := range event.Args {
			text += " " + string(argument.Value)
		}
		b.complaints = append(b.complaints, "console "+text)
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception "+describe(event.ExceptionDetails))
	case *page.EventJavascriptDialogOpening:
		b.complaints = append(b.complaints, "dialog "+event.Message)
		// A listener must not wait for the browser.
		go func() {
			_, _ = chromedp.Call(b.context, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	}
}

// describe puts an exception into words.
func describe(details *runtime.ExceptionDetails) string {
	if details.Exception != nil {
		return details.Text + " " + details.Exception.Description
	}
	return details.Text
}

// noted returns the complaints and the requests so far.
func (b *tab) noted() (complaints, requests []string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return append([]string(nil), b.complaints...), append([]string(nil), b.requests...)
}

// do runs actions in the tab.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.context, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// call runs one command of the DevTools protocol in the tab.
func call[P, R any](b *tab, command cdp.Command[P, R], parameters P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.context, command, parameters); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate runs a script in the page and returns its result. The policy of the page does not apply to it.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.context, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// view is a kind of screen.
type view struct {
	name          string
	width, height int64
	scale         float64
	phone, dark   bool
}

// The screens that the pages are looked at on.
var (
	phoneLight   = view{"phone-light", 360, 740, 2, true, false}
	phoneDark    = view{"phone-dark", 360, 740, 2, true, true}
	smallPhone   = view{"small-phone", 320, 568, 2, true, false}
	desktopLight = view{"desktop-light", 1280, 800, 1, false, false}
	desktopDark  = view{"desktop-dark", 1280, 800, 1, false, true}
)

// show sets the screen and opens an address.
func (b *tab) show(screen view, address string) {
	b.t.Helper()
	scheme := "light"
	if screen.dark {
		scheme = "dark"
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: screen.width, Height: screen.height, DeviceScaleFactor: screen.scale, Mobile: screen.phone,
	})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	b.do(chromedp.Navigate(address))
}

// screenshot writes a picture of the whole page to the artifacts of the test, see "go help testflag", -artifacts.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.context, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(b.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Log(path)
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
