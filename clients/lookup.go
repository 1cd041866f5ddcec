package clients

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Finder is a source that can be asked for one client.
type Finder interface {
	Source
	// Lookup returns the client of that ID, or neither a client nor an error if the source says that there is none.
	Lookup(ctx context.Context, id string) (*Registration, error)
}

// LookupLimits bound the questions for single clients.
type LookupLimits struct {
	// PerMinute is how many questions may be sent to the source in any minute; zero means that it is not asked.
	PerMinute int
	// Timeout is how long a request may wait for an answer. Default: 2 seconds.
	Timeout time.Duration
}

// defaultLookupTimeout is short, because a browser waits meanwhile.
const defaultLookupTimeout = 2 * time.Second

// maxAnswers bounds the memory for answers between two loads. It is far above what a sane rate allows.
const maxAnswers = 10_000

// lookups ask a source for single clients: one question at a time for each ID, and not more than the limits allow, however many requests there are. It keeps
// answers until the next load of the source.
type lookups struct {
	finder  Finder
	limiter *rate.Limiter
	timeout time.Duration
	flights singleflight.Group
	// asking counts the questions that are under way.
	asking atomic.Int64

	found, absent, failed, spared atomic.Uint64
}

// newLookups returns nil if the source cannot be asked, or may not be.
func newLookups(source Source, limits LookupLimits) *lookups {
	finder, able := source.(Finder)
	if !able || limits.PerMinute <= 0 {
		return nil
	}
	if limits.Timeout <= 0 {
		limits.Timeout = defaultLookupTimeout
	}
	// A bucket lets through its size at once, and then what flows in. So that no minute exceeds the limit, both together must not.
	burst := max(1, limits.PerMinute/4)
	flow := rate.Limit(float64(limits.PerMinute-burst) / time.Minute.Seconds())
	if limits.PerMinute == 1 {
		flow = rate.Every(time.Minute)
	}
	return &lookups{finder: finder, limiter: rate.NewLimiter(flow, burst), timeout: limits.Timeout}
}

// asksFor reports whether a source is asked for that ID: what Hub makes, or lets administrators choose, and nothing that could mean something in a path.
func asksFor(id string) bool {
	if id == "" || len(id) > 128 || id == "." || id == ".." {
		return false
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ask makes sure that the feed's directory says about an ID what its source says, and reports whether it is registered. Requests for the same ID wait for one answer.
// Without an answer in time nothing is learned.
func (l *lookups) ask(ctx context.Context, feed *Feed, id string) (known bool) {
	directory := feed.Directory()
	if directory == nil {
		return false
	}
	if _, standing := directory.Find(id); standing != rule.Askable {
		return standing == rule.Known
	}
	// Nobody has an answer to wait for if the rate is spent and nothing is being asked. A flood must not cost more than this.
	if l.asking.Load() == 0 && l.limiter.Tokens() < 1 {
		l.spared.Add(1)
		return false
	}
	answer := l.flights.DoChan(id, func() (any, error) {
		if !l.limiter.Allow() {
			l.spared.Add(1)
			return false, nil
		}
		l.asking.Add(1)
		defer l.asking.Add(-1)
		// The answer is worth having even if the request that asked for it is gone.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
		defer cancel()
		return l.question(ctx, feed, id), nil
	})
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	select {
	case result := <-answer:
		known, _ = result.Val.(bool)
	case <-ctx.Done():
	case <-timer.C:
	}
	return known
}

// question asks the source, and keeps its answer.
func (l *lookups) question(ctx context.Context, feed *Feed, id string) (known bool) {
	asked := feed.current.Load().base
	registration, err := l.finder.Lookup(ctx, id)
	switch {
	case err != nil || registration != nil && registration.ID != id && !registration.hasAlias(id):
		l.failed.Add(1)
		return false
	case registration != nil:
		l.found.Add(1)
	default:
		l.absent.Add(1)
	}
	feed.change(func(d *delivery) {
		// A directory that was loaded meanwhile knows better.
		if d.base == asked && d.directory.answers != nil {
			d.directory = d.directory.with(d.directory.answers.and(id, registration))
			if d.state.State == TooOld {
				d.directory = d.directory.age()
			}
		}
	})
	return registration != nil
}

// and is what the answers are with one more.
func (a *answers) and(id string, registration *Registration) *answers {
	if len(a.found)+len(a.absent) >= maxAnswers {
		a = new(answers)
	}
	more := &answers{found: a.found, absent: a.absent}
	if registration == nil {
		more.absent = maps.Clone(a.absent)
		if more.absent == nil {
			more.absent = make(map[string]struct{})
		}
		more.absent[id] = struct{}{}
		return more
	}
	more.found = maps.Clone(a.found)
	if more.found == nil {
		more.found = make(map[string]*rule.Client)
	}
	client := registration.Client
	more.found[id] = &client
	return more
}

// hasAlias reports whether the client is also known by that ID.
func (r *Registration) hasAlias(id string) bool {
	for _, alias := range r.Aliases {
		if alias == id {
			return true
		}
	}
	return false
}

// counts is what became of all questions.
func (l *lookups) counts() Lookups {
	return Lookups{Found: l.found.Load(), Absent: l.absent.Load(), Failed: l.failed.Load(), Spared: l.spared.Load()}
}
