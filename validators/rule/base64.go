package rule

import "encoding/binary"

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

// thirds is what each character of a group of four adds to its three bytes, the first one lowest, by the place of the character; for every other byte it is more than three bytes hold.
var thirds = func() (table [4][256]uint32) {
	for place := range table {
		for c, sextet := range sextets {
			three := uint32(sextet) << (18 - 6*place)
			table[place][c] = three>>16&0xFF | three&0xFF00 | three&0xFF<<16
			if sextet == 0xFF {
				table[place][c] = 0xFF << 24
			}
		}
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
		three := thirds[0][s[0]] | thirds[1][s[1]] | thirds[2][s[2]] | thirds[3][s[3]]
		if three>>24 != 0 {
			return to, false
		}
		binary.LittleEndian.PutUint32(decoded[end:], three) // the last group overwrites the fourth byte
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
