package ijson

// space is where the white space ends that begins at a place.
func space(text string, at int) int {
	if at == len(text) || text[at] > ' ' {
		return at // as most
	}
	return blanks(text, at)
}

// blanks is space where there may be some.
func blanks(text string, at int) int {
	for len(text)-at >= 8 {
		s := text[at : at+8]
		if all := white[s[0]] && white[s[1]] && white[s[2]] && white[s[3]] && white[s[4]] && white[s[5]] && white[s[6]] && white[s[7]]; !all {
			break
		}
		at += 8
	}
	for at < len(text) && white[text[at]] {
		at++
	}
	return at
}

// white is the white space of JSON.
var white = [256]bool{' ': true, '\t': true, '\r': true, '\n': true}
