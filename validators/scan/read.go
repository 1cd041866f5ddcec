package scan

import "math/bits"

// read looks at a form-encoded text from begin up to the next ampersand or the end; of a name, up to the next equals sign. It returns where that is, the class of what the text
// means, and that of the bytes as they are written, which leaves out what is escaped.
func read(s string, begin int, name bool) (end int, means, written Class) {
	blank := begin // behind the last blank, or the begin
	at := begin
words:
	for at < len(s) {
		var word, marks uint64
		for len(s)-at >= 8 {
			word = load8(s, at)
			if marks = mark(word); marks != 0 {
				break
			}
			at += 8
		}
		if marks == 0 {
			if at >= len(s) {
				break
			}
			word, marks = markEnd(s, at)
		}
		for ; marks != 0; marks &= marks - 1 {
			place := bits.TrailingZeros64(marks) &^ 7
			c, here := byte(word>>place), at+place/8
			if c == '&' {
				return here, ended(means, begin, blank, here), written
			}
			class := classes[c]
			if class&(Percents|Pluses|Blanks|EqualsSigns) == 0 {
				means |= class
				written |= class
				continue
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
				means |= Percents
				written |= Percents
			case '+', ' ':
				if c == ' ' {
					written |= Blanks
				} else {
					means |= Escapes
				}
				means |= Blanks
				means, blank = spaced(means, blank, here, here+1)
			case '=':
				if name {
					return here, ended(means, begin, blank, here), written
				}
				means |= EqualsSigns
				if closed(s[begin:here]) {
					written |= bracketEquals
				}
			}
		}
		at += 8
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
