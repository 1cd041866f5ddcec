package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// Patience is how long one step in a tab may take.
const Patience = 3 * time.Minute

// Tab is one tab of the browser with cookies and history of its own, and everything that its pages complained about. Its methods
// are for the goroutine of the test, which they end when something is impossible.
type Tab struct {
	t       testing.TB
	context context.Context

	mutex      sync.Mutex
	complaints []string
	requests   []Request
}

// Request is what the browser asked a server for.
type Request struct {
	Method string
	// URL has the fragment, if there is one.
	URL string
	// Page tells that the answer is to be the page of the tab, and not a part of it, a frame or data.
	Page bool
}

// violations reports every violation of a Content-Security-Policy, also those that the console would not show.
const violations = `addEventListener('securitypolicyviolation', event =>
	console.error('policy violation: ' + event.violatedDirective + ' ' + event.blockedURI))`

// Open opens a tab and watches it until the end of the test.
func (b *Browser) Open(t testing.TB) *Tab {
	t.Helper()
	target, closeTab := chromedp.NewContext(b.context, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	opened := &Tab{t: t, context: target}
	if err := chromedp.Listen(target, opened.listen); err != nil {
		t.Fatal(err)
	}
	Call(opened, log.Enable, cdp.Empty{})
	Call(opened, network.Enable, network.EnableParams{})
	Call(opened, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: violations})
	return opened
}

// listen notes requests, and what a healthy page never causes.
func (b *Tab) listen(event any) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, Request{
			Method: event.Request.Method,
			URL:    event.Request.URL + event.Request.URLFragment,
			// The main frame of a tab has the identifier of the tab.
			Page: event.Type == network.ResourceTypeDocument && string(event.FrameID) == string(chromedp.FromContext(b.context).Target.TargetID),
		})
	case *log.EventEntryAdded:
		// Chromium logs the status 400 of the page itself as a failed resource.
		if event.Entry.Source != log.EntrySourceNetwork {
			b.complaints = append(b.complaints, fmt.Sprintf("%s %s: %s", event.Entry.Source, event.Entry.Level, event.Entry.Text))
		}
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, "console "+spoken(event))
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

// spoken puts a message on the console into words.
func spoken(event *runtime.EventConsoleAPICalled) string {
	text := string(event.Type)
	for _, argument := range event.Args {
		if argument.Description != "" {
			text += " " + argument.Description
		} else {
			text += " " + string(argument.Value)
		}
	}
	return text
}

// describe puts an exception into words.
func describe(details *runtime.ExceptionDetails) string {
	if details.Exception != nil {
		return details.Text + " " + details.Exception.Description
	}
	return details.Text
}

// Complaints returns messages on the console, exceptions, dialogs and violations of policies so far.
func (b *Tab) Complaints() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.complaints)
}

// Requests returns the requests so far in their order, each redirect as one more.
func (b *Tab) Requests() []Request {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return slices.Clone(b.requests)
}

// Quiet fails the test if there are complaints.
func (b *Tab) Quiet() {
	b.t.Helper()
	if complaints := b.Complaints(); len(complaints) > 0 {
		b.t.Errorf("the page complained: %q", complaints)
	}
}

// Listen calls a function with every event of the DevTools protocol until the end of the test. It must not wait for the browser.
func (b *Tab) Listen(listener func(event any)) {
	b.t.Helper()
	if err := chromedp.Listen(b.context, listener); err != nil {
		b.t.Fatal(err)
	}
}

// Do runs actions in the tab.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	if err := chromedp.Do(limited, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// Call runs one command of the DevTools protocol in the tab.
func Call[P, R any](b *Tab, command cdp.Command[P, R], parameters P) R {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	result, err := chromedp.Call(limited, command, parameters)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// Evaluate runs a script in the page, waits for it if it is a promise, and returns its result. The policy of the page does not
// apply to it.
func Evaluate[T any](b *Tab, script string) T {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	result, err := evaluate[T](limited, script)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// evaluate is Evaluate for those who expect that it may fail.
func evaluate[T any](ctx context.Context, script string) (T, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// pause is the time between two looks at a page.
const pause = 20 * time.Millisecond

// Wait waits until a script is true in the page of the tab, whichever page that will be.
func (b *Tab) Wait(condition string) {
	b.t.Helper()
	// An exception and a page that goes away while the script runs mean: not yet.
	var last error
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(pause) {
		met, err := evaluate[bool](b.context, condition)
		if met && err == nil {
			return
		}
		last = err
	}
	text, _ := evaluate[string](b.context, `location + '\n' + document.body.innerText`)
	b.t.Fatalf("never: %s (last error: %v, complaints: %q) at %s", condition, last, b.Complaints(), text)
}

// Go opens an address and waits until its page is loaded.
func (b *Tab) Go(address string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(address))
}

// Address returns the address of the page with its fragment.
func (b *Tab) Address() string {
	b.t.Helper()
	return Evaluate[string](b, `location.href`)
}

// Text returns what a person can read on the page.
func (b *Tab) Text() string {
	b.t.Helper()
	return strings.TrimSpace(Evaluate[string](b, `document.body.innerText`))
}

// Screen is a kind of screen.
type Screen struct {
	Name          string
	Width, Height int64
	Scale         float64
	Phone, Dark   bool
}

// The screens that pages are looked at on.
var (
	PhoneLight   = Screen{"phone-light", 360, 740, 2, true, false}
	PhoneDark    = Screen{"phone-dark", 360, 740, 2, true, true}
	SmallPhone   = Screen{"small-phone", 320, 568, 2, true, false}
	DesktopLight = Screen{"desktop-light", 1280, 800, 1, false, false}
	DesktopDark  = Screen{"desktop-dark", 1280, 800, 1, false, true}
)

// Use sets the screen.
func (b *Tab) Use(screen Screen) {
	b.t.Helper()
	scheme := "light"
	if screen.Dark {
		scheme = "dark"
	}
	Call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: screen.Width, Height: screen.Height, DeviceScaleFactor: screen.Scale, Mobile: screen.Phone,
	})
	Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Show sets the screen and opens an address.
func (b *Tab) Show(screen Screen, address string) {
	b.t.Helper()
	b.Use(screen)
	b.Go(address)
}

// Screenshot writes a picture of the whole page to the artifacts of the test, see "go help testflag", -artifacts.
func (b *Tab) Screenshot(name string) {
	b.t.Helper()
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	picture, err := chromedp.Run(limited, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(b.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(path, picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Log(path)
}
