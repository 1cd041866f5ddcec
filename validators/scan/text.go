package scan

import "unsafe"

// Text is a string over the same memory as b. It is valid until b is written to: use it for buffers that are filled once per
// request and reused after the request ended.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes is a slice over the memory of s, which must never be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Unhex decodes the percent escape that s begins with, if it begins with one.
func Unhex(s string) (decoded byte, ok bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, low := hexValue[s[1]], hexValue[s[2]]
	return high<<4 | low&15, high <= 15 && low <= 15
}
