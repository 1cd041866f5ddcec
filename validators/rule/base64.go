package rule

// sextets is the value of each character of base64 (RFC 4648 section 4), and 0xFF for every other byte.
var sextets = func() (table [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range table {
		table[i] = 0xFF
	}
	for i := range len(alphabet) {
		table[alphabet[i]] = byte(i)
	}
	return table
}()

// appendBase64 decodes base64 as RFC 4648 writes it: with padding, with bits of zero behind the last byte, and without line ends. It reports false for all else. The buffer must have
// room for three bytes of every four.
func appendBase64(to []byte, s string) ([]byte, bool) {
	if len(s)%4 != 0 {
		return to, false
	}
	if s == "" {
		return to, true
	}
	last := s[len(s)-4:]
	end := len(to)
	decoded := to[:cap(to)]
	for s = s[:len(s)-4]; len(s) >= 4; s = s[4:] {
		a, b, c, d := sextets[s[0]], sextets[s[1]], sextets[s[2]], sextets[s[3]]
		if (a|b|c|d)&0xC0 != 0 {
			return to, false
		}
		three := decoded[end : end+3]
		three[0], three[1], three[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		end += 3
	}
	to = decoded[:end]
	a, b, c, d := sextets[last[0]], sextets[last[1]], sextets[last[2]], sextets[last[3]]
	switch {
	case last[2:] == "==":
		return append(to, a<<2|b>>4), (a|b)&0xC0 == 0 && b&0xF == 0
	case last[3] == '=':
		return append(to, a<<2|b>>4, b<<4|c>>2), (a|b|c)&0xC0 == 0 && c&0x3 == 0
	}
	return append(to, a<<2|b>>4, b<<4|c>>2, c<<6|d), (a|b|c|d)&0xC0 == 0
}
