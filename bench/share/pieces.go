package share

import (
	"slices"

	"github.com/google/pprof/profile"
)

// A piece of the guard's work, found by the functions that do it.
type piece struct {
	title     string
	functions []string
}

const (
	guard  = "github.com/oauthguard/caddy-oauth-guard/caddymodule."
	engine = "github.com/oauthguard/caddy-oauth-guard/validators."
	counts = "github.com/oauthguard/caddy-oauth-guard/caddymodule/tally."
)

// pieces are told apart by the innermost of their functions. The last one is what the handler does in none of the others.
var pieces = [...]piece{
	{"the decision", []string{guard + "(*Handler).decide", engine + "(*Engine).Route"}},
	{"reading the body", []string{guard + "readBody"}},
	{"the time, and where the request comes from", []string{guard + "(*Handler).surroundings", guard + "arrival"}},
	{"the look at the profile oauth21", []string{guard + "(*Handler).watch"}},
	{"counting, and telling of a refusal", []string{counts + "(*Tally).Count", guard + "(*Handler).tell"}},
	{"placeholders", []string{guard + "setPlaceholders"}},
	{"the answer", []string{guard + "(*delivery).answer"}},
	{"the rest of the handler", []string{guard + "(*Handler).ServeHTTP"}},
}

// next is what the guard calls to go on with the next handler.
const next = "github.com/caddyserver/caddy/v2/modules/caddyhttp.HandlerFunc.ServeHTTP"

// shares is how much of the processor time of a profile each piece took, in samples, and how many samples there are.
type shares struct {
	pieces [len(pieces)]int64
	total  int64
}

// sum is the processor time of all pieces.
func (s *shares) sum() (all int64) {
	for _, n := range s.pieces {
		all += n
	}
	return all
}

// divide divides the samples of a profile among the pieces.
func divide(p *profile.Profile) shares {
	var s shares
	for _, sample := range p.Sample {
		s.total += sample.Value[0]
		if i := pieceOf(sample); i >= 0 {
			s.pieces[i] += sample.Value[0]
		}
	}
	return s
}

// pieceOf is the piece that a stack belongs to; -1 for what is not the guard's.
func pieceOf(sample *profile.Sample) int {
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if line.Function == nil {
				continue
			}
			name := line.Function.Name
			if name == next {
				return -1
			}
			for i := range pieces {
				if slices.Contains(pieces[i].functions, name) {
					return i
				}
			}
		}
	}
	return -1
}
