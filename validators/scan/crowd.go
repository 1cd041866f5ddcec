package scan

// crowd reports whether so many of the next eight bytes are neither letters nor digits that looking at all of them takes less time than looking at those.
func crowd(s string, at int) bool { return len(s)-at >= 8 && mark(load8(s, at))>>7*ones>>56 >= 4 }

// crowded reads on where nearly every byte is neither a letter nor a digit: eight bytes at once, as long as it does not matter where in the text they stand. It returns where that ends, and adds to the
// classes of what the text means and how it is written; blank is the end of the last blank.
func crowded(s string, begin, at int, ends, means, written Class, blank int) (int, Class, Class, int) {
	for len(s)-at >= 8 {
		word, size := load8(s, at), 8
		if percents := equal(word, '%'); percents != 0 {
			// Two digits behind a percent sign have to be in the word to tell whether they are there.
			if digits := hexDigits(word); percents&(digits>>8)&(digits>>16) != 0 {
				break
			}
			word, size = word&(1<<48-1)|'a'<<48|'a'<<56, 6
		}
		class := classOf(word)
		if class&(ends|NonASCIIBytes) != 0 || class&EqualsSigns != 0 && written&bracketEquals == 0 && (class&ClosingBrackets != 0 || closed(s[begin:at])) {
			break
		}
		written |= class &^ (Pluses | EqualsSigns)
		if class&(Pluses|Blanks) != 0 {
			if class&Pluses != 0 {
				class = class&^Pluses | Blanks | Escapes
			}
			spaces := equal(word, '+') | equal(word, ' ')
			if spaces&(spaces<<8) != 0 || blank == at && spaces&0x80 != 0 {
				means |= Gaps
			}
			if spaces>>(8*uint(size)-1)&1 != 0 {
				blank = at + size
			}
		}
		means |= class
		at += size
	}
	return at, means, written, blank
}

// calm is how many bytes that only have a class stand in a row where it takes less time to look for others eight bytes at once.
const calm = 4

// closely reads on byte by byte, until nothing but letters, digits and the like follows for a while. It returns what crowded does.
func closely(s string, begin, at int, ends, means, written Class, blank int) (int, Class, Class, int) {
	if crowd(s, at) {
		at, means, written, blank = crowded(s, begin, at, ends, means, written, blank)
	}
	for quiet := 0; at < len(s) && quiet < calm; quiet++ {
		class := classes[s[at]]
		if class&ends != 0 {
			break
		}
		if class&(Percents|Pluses|Blanks|EqualsSigns|NonASCIIBytes) == 0 {
			means |= class
			written |= class
			at++
			continue
		}
		quiet = -1
		switch s[at] {
		case '%':
			class = 0
			if len(s)-at >= 3 {
				if first, second := hexValue[s[at+1]], hexValue[s[at+2]]; first|second <= 0xF {
					class = classes[first<<4|second] | Escapes
				}
			}
			switch {
			case class == 0:
				at, means, written, blank = crowded(s, begin, at+1, ends, means|Percents, written|Percents, blank)
			case class&NonASCIIBytes != 0:
				at, class, written = beyondASCII(s, at, written)
				means |= class
			case class&Blanks != 0:
				means |= class
				at += 3
				means, blank = spaced(means, blank, at-3, at)
			default:
				for { // for a run of them
					means |= class
					if at += 3; len(s)-at < 3 || s[at] != '%' {
						break
					}
					first, second := hexValue[s[at+1]], hexValue[s[at+2]]
					if class = classes[first<<4|second&0xF]; first|second > 0xF || class&(Blanks|NonASCIIBytes) != 0 {
						break
					}
				}
			}
		case '+', ' ':
			if s[at] == ' ' {
				written |= Blanks
			} else {
				means |= Escapes
			}
			means |= Blanks
			at++
			means, blank = spaced(means, blank, at-1, at)
		case '=':
			means |= EqualsSigns
			if closed(s[begin:at]) {
				written |= bracketEquals
			}
			at++
		default:
			at, class, written = beyondASCII(s, at, written)
			means |= class
		}
	}
	return at, means, written, blank
}
