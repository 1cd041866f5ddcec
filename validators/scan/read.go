package scan

import "math/bits"

// What ends a text that is read: the class of the bytes behind it.
const (
	endOfName  = EqualsSigns | Ampersands
	endOfValue = Ampersands
	endOfAll   = Class(0)
)

// ordinary is up to how many bytes a text is taken for an ordinary one, in which letters and digits come in long runs.
const ordinary = 64

// read looks at a form-encoded text from begin up to what ends it, or the end. It returns where that is, the class of what the text means, and that of the bytes as they are written, which
// leaves out what is escaped.
//
// A profile that guides the compiler would have this, known and other inlined where pairs are read. There are not enough registers for all of them, and decisions would take longer.
//
//go:noinline
func read(s string, begin int, ends Class) (end int, means, written Class) {
	blank := begin // behind the last blank, or the begin
	at := begin
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
				at, means, written, blank = closely(s, begin, here, ends, means, written, blank)
				continue words
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
				at, means, written, blank = closely(s, begin, here, ends, means, written, blank)
				continue words
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
				at, class, written = beyondASCII(s, here, written)
				means |= class
				continue words
			}
		}
		if at += 8; at-begin > ordinary && crowd(s, at) {
			at, means, written, blank = crowded(s, begin, at, ends, means, written, blank)
		}
	}
	return len(s), ended(means, begin, blank, len(s)), written
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
