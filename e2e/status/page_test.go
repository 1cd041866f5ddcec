package status_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// kinds are the names of the samples.
var kinds = []string{"full", "hostile", "long", "empty"}

// openAll opens everything that can be opened.
const openAll = `for (const details of document.querySelectorAll('details')) details.open = true`

func TestAccessibility(t *testing.T) {
	address := serveSamples(t)
	tab := chromium.Open(t)
	for _, kind := range kinds {
		for _, screen := range screens {
			tab.Show(screen, address+"/"+kind)
			browser.Evaluate[chromedp.Void](tab, openAll)
			tab.Accessible(kind + " on " + screen.Name)
		}
	}
}

// TestQuiet expects no message, no violation of the policy, no dialog, and no request to anything but the page itself.
func TestQuiet(t *testing.T) {
	address := serveSamples(t)
	for _, kind := range kinds {
		tab := chromium.Open(t)
		tab.Show(browser.DesktopLight, address+"/"+kind)
		browser.Evaluate[chromedp.Void](tab, `new Promise(done => setTimeout(done, 100))`)
		tab.Quiet()
		for _, request := range tab.Requests() {
			if request.URL != address+"/"+kind && request.URL != address+"/favicon.ico" {
				t.Errorf("%s: asked for %s", kind, request.URL)
			}
		}
	}
}

// TestHostile expects that hostile values are text, each in the place of a harmless one.
func TestHostile(t *testing.T) {
	address := serveSamples(t)
	// shape lists every element with the names of its attributes.
	const shape = `[...document.querySelectorAll('*')].map(e => e.localName + ' ' + e.getAttributeNames().join(' ')).join('\n')`
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, address+"/full")
	want := browser.Evaluate[string](tab, shape)
	tab.Show(browser.DesktopLight, address+"/hostile")
	if got := browser.Evaluate[string](tab, shape); got != want {
		t.Errorf("hostile values changed the elements:\n%s\nwant\n%s", got, want)
	}
	browser.Evaluate[chromedp.Void](tab, openAll)
	text := tab.Text()
	// The longest piece that is left of the attack in a name, and all of it in an error.
	if count := strings.Count(text, attackText[:70]); count < 15 || !strings.Contains(text, attackText) {
		t.Errorf("the attack appears %d times:\n%s", count, text)
	}
	if !browser.Evaluate[bool](tab, `document.querySelector('h1').checkVisibility()`) {
		t.Error("the page is hidden")
	}
	tab.Quiet()
}

// TestNoHorizontalScrolling looks at all screens. The small one is what WCAG 2.2 asks for (reflow, 1.4.10).
func TestNoHorizontalScrolling(t *testing.T) {
	address := serveSamples(t)
	tab := chromium.Open(t)
	for _, kind := range kinds {
		for _, screen := range append(slices.Clone(screens), browser.Screen{Name: "tablet", Width: 800, Height: 1000, Scale: 1}) {
			tab.Show(screen, address+"/"+kind)
			browser.Evaluate[chromedp.Void](tab, openAll)
			if width := browser.Evaluate[int64](tab, `document.scrollingElement.scrollWidth`); width > screen.Width {
				t.Errorf("%s on %s: %d pixels wide", kind, screen.Name, width)
			}
			wide := browser.Evaluate[[]string](tab, `[...document.body.querySelectorAll('*')].filter(e => {
				const box = e.getBoundingClientRect();
				return e.checkVisibility() && !e.closest('thead') && (box.left < 0 || box.right > innerWidth + 0.5);
			}).map(e => e.outerHTML.slice(0, 80))`)
			if len(wide) > 0 {
				t.Errorf("%s on %s: too wide: %q", kind, screen.Name, wide)
			}
		}
	}
}

// TestColourSchemes expects that light is light and dark is dark.
func TestColourSchemes(t *testing.T) {
	chromium.Open(t).ColourSchemes(serveSamples(t) + "/full")
}

// TestWithoutScript reads the page in a browser that runs no script: everything is there but the button.
func TestWithoutScript(t *testing.T) {
	address := serveSamples(t)
	tab := chromium.Open(t)
	browser.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, screen := range []browser.Screen{browser.PhoneLight, browser.DesktopDark} {
		tab.Show(screen, address+"/full")
		tab.Do(chromedp.Click("#ready summary"))
		text := tab.Text()
		for _, want := range []string{
			"Reload the page to bring it up to date.", "181,041", "Profile hub", "mode report", "the token is not valid any more", "Team Wiki", "authorize.code_challenge.missing",
			"token.grant_type.password", "not yet", "Write mode enforce", "https://wiki-staging.example.com/callback",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page lacks %q", screen.Name, want)
			}
		}
		if browser.Evaluate[bool](tab, `document.getElementById('pause').checkVisibility()`) {
			t.Errorf("%s: there is a button that does nothing", screen.Name)
		}
	}
	tab.Quiet()
}
