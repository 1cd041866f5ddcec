package page_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

func TestAccessibility(t *testing.T) {
	tab := chromium.Open(t)
	addresses := allPages(t)
	addresses["button"] = buttonPage(t)
	for name, address := range addresses {
		for _, screen := range []browser.Screen{browser.PhoneLight, browser.PhoneDark, browser.DesktopLight, browser.DesktopDark} {
			tab.Show(screen, address)
			tab.Accessible(name + " on " + screen.Name)
		}
	}
}

// TestAccessibilityCheck proves that the check finds something on a page that is bad.
func TestAccessibilityCheck(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><p style="color: #aaa; background: #bbb">unreadable</p><img src="data:,">`)
	})
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, server.URL)
	ids := map[string]bool{}
	for _, violation := range tab.Inspect().Violations {
		ids[violation.ID] = true
	}
	for _, want := range []string{"color-contrast", "document-title", "html-has-lang", "image-alt"} {
		if !ids[want] {
			t.Errorf("%s was not found: %v", want, ids)
		}
	}
}
