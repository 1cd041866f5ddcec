package scan

import (
	"math/bits"
	"unicode/utf8"
)

// follow says of every byte that can begin a character of UTF-8 beyond ASCII (RFC 3629 section 4) how many bytes follow it, and between which the first of them lies. Of all others nothing follows.
var follow = func() (table [256]struct{ count, low, high byte }) {
	for c := range table {
		f := &table[c]
		f.low, f.high = 0x80, 0xBF
		switch {
		case c >= 0xC2 && c <= 0xDF:
			f.count = 1
		case c >= 0xE0 && c <= 0xEF:
			f.count = 2
		case c >= 0xF0 && c <= 0xF4:
			f.count = 3
		}
	}
	table[0xE0].low, table[0xED].high = 0xA0, 0x9F // no overlong ones, no surrogates
	table[0xF0].low, table[0xF4].high = 0x90, 0x8F // no overlong ones, none beyond the last character
	return table
}()

// behindRaw is where a run of bytes above 0x7F ends that are not escaped.
func behindRaw(s string, at int) int {
	for len(s)-at >= 8 {
		if below := ^load8(s, at) & high; below != 0 {
			return at + bits.TrailingZeros64(below)/8
		}
		at += 8
	}
	for at < len(s) && s[at] >= utf8.RuneSelf {
		at++
	}
	return at
}

// beyondASCII reads a run of bytes above 0x7F, raw or escaped, from at on. It returns where that ends, the class of what it means, and adds to that of the bytes as they are written.
func beyondASCII(s string, at int, written Class) (end int, means, _ Class) {
	means = NonASCIIBytes
	if s[at] != '%' {
		// Most are not escaped.
		if end = behindRaw(s, at); end == len(s) || s[end] != '%' {
			if !utf8.ValidString(s[at:end]) {
				means |= brokenUTF8
			}
			return end, means, written | NonASCIIBytes
		}
	}
	next := follow[0]
	for at < len(s) {
		c, size := s[at], 1
		if c == '%' && len(s)-at >= 3 {
			first, second := hexValue[s[at+1]], hexValue[s[at+2]]
			if first|second > 0xF {
				break
			}
			c, size = first<<4|second, 3
		}
		if c < 0x80 {
			break
		}
		if size == 1 {
			written |= NonASCIIBytes
		} else {
			means |= Escapes
		}
		at += size
		if next.count == 0 {
			if next = follow[c]; next.count == 0 {
				means |= brokenUTF8
			}
			continue
		}
		if c < next.low || c > next.high {
			means |= brokenUTF8
		}
		next.count, next.low, next.high = next.count-1, 0x80, 0xBF
	}
	if next.count > 0 {
		means |= brokenUTF8
	}
	return at, means, written
}
