package clients

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"
)

// share is how the instances with one archive agree on the one that asks the source for all, the fetcher.
//
// The fetcher stores a heartbeat four times in an interval, or a little more often. The others look four times for it, and for what it delivers. They never compare its clock with theirs; what counts is for how long
// a heartbeat has been the same here. When it has for more than an interval, one of them takes the role. So it does not matter whether the lock of a dead fetcher looks alive, as it may
// with Caddy's storage in files: there a process that gave a lock back goes on to keep the file fresh if somebody else takes the lock within five seconds.
//
// The lock of the storage makes that one alone takes the role. Where it cannot be had, heartbeats are enough: of two fetchers the one with the lower term steps back when it finds the heartbeat of
// the other.
type share struct {
	*Live
	archive *Archive
	// interval is the refresh interval, or less: a fetcher that asks once in an hour can be missed sooner than that.
	interval time.Duration
	// jitter lets instances that wait for the same one lose their patience one after the other.
	jitter time.Duration

	// seen is the heartbeat that was found last, and since for how long it has been there; empty says that there was none.
	seen  Heartbeat
	since time.Time
	empty bool
	// took is how long the last look at the archive took.
	took time.Duration
	// failed says that the source failed when this instance was the fetcher.
	failed bool

	// claims says that this instance can read the source though the fetcher cannot.
	claims chan struct{}
	signs  signs
}

const (
	// longestInterval bounds how long a dead fetcher is waited for.
	longestInterval = time.Minute
	// heartbeats is how many there are in an interval at least, and how many looks for them.
	heartbeats = 4
	// settle is how long a role that was given up stays free, so that Caddy's storage in files notices that the lock is gone.
	settle = 6 * time.Second
	// lockPatience is how long the lock is waited for. Who has it is about to store a heartbeat.
	lockPatience = 2 * time.Second
)

var errHeld = errors.New("clients storage: lock: somebody who gives no other sign of life holds it")

func newShare(live *Live, archive *Archive) *share {
	interval := min(live.settings.Refresh, longestInterval)
	live.parcels.share()
	live.change(func(d *delivery) { d.state.StorageKey = archive.key })
	return &share{
		Live: live, archive: archive, interval: interval, jitter: rand.N(interval / 4), since: live.now(),
		claims: make(chan struct{}, 1), signs: signs{heard: live.now()},
	}
}

// rhythm is the time from one heartbeat to the next, and from one look for it to the next.
func (s *share) rhythm() time.Duration { return max(s.interval/heartbeats, fastest) }

// run follows the fetcher, or is the fetcher, until the context ends.
func (s *share) run(ctx context.Context) {
	if !s.takeTurn(ctx) {
		return
	}
	defer s.giveTurn()
	s.archive.saw(s.version)
	for {
		claims, vacant := s.follow(ctx)
		if !vacant {
			return
		}
		if claims {
			// The lock belongs to the fetcher, which gives it back when it finds the heartbeat.
			s.lead(ctx, nil)
			continue
		}
		release, err := s.lock(ctx)
		// Somebody may have been faster.
		if s.look(ctx); s.vacant() > 0 || ctx.Err() != nil {
			if release != nil {
				release()
			}
			continue
		}
		s.note(locking, err)
		s.lead(ctx, release)
	}
}

// follow takes over what the fetcher delivers, until the role can be had, or this instance claims it, or the context ends.
func (s *share) follow(ctx context.Context) (claims, vacant bool) {
	for ctx.Err() == nil {
		s.look(ctx)
		wait := s.vacant()
		if wait <= 0 {
			return false, true
		}
		wait = min(wait, s.rhythm())
		if s.Directory() == nil && s.seen.Error == "" {
			wait = min(wait, time.Second) // the first list is on its way
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-s.claims:
			// A claim may have been left from an earlier fetcher.
			claims = !s.signs.failingSince().IsZero()
		}
		timer.Stop()
		if claims {
			return true, true
		}
	}
	return false, false
}

// look takes over what is new in the archive, and notes what it says about the fetcher.
func (s *share) look(ctx context.Context) {
	begin := s.now()
	_ = s.restore(ctx, s.archive)
	var heartbeat Heartbeat
	err := s.using(watching, func() (err error) {
		heartbeat, err = s.archive.Heartbeat(ctx)
		if s.empty = errors.Is(err, fs.ErrNotExist); s.empty {
			return nil
		}
		return err
	})
	s.took = s.now().Sub(begin)
	if err == nil && !s.empty {
		s.find(heartbeat)
	}
}

// find notes a heartbeat of another instance, if it is a new one.
func (s *share) find(heartbeat Heartbeat) {
	if heartbeat != s.seen {
		s.seen, s.since = heartbeat, s.now()
		s.hear(heartbeat)
	}
}

// hear notes what a heartbeat of another instance says.
func (s *share) hear(heartbeat Heartbeat) {
	if heartbeat.Released {
		s.signs.silence()
		return
	}
	// What went wrong here when it was this one's turn is over.
	for _, use := range []use{locking, beating, storing} {
		s.note(use, nil)
	}
	s.signs.hear(s.now(), heartbeat)
	s.change(func(d *delivery) {
		d.state.Fetcher = heartbeat.Instance
		if heartbeat.Error == "" || !heartbeat.Attempted.Before(d.state.LastSuccess) {
			d.state.LastError = heartbeat.Error
		}
	})
}

