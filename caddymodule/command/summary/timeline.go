package summary

import "slices"

// Timeline counts requests in equal pieces of time. The pieces become wider when there would be too many.
type Timeline struct {
	// Width is how many seconds a piece has; zero before the first request.
	Width int64 `json:"width_seconds"`
	// Pieces counts by where a piece begins, in seconds since 1970.
	Pieces map[int64]*Verdicts `json:"pieces"`
}

// widths are the widths of pieces, in seconds: from a minute to four weeks. Each is a multiple of the one before.
var widths = []int64{60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600, 28 * 24 * 3600}

// maxPieces is how many pieces there are at the most, unless the logs span more than thirty years; mostPieces bounds those. What comes then is not counted here.
const (
	maxPieces  = 400
	mostPieces = 4000
)

// sound reports whether a timeline that was read from a file can be one.
func (t *Timeline) sound() bool {
	if t.Width == 0 {
		return len(t.Pieces) == 0
	}
	if !slices.Contains(widths, t.Width) || t.Pieces == nil || len(t.Pieces) > mostPieces {
		return false
	}
	for start, v := range t.Pieces {
		if v == nil || start < 0 || start%t.Width != 0 || Moment(start) != At(Moment(start).Time()) {
			return false
		}
	}
	return true
}

func (t *Timeline) add(when Moment, v Verdicts) {
	if when == 0 {
		return
	}
	if t.Width == 0 {
		t.Width, t.Pieces = widths[0], make(map[int64]*Verdicts)
	}
	t.piece(int64(when)).merge(v)
	t.bound()
}

// piece is the piece that a moment belongs to.
func (t *Timeline) piece(when int64) *Verdicts {
	start := when - when%t.Width
	p := t.Pieces[start]
	if p == nil {
		p = new(Verdicts)
		if len(t.Pieces) < mostPieces {
			t.Pieces[start] = p
		}
	}
	return p
}

func (t *Timeline) merge(other *Timeline) {
	if other.Width == 0 {
		return
	}
	if t.Width == 0 {
		t.Width, t.Pieces = other.Width, make(map[int64]*Verdicts)
	}
	for t.Width < other.Width {
		t.widen()
	}
	for start, v := range other.Pieces {
		t.piece(start).merge(*v)
	}
	t.bound()
}

// bound widens the pieces until there are not too many.
func (t *Timeline) bound() {
	for len(t.Pieces) > maxPieces && t.Width < widths[len(widths)-1] {
		t.widen()
	}
}

// widen makes the pieces wider by one step.
func (t *Timeline) widen() {
	for _, width := range widths {
		if width > t.Width {
			t.Width = width
			break
		}
	}
	pieces := t.Pieces
	t.Pieces = make(map[int64]*Verdicts)
	for start, v := range pieces {
		t.piece(start).merge(*v)
	}
}
