package clients

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told are the reports that a server got.
type told struct {
	failing atomic.Bool
	mutex   sync.Mutex
	list    []string
}

// report implements [Report].
func (t *told) report(_ context.Context, clientID, redirectURI, from string) error {
	if t.failing.Load() {
		return errors.New("403")
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.list = append(t.list, clientID+" "+redirectURI+" "+from)
	return nil
}

// all returns the reports so far.
func (t *told) all() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.list)
}

// reporting runs a reporter.
func reporting(t *testing.T) (*reporter, *told) {
	t.Helper()
	server := new(told)
	r := newReporter(server.report)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return r, server
}

func TestReportOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, server := reporting(t)
		for range 5 {
			r.add("app", "https://app.example/new", "192.0.2.1")
			r.add("app", "https://app.example/new", "192.0.2.2")
			r.add("other", "https://app.example/new", "192.0.2.1")
		}
		time.Sleep(time.Minute)
		want := []string{"app https://app.example/new 192.0.2.1", "other https://app.example/new 192.0.2.1"}
		if difference := cmp.Diff(want, server.all()); difference != "" {
			t.Errorf("(-want, +got):\n%s", difference)
		}
		// The administrator may have overlooked it.
		time.Sleep(reportMemory)
		r.add("app", "https://app.example/new", "192.0.2.1")
		time.Sleep(time.Minute)
		if len(server.all()) != 3 {
			t.Errorf("told %d times", len(server.all()))
		}
	})
}

// TestReportFlood sends many URIs of many clients.
func TestReportFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, server := reporting(t)
		for i := range 20 * 60 {
			for client := range 5 {
				for range 10 {
					r.add(fmt.Sprint("client-", client), fmt.Sprintf("https://app.example/%d", i), "192.0.2.1")
				}
			}
			time.Sleep(time.Second)
		}
		if n := len(server.all()); n != 5*reportsPerClient {
			t.Errorf("told %d times, want %d", n, 5*reportsPerClient)
		}
		for i := range 10 * reportsPerDay {
			r.add(fmt.Sprint("many-", i), "https://app.example/", "192.0.2.1")
			time.Sleep(time.Second)
		}
		if n := len(server.all()); n != reportsPerDay {
			t.Errorf("told %d times, want %d", n, reportsPerDay)
		}
	})
}

// TestReportNothingOdd expects that what an administrator could not approve is not reported.
func TestReportNothingOdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, server := reporting(t)
		for _, uri := range []string{
			"", "/relative", "javascript:alert(1)", "https://app.example/#f", "https://user:secret@app.example/", "https://app.example/<script>",
			"https://app.example/\r\nX: y", "https://app.example/" + strings.Repeat("a", reportLength),
		} {
			r.add("app", uri, "192.0.2.1")
		}
		r.add("app", "https://app.example/", strings.Repeat("9", reportAddressLength+1))
		time.Sleep(time.Hour)
		if len(server.all()) != 0 {
			t.Errorf("told %q", server.all())
		}
	})
}

// TestReportFailure expects that a server in trouble is left alone for a while, and that requests never wait.
func TestReportFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, server := reporting(t)
		server.failing.Store(true)
		began := time.Now()
		for i := range 10 * reportsWaiting {
			r.add("app", fmt.Sprintf("https://app.example/%d", i), "192.0.2.1")
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("requests waited %v", waited)
		}
		time.Sleep(reportFailurePause * 3)
		server.failing.Store(false)
		time.Sleep(time.Hour)
		if n := len(server.all()); n != reportsPerClient {
			t.Errorf("told %d times", n)
		}
	})
}

// TestReportsAreCounted expects that the state says what became of reports, and that trouble is told once, though it names another client each time.
func TestReportsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := true
		live := NewLive("hub", source("a"), LiveSettings{Report: func(_ context.Context, clientID, _, _ string) error {
			if refused {
				return fmt.Errorf("POST /services/%s: 403", clientID)
			}
			return nil
		}})
		told := 0
		live.SetObserver(func(_ State, change Change) {
			if change.Report {
				told++
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			live.Run(ctx, nil)
		}()
		for i := range 3 {
			live.reporter.add(fmt.Sprint("app-", i), "https://app.example/", "192.0.2.1")
		}
		time.Sleep(10 * time.Minute)
		if state := live.State(); told != 1 || state.Reports != (Reports{Failed: 3}) || !strings.HasSuffix(state.ReportError, ": 403") {
			t.Errorf("told %d times: %+v", told, state)
		}
		refused = false
		for i := range reportsPerClient + 5 {
			live.reporter.add("app", fmt.Sprint("https://app.example/", i), "192.0.2.1")
			live.reporter.add("app", fmt.Sprint("https://app.example/", i), "192.0.2.1")
		}
		time.Sleep(10 * time.Minute)
		// Those that were reported before are not dropped.
		if state := live.State(); told != 2 || state.Reports.Sent != reportsPerClient || state.Reports.Dropped != 10 || state.ReportError != "" {
			t.Errorf("told %d times: %+v", told, state)
		}
		stop()
		<-done
		// The next configuration does not report again what was reported.
		ctx, stop = context.WithCancel(t.Context())
		defer stop()
		go live.Run(ctx, nil)
		live.reporter.add("app", "https://app.example/0", "192.0.2.1")
		time.Sleep(10 * time.Minute)
		if state := live.State(); state.Reports.Sent != reportsPerClient {
			t.Errorf("%+v", state)
		}
	})
}
