package clients

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// When an instance that is not the fetcher asks all the same.
const (
	// emptyPatience is how long an instance that has nothing waits for what another one delivers, or for a storage; stalePatience is how long one with an old directory does.
	emptyPatience = 5 * time.Second
	stalePatience = 10 * time.Second
	// silentIntervals is for how many intervals an instance must have heard nothing of a fetcher, which means that it can neither share nor become the fetcher.
	silentIntervals = 2
	// failingIntervals is for how many refresh intervals the source must have failed at the fetcher. Perhaps it does not fail here: each instance has a token and a network of its own.
	failingIntervals = 5
)

// signs are what is known of the fetcher.
type signs struct {
	mutex sync.Mutex
	// heard is when its last heartbeat was found, by the clock of this instance; found says that there was one.
	heard time.Time
	found bool
	// failing is since when the source fails there; zero if it does not.
	failing time.Time
	// leaveAlone says that the source wants to be left alone.
	leaveAlone bool
}

func (s *signs) hear(now time.Time, heartbeat Heartbeat) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.heard, s.found, s.leaveAlone = now, true, heartbeat.LeaveAlone
	switch {
	case heartbeat.Error == "":
		s.failing = time.Time{}
	case s.failing.IsZero():
		s.failing = now
	}
}

// silence notes that there is no fetcher for now.
func (s *signs) silence() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failing, s.leaveAlone = time.Time{}, false
}

// failingSince is since when the source fails at the fetcher; zero if it does not.
func (s *signs) failingSince() time.Time {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.failing
}

// askAlone asks the source when what the fetcher delivers is not enough, until the context ends. It does not use the archive, so no storage can hold it up. Who can read the source
// though the fetcher cannot claims the role.
func (s *share) askAlone(ctx context.Context) {
	a := alone{share: s, begun: s.now(), jitter: rand.N(s.settings.Refresh)}
	if s.Directory() == nil {
		a.first = emptyPatience
	} else if s.now().Sub(s.current.Load().state.LastSuccess) > s.limits.stale {
		a.first = stalePatience
	}
	for sleep(ctx, min(max(s.settings.Refresh/4, fastest), emptyPatience)) {
		if s.current.Load().state.Fetching {
			continue
		}
		due, how := a.due()
		if due {
			a.asked = s.now()
			_ = s.load(ctx, how)
		}
		if a.better() {
			select {
			case s.claims <- struct{}{}:
			default:
			}
		}
	}
}

// alone is an instance that is not the fetcher.
type alone struct {
	*share
	// begun is when it began, and first how long from then on it waits for others before it asks the first time; zero means that what it has is good.
	begun time.Time
	first time.Duration
	// asked is when it asked last.
	asked  time.Time
	jitter time.Duration
}

// due reports whether the source is to be asked now, and whether the state shows if that fails; where there is a fetcher, the state shows what that one says.
func (a *alone) due() (due bool, how volume) {
	now := a.now()
	a.signs.mutex.Lock()
	defer a.signs.mutex.Unlock()
	how = loud
	if a.signs.found {
		how = quiet
	}
	switch {
	case now.UnixNano() < a.leaveAlone.Load():
		return false, how
	case now.Sub(a.signs.heard) > silentIntervals*a.interval:
		return now.Sub(a.asked) >= a.settings.Refresh, loud
	case a.signs.leaveAlone:
		return false, how
	case a.asked.IsZero() && a.first > 0 && now.Sub(a.begun) >= a.first && now.Sub(a.current.Load().state.LastSuccess) > a.limits.stale:
		return true, how
	}
	failing := a.signs.failing
	return !failing.IsZero() && now.Sub(later(failing, a.asked)) >= failingIntervals*a.settings.Refresh+a.jitter, how
}

// better reports whether the source was read here since it fails at the fetcher, or not long before that, and not just for a moment.
func (a *alone) better() bool {
	failing, own, now := a.signs.failingSince(), a.parcels.unstored(), a.now()
	return !failing.IsZero() && !own.IsZero() && now.Sub(failing) >= a.settings.Refresh && now.Sub(own) < failingIntervals*a.settings.Refresh
}
