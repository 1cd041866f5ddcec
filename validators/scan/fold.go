package scan

import (
	"strings"
	"unicode/utf8"
)

// maxFolded is longer than every recognised name.
const maxFolded = 32

// fold returns the recognised parameter that some stack takes a decoded name for. It unites what is known of several:
//
//   - PHP strips leading blanks, cuts at a NUL, and turns dots, blanks and an unclosed bracket into an underscore;
//   - PHP, Rack and the qs library of Node cut at a bracket and make a list or a map;
//   - .NET and nginx do not tell cases apart; the long s and the Kelvin sign have an ASCII upper or lower case;
//   - byte order marks and blanks at either end are stripped by many.
//
// It is only called for names that are not literally recognised.
func fold(name string) Name {
	name = strings.TrimPrefix(name, byteOrderMark)
	if cut := strings.IndexByte(name, 0); cut >= 0 {
		name = name[:cut]
	}
	name = trimBlanks(name)
	if len(name) > 4*maxFolded {
		name = name[:4*maxFolded]
	}
	// Rack takes [x], x] and ]x for x; qs takes [x] for x.
	name = strings.TrimLeft(name, "[]")
	if cut := strings.IndexAny(name, "[]"); cut > 0 {
		if found := foldWhole(name[:cut]); found != Unknown {
			return found
		}
	}
	return foldWhole(name)
}

// trimBlanks strips what counts as a blank to some stack from both ends. It compares bytes, which for characters beyond ASCII takes far less time than strings.Trim: a name may consist of
// nothing else.
func trimBlanks(name string) string {
	for {
		switch {
		case name == "":
			return ""
		case asciiBlanks[name[0]]:
			name = name[1:]
		case strings.HasPrefix(name, noBreakSpace):
			name = name[len(noBreakSpace):]
		case strings.HasPrefix(name, byteOrderMark):
			name = name[len(byteOrderMark):]
		default:
			return trimBlanksBehind(name)
		}
	}
}

func trimBlanksBehind(name string) string {
	for {
		switch last := len(name) - 1; {
		case last < 0:
			return ""
		case asciiBlanks[name[last]]:
			name = name[:last]
		case strings.HasSuffix(name, noBreakSpace):
			name = name[:len(name)-len(noBreakSpace)]
		case strings.HasSuffix(name, byteOrderMark):
			name = name[:len(name)-len(byteOrderMark)]
		default:
			return name
		}
	}
}

const noBreakSpace, byteOrderMark = "\u00a0", "\ufeff"

var asciiBlanks = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '\v': true, '\f': true}

func foldWhole(name string) Name {
	var buffer [maxFolded]byte
	n := 0
	for i := 0; i < len(name); {
		r, size := rune(name[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(name[i:])
		}
		i += size
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r == '.' || r == ' ' || r == '[':
			r = '_'
		case r == '\u0131' || r == '\u0130': // i without and with a dot, equal to i for Java
			r = 'i'
		case r == '\u017f': // long s
			r = 's'
		case r == '\u212a': // Kelvin sign
			r = 'k'
		}
		if n == maxFolded || r >= utf8.RuneSelf {
			return Unknown
		}
		buffer[n] = byte(r)
		n++
	}
	return Recognise(string(buffer[:n]))
}
