package scan

// before is what stands before the next character of a text: what that character means together with it.
type before uint8

const (
	// anything has no meaning for what follows.
	anything before = iota
	// aBlank is a blank, decoded, or the begin of the text: another blank makes a gap.
	aBlank
	// aClosingBracket is one, raw or escaped.
	aClosingBracket

	// The others are the begin of a character of UTF-8 beyond ASCII.

	// oneMissing, twoMissing and threeMissing tell how many bytes are missing.
	oneMissing
	twoMissing
	threeMissing
	// behindE0, behindED, behindF0 and behindF4 are a first byte whose second one is bounded more narrowly: what it leaves out is overlong, a surrogate, or beyond the last character.
	behindE0
	behindED
	behindF0
	behindF4

	befores
)

// missing says of the begin of a character between which bytes the next one lies, and what stands before the one behind it (RFC 3629 section 4).
var missing = [befores]struct {
	low, high byte
	then      before
}{
	oneMissing: {0x80, 0xBF, anything}, twoMissing: {0x80, 0xBF, oneMissing}, threeMissing: {0x80, 0xBF, twoMissing},
	behindE0: {0xA0, 0xBF, oneMissing}, behindED: {0x80, 0x9F, oneMissing}, behindF0: {0x90, 0xBF, twoMissing}, behindF4: {0x80, 0x8F, twoMissing},
}

// cut is what it means that the next byte does not go on with a character.
func (b before) cut() Class {
	if b >= oneMissing {
		return brokenUTF8
	}
	return 0
}

// meets is what stands before the next byte once a byte was read, decoded, and what it means behind the one before it.
func (b before) meets(c byte) (before, Class) {
	if m := missing[b]; b >= oneMissing && c >= m.low && c <= m.high {
		return m.then, 0
	}
	class := b.cut()
	switch {
	case c == ' ':
		if b == aBlank {
			class |= Gaps
		}
		return aBlank, class
	case c == ']':
		return aClosingBracket, class
	case c < 0x80:
		return anything, class
	case c >= 0xC2 && c <= 0xDF:
		return oneMissing, class
	case c == 0xE0:
		return behindE0, class
	case c == 0xED:
		return behindED, class
	case c >= 0xE1 && c <= 0xEF:
		return twoMissing, class
	case c == 0xF0:
		return behindF0, class
	case c >= 0xF1 && c <= 0xF3:
		return threeMissing, class
	case c == 0xF4:
		return behindF4, class
	}
	return anything, brokenUTF8
}

// state is where in a text the automaton is: what stands before the character that it reads, and how much of an escape of it was read.
type state struct {
	before before
	escape escape
}

// escape is how much of an escape was read: nothing, the percent sign, or a digit too, which is then added.
type escape uint8

const (
	noEscape escape = iota
	percentSign
	firstDigit
)

// The states are numbered.
const states = int(befores) * (int(firstDigit) + 16)

func (s state) number() int { return int(s.escape)*int(befores) + int(s.before) }

func stateOf(number int) state {
	return state{before(number % int(befores)), escape(number / int(befores))}
}

// reads is the state behind a byte as it is written. The class is what the byte means together with those before it; what it means alone, if it is not a part of an escape, is not in it.
func (s state) reads(c byte) (state, Class) {
	digit := escape(hexValue[c])
	switch {
	case s.escape == noEscape && c == '%':
		return state{s.before, percentSign}, 0
	case s.escape == noEscape:
		meant := c
		if c == '+' {
			meant = ' '
		}
		before, class := s.before.meets(meant)
		if c == '=' && s.before == aClosingBracket {
			class |= bracketEquals
		}
		return state{before, noEscape}, class
	case digit > 0xF:
		class := s.ends()
		behind, more := state{}.reads(c) // a percent sign that stands for itself, or with a digit, is before it
		return behind, class | more
	case s.escape == percentSign:
		return state{s.before, firstDigit + digit}, 0
	}
	decoded := byte(s.escape-firstDigit)<<4 | byte(digit)
	before, class := s.before.meets(decoded)
	return state{before, noEscape}, class | classes[decoded] | Escapes
}

// ends is what it means that the text ends, or that an escape does, in this state.
func (s state) ends() (class Class) {
	if s.escape != noEscape {
		class = malformed
	} else if s.before == aBlank {
		class = Gaps
	}
	return class | s.before.cut()
}