// vacant is the time until the role can be had, as things are; zero or less means now.
func (s *share) vacant() time.Duration {
	now := s.now()
	switch {
	case s.empty && s.seen.Term == 0:
		return 0
	case s.seen.Released:
		// A clock that is wrong does no harm here.
		return earlier(s.since, s.seen.Time).Add(min(settle, s.interval) + s.jitter/8).Sub(now)
	}
	patience := s.interval + s.jitter + heartbeats*s.took
	if s.failed {
		patience += s.interval / 2 // others may do better
	}
	return s.since.Add(patience).Sub(now)
}

// lock takes the lock, if it is free, or its holder gives no other sign of life. The error says why it could not be had.
func (s *share) lock(ctx context.Context) (release func(), err error) {
	if s.now().Sub(s.since) > s.interval {
		_ = s.archive.Depose(ctx) // if that is not possible, locking may be
	}
	limited, cancel := context.WithTimeout(ctx, min(lockPatience, s.interval/2))
	defer cancel()
	begin := s.now()
	if release, err = s.archive.Lead(limited); ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		if err = errHeld; s.now().Sub(begin) > slowStorage {
			err = errSlow
		}
	}
	return release, err
}

// lead is the fetcher until the context ends, or another instance has taken the role. Release gives the lock back; nil means that it is not held.
func (s *share) lead(ctx context.Context, release func()) {
	term, stop := context.WithCancel(ctx)
	defer stop()
	yield := sync.OnceFunc(func() {
		s.parcels.close()
		s.change(func(d *delivery) { d.state.Fetching = false })
	})
	// A storage that hangs must not make it look as if this instance still fetched.
	context.AfterFunc(term, yield)
	s.parcels.open()
	s.change(func(d *delivery) { d.state.Fetching, d.state.Fetcher = true, s.settings.Instance })
	due := max(0, s.due())
	own := Heartbeat{Term: s.seen.Term + 1, Holder: newHolder(), Instance: s.settings.Instance}
	var group sync.WaitGroup
	group.Go(func() { s.ask(term, due) })
	var writer Heartbeat
	group.Go(func() {
		if writer = s.store(term, own); writer.Term > 0 {
			stop()
		}
	})
	p := pulse{share: s, release: release, next: own}
	successor := p.beat(term)
	stop()
	yield()
	group.Wait()
	s.failed = s.current.Load().state.LastError != ""
	if writer.above(successor) {
		successor = writer
	}
	if successor.Term == 0 {
		p.end(ctx)
	} else {
		s.find(successor)
	}
	// Else the lock is that of the other one.
	if p.release != nil && !successor.Locked {
		p.release()
	}
}

// store stores what the source delivers, until the context ends, or another instance turns out to do so in a term above this one's, whose heartbeat it returns then.
func (s *share) store(ctx context.Context, own Heartbeat) (successor Heartbeat) {
	for {
		parcel, ok := s.parcels.next(ctx)
		if !ok {
			return Heartbeat{}
		}
		var manifest Manifest
		err := s.using(storing, func() (err error) {
			manifest, err = s.put(ctx, parcel)
			// Of two that took the role at the same time the one may have written last, and the other have the higher heartbeat. If both stepped back, nobody would fetch.
			for errors.Is(err, ErrOvertaken) {
				if successor, err = s.archive.successor(ctx, own); err != nil {
					return err
				}
				manifest, err = s.put(ctx, parcel)
			}
			return err
		})
		if errors.Is(err, ErrOvertaken) {
			return successor
		}
		if err == nil {
			s.note(reading, nil)
			s.version, s.received = manifest.Version, s.now()
			s.parcels.settle(parcel.fetched)
		}
	}
}

// put writes a snapshot, or only that the one which is there is still good.
func (s *share) put(ctx context.Context, p parcel) (Manifest, error) {
	if p.snapshot == nil {
		return s.archive.Touch(ctx, p.revision, p.fetched, s.settings.Instance)
	}
	return s.archive.Write(ctx, p.snapshot, p.fetched, s.settings.Instance)
}

// pulse is the heartbeat of one term.
type pulse struct {
	*share
	next    Heartbeat
	release func()
}

// beat stores heartbeats until the context ends, or another instance has taken the role, whose heartbeat it returns then.
func (p *pulse) beat(ctx context.Context) (successor Heartbeat) {
	for tried := p.now(); ; {
		state := p.current.Load().state
		p.next.Number++
		p.next.Locked, p.next.Attempted, p.next.Error = p.release != nil, state.LastAttempt, state.LastError
		p.next.LeaveAlone = p.now().UnixNano() < p.leaveAlone.Load()
		var stored Heartbeat
		err := p.using(beating, func() (err error) {
			stored, err = p.archive.Beat(ctx, p.next)
			return err
		})
		if errors.Is(err, ErrOvertaken) {
			return stored
		}
		if err == nil {
			p.note(watching, nil)
			// Who stood still must not take the lock of its successor.
			if p.release == nil && p.now().Sub(tried) > p.interval {
				p.release, err = p.lock(ctx)
				p.note(locking, err)
				tried = p.now()
				continue
			}
		}
		// Two that took the role at the same moment must not go on at the same moments, at which they might miss each other again and again.
		if !sleep(ctx, p.rhythm()-rand.N(p.rhythm()/4)) {
			return Heartbeat{}
		}
	}
}

// end says that the role is free, so that nobody has to wait.
func (p *pulse) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
	defer cancel()
	p.next.Number++
	p.next.Released, p.next.Locked = true, false
	_, _ = p.archive.Beat(ctx, p.next)
}
