package tally

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// The bounds of what is kept about clients.
const (
	// MaxClients is how many registered clients have a record of their own.
	MaxClients = 10_000
	// maxEntries is how many rules the records of all clients name together.
	maxEntries = 100_000
	// slots is the size of the table of clients, a power of two well above MaxClients.
	slots = 1 << 14
)

// client is the record of one registered client.
type client struct {
	id string
	// hour is the last one, counted from 1970, in which the client was seen, and shapes the shapes of its requests of that hour.
	hour   atomic.Int64
	shapes atomic.Uint64

	mutex                    sync.Mutex
	name                     string
	refused, reported, would uint64    // requests
	first, last              time.Time // of requests with findings
	rules                    []clientRule
	otherFindings            uint64 // of rules beyond the bound
	// stricter are rules of the profile oauth21 that would refuse what passes today.
	stricter []clientRule
}

// clientRule is what is known about one rule and one client.
type clientRule struct {
	index                    int
	refused, reported, would uint64
	last                     time.Time
}

// table finds clients without a lock. It only ever gains clients; to remove some, another table takes its place.
type table struct {
	slots [slots]atomic.Pointer[client]
	count atomic.Int32
}

var seed = maphash.MakeSeed()

// find returns the record of a client and its slot; nil and the slot where it belongs if there is none.
func (b *table) find(id string) (*client, uint64) {
	for slot := maphash.String(seed, id); ; slot++ {
		slot %= slots
		if c := b.slots[slot].Load(); c == nil || c.id == id {
			return c, slot
		}
	}
}

// client is the record of a registered client, a new one if need be; nil if there are too many.
func (t *Tally) client(id string) *client {
	if b := t.clients.Load(); b != nil {
		if c, _ := b.find(id); c != nil || b.count.Load() >= MaxClients {
			return c
		}
	}
	t.changes.Lock()
	defer t.changes.Unlock()
	b := t.clients.Load()
	if b == nil {
		b = new(table)
		t.clients.Store(b)
	}
	c, slot := b.find(id)
	if c == nil && b.count.Load() < MaxClients {
		c = &client{id: strings.Clone(id)} // it is a piece of a directory
		b.slots[slot].Store(c)
		b.count.Add(1)
	}
	return c
}

// Sweep removes the records of clients that are gone. When a client was last seen is told to the hour.
func (t *Tally) Sweep(gone func(clientID string, lastSeen time.Time) bool) {
	t.changes.Lock()
	defer t.changes.Unlock()
	old := t.clients.Load()
	if old == nil {
		return
	}
	kept, entries := new(table), int64(0)
	for i := range old.slots {
		c := old.slots[i].Load()
		if c == nil || gone(c.id, c.lastSeen()) {
			continue
		}
		_, slot := kept.find(c.id)
		kept.slots[slot].Store(c)
		kept.count.Add(1)
		c.mutex.Lock()
		entries += int64(len(c.rules) + len(c.stricter))
		c.mutex.Unlock()
	}
	if kept.count.Load() < old.count.Load() {
		t.clients.Store(kept)
		t.entries.Store(entries)
	}
}

func (c *client) lastSeen() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if watched := time.Unix(c.hour.Load()*3600, 0); watched.After(c.last) {
		return watched
	}
	return c.last
}

// note counts a verdict for the client, and returns its ID and name as they may be kept.
func (c *client) note(t *Tally, v *validators.Verdict, now time.Time) (id, name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.see(v.Client, now)
	switch {
	case v.Decision == validators.Reject:
		c.refused++
	case v.Would() == validators.Reject:
		c.would++
		fallthrough
	default:
		c.reported++
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		r := t.entry(&c.rules, f.Index)
		if r == nil {
			c.otherFindings++
			continue
		}
		r.last = now
		switch {
		case f.Mode == rule.Enforce:
			r.refused++
		case f.Would == rule.Enforce:
			r.would++
			fallthrough
		default:
			r.reported++
		}
	}
	return c.id, c.name
}

// see notes when the client was seen, and what it is called.
func (c *client) see(known *rule.Client, now time.Time) {
	if c.first.IsZero() {
		c.first = now
	}
	c.last = now
	if known != nil && c.id != "" && known.Name != c.name {
		c.name = strings.Clone(known.Name)
	}
}

// entry is the place of a rule in a list, a new one if need be; nil if there are too many.
func (t *Tally) entry(list *[]clientRule, index int) *clientRule {
	place, found := slices.BinarySearchFunc(*list, index, func(r clientRule, index int) int { return r.index - index })
	if !found {
		if t.entries.Load() >= maxEntries {
			return nil
		}
		t.entries.Add(1)
		*list = slices.Insert(*list, place, clientRule{index: index})
	}
	return &(*list)[place]
}

func hourOf(now time.Time) int64 { return now.Unix() / 3600 }

// Watched is a registered client about which something can be learned from a request.
type Watched struct {
	tally  *Tally
	record *client
}

// Watch reports whether a client, by the empty ID all that name none, was not seen yet, within this hour, with a request of this shape. The shape is a number that is equal for requests about which a profile decides
// alike. Two shapes may be taken for one; whether they are changes every hour. In most cases this is two atomic loads.
func (t *Tally) Watch(clientID string, shape uint64, now time.Time) (Watched, bool) {
	c := &t.unregistered
	if clientID != "" {
		if c = t.client(clientID); c == nil {
			return Watched{}, false
		}
	}
	hour := hourOf(now)
	if c.hour.Load() != hour {
		c.shapes.Store(0)
		c.hour.Store(hour)
	}
	// The upper bits of a product depend on all bits.
	bit := uint64(1) << ((shape ^ uint64(hour)) * 0x9E3779B97F4A7C15 >> 58)
	if c.shapes.Load()&bit != 0 {
		return Watched{}, false
	}
	c.shapes.Or(bit)
	return Watched{t, c}, true
}

// Stricter notes what the profile oauth21 says about a request that passes today.
func (w Watched) Stricter(known *rule.Client, findings []rule.Finding, now time.Time) {
	c := w.record
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for i := range findings {
		if findings[i].Would != rule.Enforce {
			continue
		}
		c.see(known, now)
		if r := w.tally.entry(&c.stricter, findings[i].Index); r != nil {
			r.last = now
		}
	}
}
