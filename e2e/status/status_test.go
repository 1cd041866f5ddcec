// Package status_test looks at the live page of the guards as an operator does: in a real browser, with and without script.
package status_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
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

// TestScreenshots makes the pictures of the documentation, see "go help testflag", -artifacts.
func TestScreenshots(t *testing.T) {
	address := serveSamples(t)
	tab := chromium.Open(t)
	for _, screen := range []browser.Screen{browser.DesktopLight, browser.DesktopDark, browser.PhoneLight, browser.PhoneDark} {
		for _, name := range []string{"full", "empty"} {
			tab.Show(screen, address+"/"+name)
			tab.Screenshot("status-" + name + "-" + screen.Name)
		}
	}
	tab.Quiet()
}
