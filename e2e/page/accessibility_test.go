package page_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// axe returns the source of axe-core, a checker for accessibility.
var axe = sync.OnceValues(func() (string, error) {
	folder, err := packages.Folder()
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	return string(source), err
})

// accessibility is what axe-core says about a page.
type accessibility struct {
	Passes     []finding `json:"passes"`
	Violations []finding `json:"violations"`
	// Incomplete is what axe-core could not decide.
	Incomplete []finding `json:"incomplete"`
}

// finding is one rule of axe-core with the elements that it is about.
type finding struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	} `json:"nodes"`
}

// inspect runs axe-core in the page that the tab shows, with every rule that it has.
func inspect(t *testing.T, tab *browser.Tab) accessibility {
	t.Helper()
	source, err := axe()
	if err != nil {
		t.Fatal(err)
	}
	browser.Evaluate[chromedp.Void](tab, source)
	return browser.Evaluate[accessibility](tab, `axe.run(document)`)
}

func TestAccessibility(t *testing.T) {
	tab := chromium.Open(t)
	addresses := allPages(t)
	addresses["button"] = buttonPage(t)
	for name, address := range addresses {
		for _, screen := range []browser.Screen{browser.PhoneLight, browser.PhoneDark, browser.DesktopLight, browser.DesktopDark} {
			tab.Show(screen, address)
			found := inspect(t, tab)
			if len(found.Passes) < 15 {
				t.Errorf("%s on %s: only %d checks ran", name, screen.Name, len(found.Passes))
			}
			for _, problem := range slices.Concat(found.Violations, found.Incomplete) {
				for _, node := range problem.Nodes {
					t.Errorf("%s on %s: %s (%s): %.200s: %s", name, screen.Name, problem.Help, problem.ID, node.HTML, node.FailureSummary)
				}
			}
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
	for _, violation := range inspect(t, tab).Violations {
		ids[violation.ID] = true
	}
	for _, want := range []string{"color-contrast", "document-title", "html-has-lang", "image-alt"} {
		if !ids[want] {
			t.Errorf("%s was not found: %v", want, ids)
		}
	}
}
