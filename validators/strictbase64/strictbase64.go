// Package strictbase64 decodes base64 (RFC 4648) as long as it is written in the one way that each value has: without line ends, and with bits of zero behind the last byte.
package strictbase64

import (
	"encoding/binary"
	"strings"
)

// alphabet says what each character of an alphabet stands for.
type alphabet struct {
	// sextets is the value of each character, and 0xFF for every other byte.
	sextets [256]byte
	// thirds is what each character of a group of four adds to its three bytes, the first one lowest, by the place of the character; for every other byte it is more than three bytes hold.
	thirds [4][256]uint32
}

var standard, url = newAlphabet("+/"), newAlphabet("-_")

func newAlphabet(last string) *alphabet {
	a := new(alphabet)
	for c := range a.sextets {
		a.sextets[c] = 0xFF
		for place := range a.thirds {
			a.thirds[place][c] = 0xFF << 24
		}
	}
	for sextet, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + last) {
		a.sextets[c] = byte(sextet)
		for place := range a.thirds {
			three := uint32(sextet) << (18 - 6*place)
			a.thirds[place][c] = three>>16&0xFF | three&0xFF00 | three&0xFF<<16
		}
	}
	return a
}

// Append decodes base64 with padding (section 4). It reports false for all else. The buffer must have room for three bytes of every four.
func Append(to []byte, s string) ([]byte, bool) {
	if len(s)%4 != 0 {
		return to, false
	}
	return standard.append(to, strings.TrimSuffix(strings.TrimSuffix(s, "="), "="))
}

// AppendURL decodes base64url without padding (section 5), as [Append] does.
func AppendURL(to []byte, s string) ([]byte, bool) { return url.append(to, s) }

func (a *alphabet) append(to []byte, s string) ([]byte, bool) {
	if len(s)%4 == 1 {
		return to, false
	}
	end := len(to)
	decoded := to[:cap(to)]
	for ; len(s) > 4; s = s[4:] {
		three := a.thirds[0][s[0]] | a.thirds[1][s[1]] | a.thirds[2][s[2]] | a.thirds[3][s[3]]
		if three>>24 != 0 {
			return to, false
		}
		binary.LittleEndian.PutUint32(decoded[end:], three) // the next group overwrites the fourth byte
		end += 3
	}
	to = decoded[:end]
	var last [4]byte
	for i := range len(s) {
		last[i] = a.sextets[s[i]]
	}
	first, second, third, fourth := last[0], last[1], last[2], last[3]
	sound := (first|second|third|fourth)&0xC0 == 0
	switch len(s) {
	case 2:
		return append(to, first<<2|second>>4), sound && second&0xF == 0
	case 3:
		return append(to, first<<2|second>>4, second<<4|third>>2), sound && third&0x3 == 0
	case 4:
		return append(to, first<<2|second>>4, second<<4|third>>2, third<<6|fourth), sound
	}
	return to, true
}
