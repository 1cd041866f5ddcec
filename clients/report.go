package clients

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Report tells a server of a redirect URI that was refused because it is not registered for the client, so that its administrator can see and approve it there as before. From is the
// address that the request came from.
type Report func(ctx context.Context, clientID, redirectURI, from string) error

// The bounds of what is reported. Everybody can make up redirect URIs, and an administrator has to look at each.
const (
	reportsWaiting      = 100
	reportsPerClient    = 10
	reportsPerDay       = 1000
	reportLength        = 1024
	reportPause         = time.Second
	reportPatience      = 10 * time.Second
	reportMemory        = 24 * time.Hour
	reportFailurePause  = time.Minute
	reportAddressLength = 64
)

// refusal is one redirect URI that was refused.
type refusal struct {
	clientID, redirectURI, from string
}

// reporter reports refusals one after the other. Requests only put them into its queue.
type reporter struct {
	report Report
	queue  chan refusal
	// outcome hears how each report went; nil means nobody.
	outcome func(error)

	sent, failed, dropped atomic.Uint64

	// mutex protects what was reported since the last time that all was forgotten. One goroutine at a time reports.
	mutex     sync.Mutex
	reported  map[refusal]struct{}
	perClient map[string]int
	forget    time.Time
}

// newReporter returns nil if nothing is to be reported.
func newReporter(report Report) *reporter {
	if report == nil {
		return nil
	}
	return &reporter{report: report, queue: make(chan refusal, reportsWaiting)}
}

// add puts a refusal into the queue, unless that is full, or the redirect URI is nothing that an administrator could approve.
func (r *reporter) add(clientID, redirectURI, from string) {
	if len(redirectURI) > reportLength || len(from) > reportAddressLength || redirecturi.Inspect(redirectURI) != 0 {
		return
	}
	select {
	case r.queue <- refusal{clientID, redirectURI, from}:
	default:
		r.dropped.Add(1)
	}
}

// run reports until the context ends: each redirect URI of a client once a day, and not too many of them.
func (r *reporter) run(ctx context.Context) {
	for pause := time.Duration(0); sleep(ctx, pause); {
		select {
		case <-ctx.Done():
			return
		case next := <-r.queue:
			pause = r.tell(ctx, next)
		}
	}
}

// tell reports a refusal, unless that was done, or there were too many, and returns how long to wait until the next one.
func (r *reporter) tell(ctx context.Context, next refusal) (pause time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if now := time.Now(); now.After(r.forget) {
		r.reported, r.perClient, r.forget = make(map[refusal]struct{}), make(map[string]int), now.Add(reportMemory)
	}
	key := refusal{clientID: next.clientID, redirectURI: next.redirectURI}
	if _, known := r.reported[key]; known {
		return 0
	}
	if r.perClient[next.clientID] >= reportsPerClient || len(r.reported) >= reportsPerDay {
		r.dropped.Add(1)
		return 0
	}
	attempt, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	err := r.report(attempt, next.clientID, next.redirectURI, next.from)
	// The end of a configuration says nothing about the server.
	if err != nil && ctx.Err() != nil {
		return 0
	}
	pause = reportPause
	if err != nil {
		pause = reportFailurePause
		r.failed.Add(1)
	} else {
		r.reported[key] = struct{}{}
		r.perClient[next.clientID]++
		r.sent.Add(1)
	}
	if r.outcome != nil {
		r.outcome(err)
	}
	return pause
}

// counts is what became of all reports.
func (r *reporter) counts() Reports {
	return Reports{Sent: r.sent.Load(), Failed: r.failed.Load(), Dropped: r.dropped.Load()}
}

// reported keeps how the last report went.
func (f *Feed) reported(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if f.current.Load().state.ReportError != text {
		f.change(func(d *delivery) { d.state.ReportError = text })
	}
}

// Refused tells the source that knows the client of a redirect URI that was refused because it is not registered. It does not wait for anything.
func (c *Chain) Refused(clientID, redirectURI, from string) {
	for _, feed := range c.feeds {
		directory := feed.Directory()
		if directory == nil {
			continue
		}
		if _, standing := directory.Find(clientID); standing == rule.Known {
			if feed.reporter != nil {
				feed.reporter.add(clientID, redirectURI, from)
			}
			return
		}
	}
}
