package scan

import (
	"strings"
	"unsafe"
)

// Text is a string over the same memory as b. It is valid until b is written to: use it for buffers that are filled once per
// request and reused after the request ended.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes is a slice over the memory of s, which must never be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Unescape decodes percent escapes, and plus signs into blanks if asked; malformed escapes stay as they are.
func Unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	return Text(appendUnescaped(make([]byte, 0, len(s)), s, plus))
}

func appendUnescaped(to []byte, s string, plus bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' && plus {
			c = ' '
		} else if decoded, ok := Unhex(s[i:]); ok {
			c = decoded
			i += 2
		}
		to = append(to, c)
	}
	return to
}

// Unhex decodes the percent escape that s begins with, if it begins with one.
func Unhex(s string) (decoded byte, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, low := hexValue[s[1]], hexValue[s[2]]
	return high<<4 | low&15, high <= 15 && low <= 15
}
