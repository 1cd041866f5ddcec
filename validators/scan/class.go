package scan

// class is a set of properties of bytes; the or of the classes of all bytes says which properties occur.
type class uint8

const (
	// classEscape is the percent sign.
	classEscape class = 1 << iota
	classSemicolon
	classControl
	classBlank
	classNonASCII
	classUnsafe
	classHash
	classBracket
)

// classes is the class of every byte; zero for what is always harmless.
var classes = func() (table [256]class) {
	for c := range table {
		switch {
		case c < 0x20 || c == 0x7F:
			table[c] = classControl
		case c >= 0x80:
			table[c] = classNonASCII
		}
	}
	table['%'], table[';'] = classEscape, classSemicolon
	table[' '], table['#'], table[']'] = classBlank, classHash, classBracket
	for _, c := range []byte("\"<>\\^`{|}") {
		table[c] = classUnsafe
	}
	return table
}()

// classOf is the or of the classes of all bytes. Eight bytes a turn keep the processor busy, without a branch that depends on them.
func classOf(s string) (seen class) {
	for ; len(s) >= 8; s = s[8:] {
		seen |= classes[s[0]] | classes[s[1]] | classes[s[2]] | classes[s[3]] | classes[s[4]] | classes[s[5]] | classes[s[6]] | classes[s[7]]
	}
	for i := 0; i < len(s); i++ {
		seen |= classes[s[i]]
	}
	return seen
}

// signTable says which signs the raw classes mean in one location.
type signTable [8]Signs

// rawSigns differ by location: in a request target RFC 3986 forbids what in a body is only unusual.
var rawSigns = [2]signTable{
	Query: {1: Semicolon, 2: QueryRawByte | Control, 3: QueryRawByte, 4: QueryRawByte | NonASCII, 5: QueryUnsafeCharacter, 6: QueryRawByte},
	Body:  {1: Semicolon, 2: Control, 3: BodyUnencoded, 4: BodyUnencoded | NonASCII, 5: BodyUnencoded, 6: BodyUnencoded},
}

func (t *signTable) of(seen class) Signs {
	var signs Signs
	for bit := range t {
		if seen&(1<<bit) != 0 {
			signs |= t[bit]
		}
	}
	return signs
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

// The properties of a name's bytes. A name of lower-case letters, digits, underscores and hyphens can be nothing but itself.
const (
	nameEscape class = 1 << iota
	nameOther
)

var nameClasses = func() (table [256]class) {
	for c := range table {
		switch {
		case c == '%' || c == '+':
			table[c] = nameEscape
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-':
		default:
			table[c] = nameOther
		}
	}
	return table
}()

func classOfName(name string) class {
	var seen class
	for i := 0; i < len(name); i++ {
		seen |= nameClasses[name[i]]
	}
	return seen
}
