package scan

import "math/bits"

// What ends a text that is read: the class of the bytes behind it.
const (
	endOfName  = EqualsSigns | Ampersands
	endOfValue = Ampersands
	endOfAll   = Class(0)
)

const (
	// ordinary is up to how many bytes a text is taken for an ordinary one, in which letters and digits come in long runs.
	ordinary = 64
	// apart is how many bytes lie between two escapes, signs and the like on average in a longer text that is an ordinary one, too.
	apart = 16
	// most is how many of eight bytes are neither letters nor digits in a text that is not ordinary.
	most = 4
)

// read looks at a form-encoded text from begin up to what ends it, or the end. It returns where that is, the class of what the text means, and that of the bytes as they are written, which
// leaves out what is escaped.
//
// A profile that guides the compiler would have this, known and other inlined where pairs are read. There are not enough registers for all of them, and decisions would take longer.
//
//go:noinline
func read(s string, begin int, ends Class) (end int, means, written Class) {
	blank := begin // behind the last blank, or the begin
	at, crowd := begin, 0
words:
	for at < len(s) {
		var marks uint64
		for len(s)-at >= 8 {
			if marks = mark(load8(s, at)); marks != 0 {
				break
			}
			at += 8
		}
		if marks == 0 {
			if at >= len(s) {
				break
			}
			marks = markEnd(s, at)
		}
		for ; marks != 0; marks &= marks - 1 {
			here := at + bits.TrailingZeros64(marks)/8
			c := s[here]
			class := classes[c]
			if class&ends != 0 {
				return here, ended(means, begin, blank, here), written
			}
			if class&(Percents|Pluses|Blanks|EqualsSigns|NonASCIIBytes) == 0 {
				means |= class
				written |= class
				continue
			}
			if here-begin > ordinary {
				if crowd += apart; crowd > here-begin {
					at = here
					break words
				}
			}
			switch c {
			case '%':
				if schemeEnds(s, here) {
					means |= Escapes | Others | Slashes
					at = here + len(colonSlashes)
					continue words
				}
				behind := here
				for ; len(s)-behind >= 3 && s[behind] == '%'; behind += 3 {
					first, second := hexValue[s[behind+1]], hexValue[s[behind+2]]
					if first|second > 0xF {
						break
					}
					class := classes[first<<4|second]
					if class&NonASCIIBytes != 0 {
						break
					}
					means |= class
					if class&Blanks != 0 {
						means, blank = spaced(means, blank, behind, behind+3)
					}
				}
				if behind > here {
					means |= Escapes
					at = behind
					continue words
				}
				at = here
				break words
			case '+', ' ':
				if c == ' ' {
					written |= Blanks
				} else {
					means |= Escapes
				}
				means |= Blanks
				means, blank = spaced(means, blank, here, here+1)
			case '=':
				means |= EqualsSigns
				if closed(s[begin:here]) {
					written |= bracketEquals
				}
			default:
				at = here
				break words
			}
		}
		if at += 8; at-begin > ordinary && len(s)-at >= 8 && mark(load8(s, at))>>7*ones>>56 >= most {
			break
		}
	}
	if at < len(s) { // it is not an ordinary text
		return steadily(s, begin, at, ends, means, written, blank)
	}
	return len(s), ended(means, begin, blank, len(s)), written
}

// steadily reads on from a character on, up to what ends the text, by the automaton.
func steadily(s string, begin, at int, ends, means, written Class, blank int) (end int, _, _ Class) {
	behind := anything
	switch {
	case blank == at:
		behind = aBlank
	case closed(s[begin:at]):
		behind = aClosingBracket
	}
	end = endOf(s, at, ends)
	more, raw := walk(s[at:end], behind)
	return end, means | more, written | raw
}

// spaced notes a blank that begins at a place and ends at another, with the end of the last one.
func spaced(means Class, blank, begin, end int) (Class, int) {
	if begin == blank {
		means |= Gaps
	}
	return means, end
}

// ended notes a blank at the end.
func ended(means Class, begin, blank, end int) Class {
	if blank == end && begin != end {
		means |= Gaps
	}
	return means
}

// closed reports whether a text ends with a closing bracket, raw or escaped.
func closed(s string) bool {
	n := len(s)
	return n > 0 && s[n-1] == ']' || n > 2 && s[n-3] == '%' && s[n-2] == '5' && s[n-1]|0x20 == 'd'
}
