package scan

import (
	"encoding/binary"
	"unsafe"
)

// Class is a set of kinds of characters. Letters, digits, hyphens and underscores are of no kind: a value of class zero is base64url, RFC 4648 section 5.
type Class uint32

// The kinds of characters. Every character belongs to one of them at least, apart from letters, digits, hyphens and underscores.
const (
	Dots Class = 1 << iota
	Tildes
	Slashes
	Pluses
	EqualsSigns
	// Percents are a percent sign that stands for itself: decoded, or in a malformed escape.
	Percents
	Semicolons
	Hashes
	// ClosingBrackets are ].
	ClosingBrackets
	Ampersands
	// Quotes are " or \, which RFC 6749 appendix A.4 leaves out of scopes. Both are UnsafeCharacters, too.
	Quotes
	// UnsafeCharacters are " < > \ ^ ` { | }, which RFC 3986 does not know.
	UnsafeCharacters
	Controls
	Blanks
	NonASCIIBytes
	// Others are every other printable character of ASCII.
	Others

	// Gaps are a blank at an end of a form-encoded value, or behind another blank.
	Gaps
	// Escapes say that a form-encoded text needs decoding.
	Escapes

	// bracketEquals is an equals sign behind a closing bracket, as written.
	bracketEquals
	// brokenUTF8 are bytes above 0x7F that are not UTF-8.
	brokenUTF8
	// malformed is a percent sign that two hexadecimal digits do not follow. What is read has Percents instead.
	malformed
)

// classes is the class of every byte.
var classes = func() (table [256]Class) {
	for c := range table {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		case c < 0x20 || c == 0x7F:
			table[c] = Controls
		case c >= 0x80:
			table[c] = NonASCIIBytes
		default:
			table[c] = Others
		}
	}
	for _, c := range []byte("\"<>\\^`{|}") {
		table[c] = UnsafeCharacters
	}
	for c, class := range map[byte]Class{'.': Dots, '~': Tildes, '/': Slashes, '+': Pluses, '=': EqualsSigns, '%': Percents, ';': Semicolons, '#': Hashes, ']': ClosingBrackets, '&': Ampersands, ' ': Blanks,
		'"': Quotes | UnsafeCharacters, '\\': Quotes | UnsafeCharacters} {
		table[c] = class
	}
	return table
}()

// ClassOf is the class of a text in which nothing is encoded.
func ClassOf(s string) Class { return ClassBeside(s, 0) }

// ClassBeside is the class of a text in which nothing is encoded, without the kinds that are ignored. It takes less time if both dots and slashes are.
func ClassBeside(s string, ignored Class) (class Class) {
	digits := ranges.zero
	if ignored&(Dots|Slashes) == Dots|Slashes {
		digits = ranges.hyphen // in ASCII the hyphen, the dot and the slash stand before the digits
	}
	at := 0
	for ; len(s)-at >= 8; at += 8 {
		if word := load8(s, at); markBut(word, digits) != 0 {
			class |= classOf(word)
		}
	}
	switch {
	case at == len(s):
	case at > 0:
		class |= classOf(load8(s, len(s)-8)) // what was looked at before does no harm
	default:
		for ; at < len(s); at++ {
			class |= classes[s[at]]
		}
	}
	return class &^ ignored
}

// classOf is the class of eight bytes.
func classOf(word uint64) Class {
	return classes[byte(word)] | classes[byte(word>>8)] | classes[byte(word>>16)] | classes[byte(word>>24)] |
		classes[byte(word>>32)] | classes[byte(word>>40)] | classes[byte(word>>48)] | classes[byte(word>>56)]
}

// The same byte eight times.
const (
	ones = 0x0101010101010101
	high = 0x80 * ones
)

// load is the eight bytes of s from at on, the first one lowest; zeros stand for those behind its end.
func load(s string, at int) uint64 {
	if uint(at) < uint(len(s)) && len(s)-at >= 8 {
		return load8(s, at)
	}
	return loadEnd(s, at)
}

