package page_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/page"
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

// customTemplate has a style and an image of its own, and a script that must not run.
const customTemplate = `<!doctype html><html lang="en"><title>Refused</title><style>body { background: rgb(1, 2, 3) }</style>
<main><h1>{{.Error}}</h1><p>{{.Description}}</p>
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="></main>`

// errorPages serves the data sets with the built-in page, below /custom with a custom template, and below /scripted with one
// that tries to run a script.
func errorPages(t *testing.T) string {
	t.Helper()
	pages := map[string]*page.Template{}
	for prefix, text := range map[string]string{
		"": "", "/custom": customTemplate, "/scripted": customTemplate + `<script>alert("ran")</script>`,
	} {
		template, err := page.New(text)
		if err != nil {
			t.Fatal(err)
		}
		pages[prefix] = template
	}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		prefix, path := "", r.URL.Path
		if before, after, found := strings.Cut(path[1:], "/"); found {
			prefix, path = "/"+before, "/"+after
		}
		data, known := dataSets[path]
		if !known {
			t.Errorf("the page asked for %s", r.URL)
		}
		if err := pages[prefix].Write(w, data); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// TestQuiet expects no message, no violation of the policy, no dialog and no other request from any page.
func TestQuiet(t *testing.T) {
	address := errorPages(t)
	for path := range dataSets {
		for _, prefix := range []string{"", "/custom"} {
			tab := open(t)
			tab.show(desktopLight, address+prefix+path)
			evaluate[chromedp.Void](tab, `new Promise(done => setTimeout(done, 100))`)
			complaints, requests := tab.noted()
			if len(complaints) > 0 {
				t.Errorf("%s%s: %q", prefix, path, complaints)
			}
			requests = slices.DeleteFunc(requests, func(request string) bool {
				return request == address+"/favicon.ico" || strings.HasPrefix(request, "data:")
			})
			if want := []string{address + prefix + path}; !slices.Equal(requests, want) {
				t.Errorf("%s%s: requests %q", prefix, path, requests)
			}
		}
	}
}

// TestWatch proves that the watch of TestQuiet sees what it looks for.
func TestWatch(t *testing.T) {
	address := errorPages(t)
	blocked := open(t)
	blocked.show(desktopLight, address+"/scripted/full")
	complaints, _ := blocked.noted()
	if all := strings.Join(complaints, "\n"); !strings.Contains(all, "policy violation: script-src") || strings.Contains(all, "dialog") {
		t.Errorf("a blocked script: %q", complaints)
	}
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<!doctype html><title>loud</title><script>alert("open"); nothing()</script>`))
	})
	loud := open(t)
	loud.show(desktopLight, server.URL)
	complaints, _ = loud.noted()
	for _, want := range []string{"dialog open", "exception"} {
		if !strings.Contains(strings.Join(complaints, "\n"), want) {
			t.Errorf("%q lacks %q", complaints, want)
		}
	}
}

// TestCustomStyle checks that a custom template may bring its own style and image.
func TestCustomStyle(t *testing.T) {
	tab := open(t)
	tab.show(desktopLight, errorPages(t)+"/custom/full")
	colour := evaluate[string](tab, `getComputedStyle(document.body).backgroundColor`)
	if colour != "rgb(1, 2, 3)" {
		t.Errorf("background %s", colour)
	}
	width := evaluate[int](tab, `document.images[0].naturalWidth`)
	if width != 1 {
		t.Errorf("the image is %d pixels wide", width)
	}
}

// TestHostile expects that hostile values are text, each in the place of a harmless one.
func TestHostile(t *testing.T) {
	address := errorPages(t)
	// shape lists every element with the names of its attributes.
	const shape = `[...document.querySelectorAll('*')].map(e => e.localName + ' ' + e.getAttributeNames().join(' ')).join('\n')`
	tab := open(t)
	tab.show(desktopLight, address+"/full")
	want := evaluate[string](tab, shape)
	tab.show(desktopLight, address+"/hostile")
	got := evaluate[string](tab, shape)
	if got != want || strings.Contains(got, "script") {
		t.Errorf("hostile values changed the elements:\n%s\nwant\n%s", got, want)
	}
	text := evaluate[string](tab, `document.body.innerText`)
	if count, want := strings.Count(text, attackText), 10; count != want {
		t.Errorf("the attack appears %d times instead of %d:\n%s", count, want, text)
	}
	if !evaluate[bool](tab, `document.querySelector('h1').checkVisibility()`) {
		t.Error("the page is hidden")
	}
}

// TestNoHorizontalScrolling looks at phones. The narrow one is what WCAG 2.2 asks for (reflow, 1.4.10).
func TestNoHorizontalScrolling(t *testing.T) {
	address := errorPages(t)
	tab := open(t)
	for _, screen := range []view{phoneLight, smallPhone} {
		for path := range dataSets {
			tab.show(screen, address+path)
			width := evaluate[int64](tab, `document.scrollingElement.scrollWidth`)
			if width > screen.width {
				t.Errorf("%s on %s: %d pixels wide", path, screen.name, width)
			}
			wide := evaluate[[]string](tab, `[...document.body.querySelectorAll('*')].filter(e => {
				const box = e.getBoundingClientRect();
				return box.left < 0 || box.right > innerWidth || e.scrollWidth > Math.max(e.clientWidth, Math.ceil(box.width));
			}).map(e => e.outerHTML.slice(0, 80))`)
			if len(wide) > 0 {
				t.Errorf("%s on %s: too wide: %q", path, screen.name, wide)
			}
		}
	}
}

// TestColourSchemes expects that light is light and dark is dark.
func TestColourSchemes(t *testing.T) {
	address := errorPages(t)
	tab := open(t)
	// luminance is the sum of the three components.
	const luminance = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)`
	tab.show(desktopLight, address+"/full")
	light := evaluate[int](tab, luminance)
	tab.show(desktopDark, address+"/full")
	dark := evaluate[int](tab, luminance)
	if light < 600 || dark > 150 {
		t.Errorf("background: light %d, dark %d of 765", light, dark)
	}
}

// TestScreenshots takes the pictures that a person should look at after a change of the page.
func TestScreenshots(t *testing.T) {
	address := errorPages(t)
	tab := open(t)
	for _, screen := range []view{phoneLight, phoneDark, desktopLight, desktopDark} {
		tab.show(screen, address+"/full")
		tab.screenshot(screen.name)
	}
	tab.show(phoneLight, address+"/hostile")
	tab.screenshot("hostile")
	tab.show(desktopLight, address+"/minimal")
	tab.screenshot("minimal")
}
