package tally

import (
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Decisions counts requests by decision.
type Decisions struct {
	Pass   uint64 `json:"pass"`
	Report uint64 `json:"report"`
	Reject uint64 `json:"reject"`
}

// Sum is the number of all requests.
func (d Decisions) Sum() uint64 { return d.Pass + d.Report + d.Reject }

func (d Decisions) plus(o Decisions) Decisions {
	return Decisions{d.Pass + o.Pass, d.Report + o.Report, d.Reject + o.Reject}
}

func (d Decisions) minus(o Decisions) Decisions {
	return Decisions{d.Pass - o.Pass, d.Report - o.Report, d.Reject - o.Reject}
}

// The two series of samples: one to see what happens now, and one to compare it with.
const (
	// SampleInterval is how often [Tally.Sample] should be called.
	SampleInterval = time.Second

	shortWidth, shortSlots = 2 * time.Second, 90
	longWidth, longSlots   = time.Minute, 120
)

// samples are counts over time.
type samples struct {
	mutex       sync.Mutex
	last        Decisions
	short, long series
}

// Series is how many requests were decided in equal pieces of time.
type Series struct {
	// Width is the length of a piece.
	Width time.Duration
	// End is the end of the last piece, which is complete.
	End time.Time
	// Pieces are the counts, the oldest first.
	Pieces []Decisions
}

type series struct {
	slots  []Decisions
	newest int64
}

// add counts for a slot of time. Slots that nobody counted for stay empty.
func (s *series) add(slot int64, size int, d Decisions) {
	if s.slots == nil {
		s.slots, s.newest = make([]Decisions, size), slot
	}
	for range min(slot-s.newest, int64(size)) {
		s.newest++
		s.slots[s.newest%int64(size)] = Decisions{}
	}
	s.newest = max(s.newest, slot)
	s.slots[slot%int64(size)] = s.slots[slot%int64(size)].plus(d)
}

// read returns all slots but the newest, in which more may be counted.
func (s *series) read(width time.Duration, now time.Time) Series {
	read := Series{Width: width, End: now.Truncate(width), Pieces: []Decisions{}}
	if s.slots != nil {
		read.End = time.Unix(0, s.newest*int64(width)).UTC()
		for i := s.newest + 1; i < s.newest+int64(len(s.slots)); i++ {
			read.Pieces = append(read.Pieces, s.slots[i%int64(len(s.slots))])
		}
	}
	return read
}

// Sample counts, for the series, what was decided since the last call. It does not matter who calls it.
func (t *Tally) Sample(now time.Time) {
	s := &t.samples
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var total Decisions
	for endpoint := range t.endpoints {
		total = total.plus(t.decisions(rule.Endpoint(endpoint)))
	}
	d := total.minus(s.last)
	s.last = total
	s.short.add(now.UnixNano()/int64(shortWidth), shortSlots, d)
	s.long.add(now.UnixNano()/int64(longWidth), longSlots, d)
}

// Series returns what was decided in the last three minutes and in the last two hours.
func (t *Tally) Series(now time.Time) (short, long Series) {
	s := &t.samples
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.short.read(shortWidth, now), s.long.read(longWidth, now)
}

// decisions are the counts of an endpoint.
func (t *Tally) decisions(endpoint rule.Endpoint) Decisions {
	d := &t.endpoints[endpoint].decisions
	return Decisions{d[0].Load(), d[1].Load(), d[2].Load()}
}
