package scan

import (
	"math/bits"
	"strings"
)

// spelling is how a recognised name is written: its first eight bytes, those behind them, its last eight, and its length.
type spelling struct {
	first, second, last uint64
	length              uint32
	name                Name
}

// spellings has a slot of its own for each recognised name, at the place that hashed finds with the factor.
var spellings, factor = func() (table [512]spelling, factor uint64) {
	for factor = 0x9E3779B97F4A7C15; ; factor += 2 {
		table = [512]spelling{}
		alone := true
		for _, name := range AllNames() {
			s := spellingOf(name)
			slot := &table[hashed(s.first, s.second, s.length, factor)]
			alone = alone && slot.name == Unknown
			*slot = s
		}
		if alone {
			return table, factor
		}
	}
}()

func spellingOf(name Name) spelling {
	text := name.String()
	s := spelling{first: load(text, 0), length: uint32(len(text)), name: name}
	s.last = s.first
	if len(text) > 8 {
		s.second, s.last = load(text, 8), load8(text, len(text)-8)
	}
	return s
}

func hashed(first, second uint64, length uint32, factor uint64) uint64 {
	return ((first ^ bits.RotateLeft64(second, 29)) + uint64(length)) * factor >> 55
}

// knownLimit is the length in bytes from which on known does not find a name.
const knownLimit = 24

// known recognises the name that s has from at on up to an equals sign, if it is written without escapes and shorter than knownLimit. It returns how long the name is in any case; zero says that
// there is no equals sign near. It is not inlined for the reason that read is not.
//
//go:noinline
func known(s string, at int) (name Name, length int) {
	if len(s)-at < knownLimit {
		return knownEnd(s, at)
	}
	first := load8(s, at)
	if equals := zeros(first ^ '='*ones); equals != 0 {
		place := bits.TrailingZeros64(equals) &^ 7
		first &= 1<<place - 1
		found := &spellings[hashed(first, 0, uint32(place/8), factor)]
		if found.first != first || found.length != uint32(place/8) {
			return Unknown, place / 8
		}
		return found.name, place / 8
	}
	second := load8(s, at+8)
	equals := zeros(second ^ '='*ones)
	if equals == 0 {
		if equals = zeros(load8(s, at+16) ^ '='*ones); equals == 0 {
			return Unknown, 0
		}
		length = 8
	} else {
		second &= equals&-equals>>7 - 1
	}
	length += 8 + bits.TrailingZeros64(equals)/8
	found := &spellings[hashed(first, second, uint32(length), factor)]
	if found.first != first || found.second != second || found.last != load8(s, at+length-8) || found.length != uint32(length) {
		return Unknown, length
	}
	return found.name, length
}

// knownEnd is known near the end.
func knownEnd(s string, at int) (name Name, length int) {
	if length = strings.IndexByte(s[at:], '='); length < 0 {
		return Unknown, 0
	}
	return Recognise(s[at : at+length]), length
}

// zeros marks the lowest byte of a word that is zero; higher marks may be wrong.
func zeros(word uint64) uint64 { return (word - ones) &^ word & high }

// Recognise returns the recognised parameter of exactly that (decoded) name, or Unknown.
func Recognise(name string) Name {
	var first, second uint64
	if first = load(name, 0); len(name) > 8 {
		second = load(name, 8)
	}
	found := &spellings[hashed(first, second, uint32(len(name)), factor)]
	if found.first != first || name != found.name.String() {
		return Unknown
	}
	return found.name
}
