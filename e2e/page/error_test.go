package page_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/page"
	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// full is an error with everything known.
var full = page.Data{
	Status:      http.StatusBadRequest,
	Error:       "unauthorized_client",
	Description: "The redirect_uri is not registered for this client.",
	Rule:        "authorize.redirect_uri.unregistered",
	RuleURL:     "https://docs.example.com/rules#authorize.redirect_uri.unregistered",
	RequestID:   "7f8c1d2e-0a4b-4c55-9a57-3f1f6f0c2b11",
	ClientID:    "0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d",
	ClientName:  "Team Wiki",
	Parameter:   "redirect_uri",
	Host:        "hub.example.com",
	Time:        time.Date(2026, time.March, 2, 9, 41, 7, 0, time.UTC),
}

// minimal is an error with only what is always known.
var minimal = page.Data{Status: http.StatusBadRequest, Error: "invalid_request", Time: full.Time}

// attack would run a script or change the page if it were not escaped.
const attack = `"'><script>alert(1)</script><img src=x onerror=alert(2)><style>*{display:none}</style>{{.}}</title></code>` +
	"\u202eevil javascript:alert(3)"

// attackText is how the attack must look on the page: the mark that turns the direction of writing is replaced.
var attackText = strings.ReplaceAll(attack, "\u202e", "\uFFFD")

// fill returns data with the same text in every field that holds text.
func fill(text string) page.Data {
	return page.Data{
		Status: http.StatusBadRequest, Error: text, Description: text, Rule: text, RuleURL: "https://docs.example.com/" + text,
		RequestID: text, ClientID: text, ClientName: text, Parameter: text, Host: text, Time: full.Time,
	}
}

// long is an unbroken value.
var long = strings.Repeat("Q", 10_000)

// dataSets are the pages that the server below serves, by path.
var dataSets = map[string]page.Data{
	"/full":    full,
	"/minimal": minimal,
	"/hostile": fill(attack),
	"/long":    fill(long),
}

// customTemplate has a style and an image of its own.
const customTemplate = `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Refused</title>
<style>body { color: white; background: rgb(1, 2, 3); overflow-wrap: anywhere }</style>
<main><h1>{{.Error}}</h1><p>{{.Description}}</p><p>{{.Host}} {{.ClientID}} {{.ClientName}} {{.Rule}} {{.RequestID}}</p>
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="></main>`

// errorPages serves the data sets with the built-in page, and returns the address that their paths belong to.
func errorPages(t *testing.T) string {
	t.Helper()
	template, err := page.New("")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, known := dataSets[r.URL.Path]
		if !known {
			t.Errorf("the page asked for %s", r.URL)
		}
		if err := template.Write(w, data); err != nil {
			t.Error(err)
		}
	}).URL
}

// allPages are the addresses of the data sets, and of requests that the guard refuses, by name.
func allPages(t *testing.T) map[string]string {
	t.Helper()
	pages, address := guardedPages(), errorPages(t)
	for path := range dataSets {
		pages[path[1:]] = address + path
	}
	return pages
}

// TestQuiet expects no message, no violation of the policy, no dialog and no other request from any page.
func TestQuiet(t *testing.T) {
	for name, address := range allPages(t) {
		tab := chromium.Open(t)
		tab.Show(browser.DesktopLight, address)
		browser.Evaluate[chromedp.Void](tab, `new Promise(done => setTimeout(done, 100))`)
		if complaints := tab.Complaints(); len(complaints) > 0 {
			t.Errorf("%s: %q", name, complaints)
		}
		requests := slices.DeleteFunc(tab.Requests(), func(request browser.Request) bool {
			return strings.HasSuffix(request.URL, "/favicon.ico") || strings.HasPrefix(request.URL, "data:")
		})
		if len(requests) != 1 || !requests[0].Page {
			t.Errorf("%s: requests %v", name, requests)
		}
	}
}

// TestHostile expects that hostile values are text, each in the place of a harmless one.
func TestHostile(t *testing.T) {
	address := errorPages(t)
	// shape lists every element with the names of its attributes.
	const shape = `[...document.querySelectorAll('*')].map(e => e.localName + ' ' + e.getAttributeNames().join(' ')).join('\n')`
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, address+"/full")
	want := browser.Evaluate[string](tab, shape)
	tab.Show(browser.DesktopLight, address+"/hostile")
	got := browser.Evaluate[string](tab, shape)
	if got != want || strings.Contains(got, "script") {
		t.Errorf("hostile values changed the elements:\n%s\nwant\n%s", got, want)
	}
	text := browser.Evaluate[string](tab, `document.body.innerText`)
	if count, want := strings.Count(text, attackText), 10; count != want {
		t.Errorf("the attack appears %d times instead of %d:\n%s", count, want, text)
	}
	if !browser.Evaluate[bool](tab, `document.querySelector('h1').checkVisibility()`) {
		t.Error("the page is hidden")
	}
}

// TestNoHorizontalScrolling looks at phones. The narrow one is what WCAG 2.2 asks for (reflow, 1.4.10).
func TestNoHorizontalScrolling(t *testing.T) {
	tab := chromium.Open(t)
	for name, address := range allPages(t) {
		for _, screen := range []browser.Screen{browser.PhoneLight, browser.SmallPhone} {
			tab.Show(screen, address)
			if width := browser.Evaluate[int64](tab, `document.scrollingElement.scrollWidth`); width > screen.Width {
				t.Errorf("%s on %s: %d pixels wide", name, screen.Name, width)
			}
			wide := browser.Evaluate[[]string](tab, `[...document.body.querySelectorAll('*')].filter(e => {
				const box = e.getBoundingClientRect();
				return box.left < 0 || box.right > innerWidth || e.scrollWidth > Math.max(e.clientWidth, Math.ceil(box.width));
			}).map(e => e.outerHTML.slice(0, 80))`)
			if len(wide) > 0 {
				t.Errorf("%s on %s: too wide: %q", name, screen.Name, wide)
			}
		}
	}
}

// TestColourSchemes expects that light is light and dark is dark.
func TestColourSchemes(t *testing.T) {
	chromium.Open(t).ColourSchemes(errorPages(t) + "/full")
}

// TestScreenshots takes the pictures that a person should look at after a change of the page.
func TestScreenshots(t *testing.T) {
	address := errorPages(t)
	tab := chromium.Open(t)
	for _, screen := range []browser.Screen{browser.PhoneLight, browser.PhoneDark, browser.DesktopLight, browser.DesktopDark} {
		tab.Show(screen, address+"/full")
		tab.Screenshot(screen.Name)
		tab.Show(screen, at(standard, refusals["unregistered"].query))
		tab.Screenshot("guarded-" + screen.Name)
	}
	tab.Show(browser.PhoneLight, address+"/hostile")
	tab.Screenshot("hostile")
	tab.Show(browser.DesktopLight, address+"/minimal")
	tab.Screenshot("minimal")
	for _, name := range []string{"hostile", "long"} {
		tab.Show(browser.PhoneLight, at(standard, refusals[name].query))
		tab.Screenshot("guarded-" + name)
	}
	tab.Show(browser.PhoneLight, guardedPages()["guarded long-host"])
	tab.Screenshot("guarded-long-host")
	tab.Show(browser.DesktopLight, at(custom, refusals["unregistered"].query))
	tab.Screenshot("guarded-custom")
}
