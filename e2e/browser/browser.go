// Package browser lets tests use Chromium as a person does: see pages, fill in forms, and notice what a page complains about.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/chromedp/chromedp"
)

// Options are the settings of a browser.
type Options struct {
	// Authority is the path of a PEM file with a certificate authority that the browser is to trust, as Caddy's internal one.
	Authority string
}

// Browser is one running Chromium with a home of its own, so that several test programs can have one at the same time.
type Browser struct {
	context context.Context
	stop    []func()
}

// Start starts Chromium. A missing browser is an error.
func Start(options Options) (*Browser, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "oauth-guard-browser-")
	if err != nil {
		return nil, err
	}
	started := &Browser{stop: []func(){func() { _ = os.RemoveAll(home) }}}
	if options.Authority != "" {
		if err := trust(home, options.Authority); err != nil {
			started.Stop()
			return nil, err
		}
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), slices.Concat(chromedp.DefaultExecAllocatorOptions[:],
		[]chromedp.ExecAllocatorOption{
			chromedp.ExecPath(path),
			chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_DATA_HOME="+home),
			chromedp.NoSandbox, // the tests may run as root, and load nothing but their own pages
			chromedp.DisableGPU,
			// Some pages of servers would load fonts from elsewhere.
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost"),
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", true),
		})...)
	started.stop = append(started.stop, stop)
	var closeFirst context.CancelFunc
	started.context, closeFirst = chromedp.NewContext(allocator)
	started.stop = append(started.stop, closeFirst)
	if err := chromedp.Do(started.context); err != nil {
		started.Stop()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	return started, nil
}

// Stop ends Chromium and removes its home.
func (b *Browser) Stop() {
	for _, stop := range slices.Backward(b.stop) {
		stop()
	}
}

// find looks for Chromium where Debian has it first.
func find() (string, error) {
	names := []string{"/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("none of %q is there: the tests need Chromium", names)
}

// trust adds a certificate authority to the database in a home where Chromium looks for those that the user trusts.
func trust(home, authority string) error {
	const tool = "certutil"
	if _, err := exec.LookPath(tool); err != nil {
		return fmt.Errorf("%w: it is in Debian's package libnss3-tools", err)
	}
	folder := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	database := "sql:" + folder
	for _, arguments := range [][]string{
		{"-d", database, "-N", "--empty-password"},
		{"-d", database, "-A", "-t", "C,,", "-n", "tests", "-i", authority},
	} {
		if output, err := exec.Command(tool, arguments...).CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("%s %q: %w", tool, arguments, err), errors.New(string(output)))
		}
	}
	return nil
}
