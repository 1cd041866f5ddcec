package page_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe returns the source of axe-core, a checker for accessibility. It is installed from the lock file if it is missing.
var axe = sync.OnceValues(func() (string, error) {
	const root = ".."
	path := filepath.Join(root, "node_modules", "axe-core", "axe.min.js")
	// Tests of several packages run at the same time, but only one of them may install.
	lock, err := os.Open(filepath.Join(root, "package-lock.json"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		install.Dir = root
		install.Stdout, install.Stderr = os.Stderr, os.Stderr
		if err := install.Run(); err != nil {
			return "", err
		}
	}
	source, err := os.ReadFile(path)
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
func (b *tab) inspect() accessibility {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	evaluate[chromedp.Void](b, source)
	return evaluate[accessibility](b, `axe.run(document)`)
}

func TestAccessibility(t *testing.T) {
	address := errorPages(t)
	tab := open(t)
	addresses := map[string]string{"button": buttonPage(t)}
	for path := range dataSets {
		addresses[path] = address + path
	}
	for name, address := range addresses {
		for _, screen := range []view{phoneLight, phoneDark, desktopLight, desktopDark} {
			tab.show(screen, address)
			found := tab.inspect()
			if len(found.Passes) < 15 {
				t.Errorf("%s on %s: only %d checks ran", name, screen.name, len(found.Passes))
			}
			for _, problem := range slices.Concat(found.Violations, found.Incomplete) {
				for _, node := range problem.Nodes {
					t.Errorf("%s on %s: %s (%s): %.200s: %s", name, screen.name, problem.Help, problem.ID, node.HTML, node.FailureSummary)
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
	tab := open(t)
	tab.show(desktopLight, server.URL)
	ids := map[string]bool{}
	for _, violation := range tab.inspect().Violations {
		ids[violation.ID] = true
	}
	for _, want := range []string{"color-contrast", "document-title", "html-has-lang", "image-alt"} {
		if !ids[want] {
			t.Errorf("%s was not found: %v", want, ids)
		}
	}
}