// loadEnd is load where fewer than eight bytes are left.
func loadEnd(s string, at int) uint64 {
	if len(s) >= 8 {
		return load8(s, len(s)-8) >> (8 * uint(at+8-len(s)))
	}
	var word uint64
	for i := len(s) - 1; i >= at; i-- {
		word = word<<8 | uint64(s[i])
	}
	return word
}

// load8 is load where eight bytes are left, which it checks once.
func load8(s string, at int) uint64 {
	_ = s[at+7]
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), at))[:])
}

// mark marks the highest bit of each byte that is neither a letter nor a digit.
func mark(word uint64) uint64 { return markBut(word, ranges.zero) }

// markBut is mark with another begin of the range that ends with the digit nine. Sums of seven bits tell ranges apart without carrying into the next byte.
func markBut(word, begin uint64) uint64 {
	low := word &^ high
	lower := low | ranges.fold
	letter := (lower + ranges.a) ^ (lower + ranges.z)
	digit := (low + begin) ^ (low + ranges.nine)
	return (^(letter | digit) | word) & high
}

var ranges = struct{ fold, a, z, hyphen, zero, nine uint64 }{
	0x20 * ones, (0x80 - 'a') * ones, (0x80 - 'z' - 1) * ones, (0x80 - '-') * ones, (0x80 - '0') * ones, (0x80 - '9' - 1) * ones,
}

// hexDigits marks the highest bit of each byte that is a hexadecimal digit.
func hexDigits(word uint64) uint64 {
	low := word &^ high
	lower := low | 0x20*ones
	letter := (lower + (0x80-'a')*ones) ^ (lower + (0x80-'f'-1)*ones)
	digit := (low + (0x80-'0')*ones) ^ (low + (0x80-'9'-1)*ones)
	return (letter | digit) &^ word & high
}

// equal marks the highest bit of each byte that is the given one.
func equal(word uint64, c byte) uint64 {
	other := word ^ uint64(c)*ones
	return ^(other&^high + ^uint64(high) | other) & high
}

// markEnd is mark for the last bytes of s, fewer than eight.
func markEnd(s string, at int) uint64 {
	return mark(loadEnd(s, at)) & (1<<(8*uint(len(s)-at)) - 1)
}

// hexValue is the value of a hexadecimal digit, and 255 for every other byte.
var hexValue = func() (table [256]byte) {
	for c := range table {
		table[c] = 255
	}
	for i := byte(0); i < 10; i++ {
		table['0'+i] = i
	}
	for i := byte(0); i < 6; i++ {
		table['a'+i], table['A'+i] = 10+i, 10+i
	}
	return table
}()

// signTable says which signs the classes of what is written mean in one location.
type signTable []struct {
	class Class
	signs Signs
}

// rawSigns differ by location: in a request target RFC 3986 forbids what in a body is only unusual.
var rawSigns = [2]signTable{
	Query: {
		{Percents, MalformedEscape}, {Semicolons, Semicolon}, {Controls, QueryRawByte | Control}, {Blanks | Hashes, QueryRawByte}, {NonASCIIBytes, QueryRawByte | NonASCII},
		{UnsafeCharacters, QueryUnsafeCharacter},
	},
	Body: {
		{Percents, MalformedEscape}, {Semicolons, Semicolon}, {Controls, Control}, {Blanks | Hashes | UnsafeCharacters, BodyUnencoded}, {NonASCIIBytes, BodyUnencoded | NonASCII},
	},
}

// signing are the classes in these tables.
const signing = Percents | Semicolons | Controls | Blanks | Hashes | NonASCIIBytes | UnsafeCharacters

func (t signTable) of(seen Class) (signs Signs) {
	for i := range t {
		if seen&t[i].class != 0 {
			signs |= t[i].signs
		}
	}
	return signs
}
