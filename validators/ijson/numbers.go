package ijson

// number reads a number.
func number(text string, at int) (end int) {
	if at < len(text) && text[at] == '-' {
		at++
	}
	end = digits(text, at)
	if end == at || text[at] == '0' && end > at+1 {
		return wrong
	}
	if at = end; at < len(text) && text[at] == '.' {
		if end = digits(text, at+1); end == at+1 {
			return wrong
		}
		at = end
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		if at++; at < len(text) && (text[at] == '+' || text[at] == '-') {
			at++
		}
		if end = digits(text, at); end == at {
			return wrong
		}
	}
	return end
}

// digits is where the digits end that begin at a place.
func digits(text string, at int) int {
	for at < len(text) && text[at]-'0' <= 9 {
		at++
	}
	return at
}
