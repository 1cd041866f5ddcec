package clients

import (
	"context"
	"sync"
	"time"
)

// parcel is what a source delivered at one time: a snapshot, or without one the word that the revision is still good.
type parcel struct {
	snapshot *Snapshot
	revision string
	fetched  time.Time
}

// parcels lie between the goroutine that asks the source and the one that stores, so that a slow storage does not hold up the source.
type parcels struct {
	mutex sync.Mutex
	// shared says that there is an archive, opened that this instance stores what it gets.
	shared, opened bool
	// own is when the source delivered something that the archive does not hold; zero if there is nothing like that.
	own time.Time
	// waiting is the last one, which nobody has begun to store.
	waiting *parcel
	ready   chan struct{}
}

func (p *parcels) share() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.shared = true
}

func (p *parcels) open() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.opened = true
}

func (p *parcels) close() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.opened, p.waiting = false, nil
}

// add takes what was delivered. Of what nobody has begun to store, the last counts.
func (p *parcels) add(next parcel) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.shared {
		return
	}
	p.own = next.fetched
	if !p.opened {
		return
	}
	if p.waiting != nil && next.snapshot == nil {
		next.snapshot = p.waiting.snapshot
	}
	p.waiting = &next
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// next waits for one to store.
func (p *parcels) next(ctx context.Context) (parcel, bool) {
	for {
		select {
		case <-ctx.Done():
			return parcel{}, false
		case <-p.ready:
		}
		p.mutex.Lock()
		next := p.waiting
		p.waiting = nil
		p.mutex.Unlock()
		if next != nil {
			return *next, true
		}
	}
}

// unstored is when the source delivered something that the archive does not hold; zero if there is nothing like that.
func (p *parcels) unstored() time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.own
}

// settle notes that the archive holds what was delivered until then.
func (p *parcels) settle(fetched time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if !p.own.After(fetched) {
		p.own = time.Time{}
	}
}
