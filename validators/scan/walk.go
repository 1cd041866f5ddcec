package scan

import "strings"

// The automaton reads a text in nearly the same time whatever it consists of: for each byte it looks up two values, and there is no branch that the processor could foresee wrongly. Ordinary texts, in which
// letters and digits come in long runs, take less time without it.

// kinds says of every byte in the lowest bits which column of the transitions is for it, and in those above, what it means alone.
//
// transitions are the states behind a byte, in the highest bits, with what the byte means together with those before it in the others: [state.reads] for each state and each kind of byte.
var kinds, transitions = func() (kinds [256]uint32, transitions [256][columns]uint32) {
	column := map[[states]uint32]uint32{}
	for c := range kinds {
		var behind [states]uint32
		for number := range behind {
			next, class := stateOf(number).reads(byte(c))
			behind[number] = uint32(next.number())<<stateBits | uint32(class)
		}
		kind, known := column[behind]
		if !known {
			kind = uint32(len(column))
			column[behind] = kind
			for number := range behind {
				transitions[number][kind] = behind[number]
			}
		}
		kinds[c] = uint32(classes[c])<<kindClass | kind
	}
	return kinds, transitions
}()

const (
	columns   = 32
	kindClass = 8  // the bit at which the class of a byte begins
	stateBits = 24 // the bit at which the number of a state begins
)

// walk reads the whole of a text, behind what stands before it. It returns what the text means, and the class of the bytes as they are written, which leaves out what is escaped.
func walk(s string, begin before) (means, written Class) {
	at := uint32(state{begin, noEscape}.number()) << stateBits
	var seen, raw uint32
	if len(s) >= atOnce {
		size := len(s) &^ 3
		at, seen, raw = walkQuarters(s[:size], at)
		s = s[size:]
	}
	for i := range len(s) {
		kind := kinds[s[i]]
		raw |= kind
		at = transitions[at>>stateBits][kind%columns]
		seen |= at
	}
	class := Class(seen&(1<<stateBits-1)) | stateOf(int(at>>stateBits)).ends()
	alone := Class(raw >> kindClass)
	means = class&^(malformed|bracketEquals) | alone&^(Percents|Pluses)
	written = alone &^ (Percents | Pluses | EqualsSigns)
	if class&malformed != 0 {
		means, written = means|Percents, written|Percents
	}
	if alone&Pluses != 0 {
		means |= Blanks | Escapes
	}
	return means, written | class&bracketEquals
}

// atOnce is how long a text is whose quarters are walked at once: each step has to wait for the one before it, and the steps of four walks do not wait for each other.
const atOnce = 128

// walkQuarters walks a text, whose length four divides. It returns the state behind it, all that was seen, and all kinds.
func walkQuarters(s string, a uint32) (behind, seen, raw uint32) {
	quarter := len(s) / 4
	b, c, d := stateAt(s, quarter), stateAt(s, 2*quarter), stateAt(s, 3*quarter)
	first, second, third, fourth := s[:quarter], s[quarter:2*quarter], s[2*quarter:3*quarter], s[3*quarter:]
	for i := range len(first) {
		kindA, kindB, kindC, kindD := kinds[first[i]], kinds[second[i]], kinds[third[i]], kinds[fourth[i]]
		raw |= kindA | kindB | kindC | kindD
		a, b = transitions[a>>stateBits][kindA%columns], transitions[b>>stateBits][kindB%columns]
		c, d = transitions[c>>stateBits][kindC%columns], transitions[d>>stateBits][kindD%columns]
		seen |= a | b | c | d
	}
	return d, seen, raw
}

// stateAt is the state in which the automaton comes to a place. Nothing but the last three characters that are decoded matters, so that it need not come from far.
func stateAt(s string, place int) uint32 {
	const enough = 4 * len("%41")
	from := place - enough
	for s[from] != '%' && (s[from-1] == '%' || s[from-2] == '%') {
		from-- // here may be the middle of an escape
	}
	at := uint32(0)
	for i := from; i < place; i++ {
		at = transitions[at>>stateBits][kinds[s[i]]%columns]
	}
	return at
}

// endOf is where a text that is read from begin on ends.
func endOf(s string, begin int, ends Class) int {
	s = s[begin:]
	end := len(s)
	if ends&Ampersands != 0 {
		if at := strings.IndexByte(s, '&'); at >= 0 {
			end = at
		}
	}
	if ends&EqualsSigns != 0 {
		if at := strings.IndexByte(s[:end], '='); at >= 0 {
			end = at
		}
	}
	return begin + end
}
