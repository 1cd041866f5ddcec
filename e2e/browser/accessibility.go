package browser

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"

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

// Accessibility is what axe-core says about a page.
type Accessibility struct {
	Passes     []Finding `json:"passes"`
	Violations []Finding `json:"violations"`
	// Incomplete is what axe-core could not decide.
	Incomplete []Finding `json:"incomplete"`
}

// Finding is one rule of axe-core with the elements that it is about.
type Finding struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Inspect runs axe-core in the page of the tab, with every rule that it has. The policy of the page does not apply to it.
func (b *Tab) Inspect() Accessibility {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	Evaluate[chromedp.Void](b, source)
	return Evaluate[Accessibility](b, `axe.run(document)`)
}

// Accessible fails the test for everything that axe-core finds wrong with the page of the tab, or cannot decide, unless the reason holds one of the texts of undecided.
func (b *Tab) Accessible(name string, undecided ...string) {
	b.t.Helper()
	found := b.Inspect()
	if len(found.Passes) < 15 {
		b.t.Errorf("%s: only %d checks ran", name, len(found.Passes))
	}
	for _, problem := range slices.Concat(found.Violations, found.Incomplete) {
		for _, node := range problem.Nodes {
			if !slices.ContainsFunc(undecided, func(reason string) bool { return strings.Contains(node.FailureSummary, reason) }) {
				b.t.Errorf("%s: %s (%s): %.200s: %s", name, problem.Help, problem.ID, node.HTML, node.FailureSummary)
			}
		}
	}
}

// ColourSchemes fails the test unless the page at the address is light on a screen that prefers light, and dark on one that prefers dark.
func (b *Tab) ColourSchemes(address string) {
	b.t.Helper()
	// luminance is the sum of the three components.
	const luminance = `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0)`
	b.Show(DesktopLight, address)
	light := Evaluate[int](b, luminance)
	b.Show(DesktopDark, address)
	dark := Evaluate[int](b, luminance)
	if light < 600 || dark > 150 {
		b.t.Errorf("background: light %d, dark %d of 765", light, dark)
	}
}
