package clients

import (
	"context"
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
	}
}

// run reports until the context ends: each redirect URI of a client once a day, and not too many of them.
func (r *reporter) run(ctx context.Context) {
	var reported map[refusal]struct{}
	var perClient map[string]int
	var forget time.Time
	for {
		var next refusal
		select {
		case <-ctx.Done():
			return
		case next = <-r.queue:
		}
		if now := time.Now(); now.After(forget) {
			reported, perClient, forget = make(map[refusal]struct{}), make(map[string]int), now.Add(reportMemory)
		}
		key := refusal{clientID: next.clientID, redirectURI: next.redirectURI}
		if _, known := reported[key]; known || perClient[next.clientID] >= reportsPerClient || len(reported) >= reportsPerDay {
			continue
		}
		pause := reportPause
		attempt, cancel := context.WithTimeout(ctx, reportPatience)
		if err := r.report(attempt, next.clientID, next.redirectURI, next.from); err != nil {
			pause = reportFailurePause
		} else {
			reported[key] = struct{}{}
			perClient[next.clientID]++
		}
		cancel()
		if !sleep(ctx, pause) {
			return
		}
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
