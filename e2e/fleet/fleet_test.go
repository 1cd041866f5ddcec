// Package fleet_test runs several Caddys with the guard in front of one stand-in for a Hub, as processes of their own that share a storage, and lets everything go wrong that can:
// the Hub, the storage, the instances. All the while requests come in, and every one of them has to be judged rightly.
package fleet_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// All secrets of the tests have the same beginning, as those of the stand-in have, so that one search finds each of them wherever it was written.
const (
	planted     = "planted-"
	readToken   = "perm:" + planted + "token-to-read"
	reportToken = "perm:" + planted + "token-to-report"
)

// The programs that the tests start, compiled once. The race detector watches the tests only: with it, three Caddys would need more processors than a small machine has.
var (
	caddyProgram string
	hubProgram   string
)

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	folder, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	// One test runs Caddy as another user, who has to reach the program.
	if err := os.Chmod(folder, 0o711); err != nil {
		return 1, err
	}
	caddyProgram = filepath.Join(folder, "guarded-caddy")
	build := exec.Command("go", "build", "-o", caddyProgram, "./cmd/guarded-caddy")
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building Caddy: %w\n%s", err, output)
	}
	if hubProgram, err = hubtest.Build(folder); err != nil {
		return 1, err
	}
	// Most tests wait most of the time, so more of them can run at once than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// startHub starts a stand-in with made-up services besides those that every Hub has.
func startHub(t testing.TB, services int) *hubtest.Process {
	t.Helper()
	hub, err := hubtest.StartProcess(hubProgram, hubtest.Config{
		Tokens: map[string]hubtest.Permission{readToken: hubtest.ReadAll, reportToken: hubtest.Write}, Generate: services,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hub.Kill() }) // a second time does no harm
	return hub
}

// everyHub is how many services a stand-in has that were not asked for.
var everyHub = len(hubtest.DefaultServices())

// must ends the test at an error of what only prepares it.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pause is how long to wait before a look at another process, which cannot tell by itself, is repeated.
const pause = 25 * time.Millisecond

// within waits until something is so, and returns how long that took. If it is not so in time, the test ends, and says what is the case instead.
func within(t testing.TB, limit time.Duration, what string, is func() (bool, any)) time.Duration {
	t.Helper()
	start := time.Now()
	for {
		holds, found := is()
		took := time.Since(start)
		switch {
		case holds && took <= limit:
			t.Logf("%s after %s", what, took.Round(10*time.Millisecond))
			return took
		case took > limit:
			t.Fatalf("not within %s: %s; %v", limit, what, found)
		}
		time.Sleep(pause)
	}
}

// lists are the requests at the stand-in that began to read the list of services.
func lists(t testing.TB, hub *hubtest.Process) []hubtest.Request {
	t.Helper()
	requests, err := hub.Control.Requests()
	must(t, err)
	return slices.DeleteFunc(requests, func(r hubtest.Request) bool {
		return r.Kind != hubtest.List || !strings.Contains(r.URI+"&", "$skip=0&") && !strings.Contains(r.URI+"&", "%24skip=0&")
	})
}
