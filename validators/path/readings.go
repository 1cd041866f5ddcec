package path

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// odd reports whether some server may read the path otherwise than byte by byte, apart from case, a final slash and a final suffix.
func odd(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case !telling[c]:
		case c != '/' || i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
			return true
		}
	}
	return path == "" || path[0] != '/'
}

// telling are the bytes that make a path odd, and the slash, which may do so together with the next one.
var telling = func() (table [256]bool) {
	for c := range table {
		table[c] = c <= ' ' || c >= 0x7F || strings.IndexByte(`%;\/`, byte(c)) >= 0
	}
	return table
}()

// hasDotSegment reports whether the path has a segment "." or "..".
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// texts are the ways to read a path, and room for what is made of them, to be used again.
type texts struct {
	rooms          [12][]byte
	used           int
	folded         []byte
	verbatim       []byte
	merged, double stack
	whole, before  cleaned
}

var spare = sync.Pool{New: func() any { return new(texts) }}

// room is an empty buffer for a text of a size.
func (t *texts) room(size int) []byte {
	room := &t.rooms[t.used]
	t.used++
	*room = slices.Grow((*room)[:0], size)
	return *room
}

// decode replaces the percent escapes. The overlong spellings %c0%2e to %c1%bf of ASCII, which old decoders accept, count as the ASCII byte.
func (t *texts) decode(path string) string {
	if strings.IndexByte(path, '%') < 0 && !overlong(path) {
		return path
	}
	decoded := t.room(len(path))
	for path != "" {
		plain := strings.IndexByte(path, '%')
		if plain < 0 {
			plain = len(path)
		}
		decoded = append(decoded, path[:plain]...)
		for path = path[plain:]; path != "" && path[0] == '%'; {
			c, size := path[0], 1
			if escaped, ok := scan.Unhex(path); ok {
				c, size = escaped, 3
			}
			decoded, path = append(decoded, c), path[size:]
		}
	}
	return scan.Text(shorten(decoded))
}

// overlong reports whether an overlong spelling of ASCII may be in a text: no other begins with these bytes.
func overlong(text string) bool {
	return strings.IndexByte(text, 0xC0) >= 0 || strings.IndexByte(text, 0xC1) >= 0
}

// shorten replaces overlong spellings of ASCII, in place.
func shorten(decoded []byte) []byte {
	if !overlong(scan.Text(decoded)) {
		return decoded
	}
	n := 0
	for _, c := range decoded {
		if c >= 0x80 && c < 0xC0 && n > 0 && (decoded[n-1] == 0xC0 || decoded[n-1] == 0xC1) {
			decoded[n-1] = decoded[n-1]&1<<6 | c&0x3F
			continue
		}
		decoded[n] = c
		n++
	}
	return decoded[:n]
}

// cutParameters removes ";…" from every segment, as servlet containers do.
func (t *texts) cutParameters(path string) string {
	semicolon := strings.IndexByte(path, ';')
	if semicolon < 0 {
		return path
	}
	cut := append(t.room(len(path)), path[:semicolon]...)
	parameters := true
	for i := semicolon; i < len(path); i++ {
		switch path[i] {
		case ';':
			parameters = true
		case '/':
			parameters = false
		}
		if !parameters {
			cut = append(cut, path[i])
		}
	}
	return scan.Text(cut)
}

// folded is every byte in lower case, and a slash for a backslash.
var folded = func() (table [256]byte) {
	for c := range table {
		table[c] = lower(byte(c))
	}
	table['\\'] = '/'
	return table
}()

// fold is a text in lower case, with slashes for backslashes: whatever equals a name of ASCII in some case equals it there.
func (t *texts) fold(text string) string {
	room := slices.Grow(t.folded[:0], len(text))[:len(text)]
	n := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			switch {
			case strings.HasPrefix(text[i:], "\u017f"): // long s
				c = 's'
				i += len("\u017f") - 1
			case strings.HasPrefix(text[i:], "\u212a"): // Kelvin sign
				c = 'k'
				i += len("\u212a") - 1
			}
		}
		room[n] = folded[c]
		n++
	}
	t.folded = room
	return scan.Text(room[:n])
}

// readings calls yield with every cleaned form of an escaped path that some server is known to use, until yield returns false:
// decoded once or twice; path parameters cut from each segment before decoding, after it, or not at all; the rest cut at the first parameter, at a NUL, or at a decoded question mark or number sign; a
// backslash taken for a slash or for itself; slashes merged before or after dot segments are resolved. What lies far behind the limit in a form is left out.
func (t *texts) readings(escaped, once, twice string, limit int, yield func(string) bool) {
	stripped := t.decode(t.cutParameters(escaped))
	cut := t.decode(t.cutParameters(once))
	paths := [...]string{
		once,
		twice,
		t.cutParameters(once),
		t.cutParameters(twice),
		stripped,
		t.cutParameters(stripped),
		t.decode(stripped),
		cut,
		t.cutParameters(cut),
		beforeAny(once, ";"),
		beforeAny(t.decode(beforeAny(escaped, ";")), ";"),
	}
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			continue
		}
		path = trimBlanks(path)
		if !t.clean(path, '/', limit, yield) || strings.IndexByte(path, '\\') >= 0 && !t.clean(path, '\\', limit, yield) {
			return
		}
	}
}

// clean yields a path as it is, and with dot segments resolved after slashes were merged, and before; then the same of what comes before the byte where some servers end it. Another character
// counts as a slash, too.
func (t *texts) clean(path string, slash byte, limit int, yield func(string) bool) bool {
	end := ended(path)
	t.resolve(path, slash, end, limit)
	return t.yield(path, slash, limit, &t.whole, yield) && (end == len(path) || t.yield(trimBlanks(path[:end]), slash, limit, &t.before, yield))
}

func (t *texts) yield(path string, slash byte, limit int, c *cleaned, yield func(string) bool) bool {
	if slash != '/' {
		t.verbatim = append(t.verbatim[:0], path[:min(len(path), limit)]...)
		for i, b := range t.verbatim {
			if b == slash {
				t.verbatim[i] = '/'
			}
		}
		path = scan.Text(t.verbatim)
	}
	return yield(path) && yield(scan.Text(c.merged)) && (len(c.double) == 0 || yield(scan.Text(c.double)))
}

// ended is where some servers end a path: at a NUL, or at a question mark or number sign that was escaped.
func ended(path string) int {
	for _, c := range [...]byte{0, '?', '#'} {
		if at := strings.IndexByte(path, c); at >= 0 {
			path = path[:at]
		}
	}
	return len(path)
}

func trimBlanks(path string) string { return strings.TrimRight(path, " \t\r\n\v\f\x00") }

// segment is a part of a path from a slash on up to the next one.
type segment struct{ begin, end uint16 }

const _ = uint16(MaxLength + len("/")) // so long is a path at most

// stack are the segments that are left of a path, up to some place in it.
type stack []segment

// parent is a stack without the last segment.
func (s stack) parent() stack { return s[:max(len(s)-1, 0)] }

// cleaned is a path without dot segments.
type cleaned struct {
	merged []byte // slashes were merged before dot segments were resolved
	double []byte // slashes were merged thereafter; empty if there were no two
}

// resolve removes dot segments as RFC 3986 section 5.2.4 says, of the whole path and of what comes before a place in it. It goes through the path once: two stacks hold the segments that are left
// with and without empty ones, and are the same until there is one.
func (t *texts) resolve(path string, slash byte, before, limit int) {
	merged, double, differ := t.merged[:0], t.double[:0], false
	for begin := 0; ; {
		end := begin + 1
		for end < len(path) && path[end] != '/' && path[end] != slash {
			end++
		}
		if begin < before && before <= end {
			t.before.join(path, merged, double, differ, begin, before, limit)
		}
		if end == len(path) {
			t.whole.join(path, merged, double, differ, begin, end, limit)
			break
		}
		s := segment{uint16(begin), uint16(end)}
		switch name := path[begin+1 : end]; {
		case name == "":
			if !differ {
				double, differ = append(double, merged...), true
			}
			double = append(double, s)
		case name[0] == '.' && len(name) == 1:
		case name[0] == '.' && len(name) == 2 && name[1] == '.':
			merged, double = merged.parent(), double.parent()
		default:
			merged = append(merged, s)
			if differ {
				double = append(double, s)
			}
		}
		begin = end
	}
	t.merged, t.double = merged, double
}

// join writes the segments of both stacks, and the last segment of the path, which is a slash if it is a dot segment.
func (c *cleaned) join(path string, merged, double stack, differ bool, begin, end, limit int) {
	end = begin + len(trimBlanks(path[begin:end]))
	switch path[begin+1 : end] {
	case ".":
		end = begin + 1
	case "..":
		merged, double = merged.parent(), double.parent()
		end = begin + 1
	}
	last := segment{uint16(begin), uint16(end)}
	c.merged = merged.text(c.merged, path, last, limit)
	c.double = c.double[:0]
	if differ {
		c.double = double.text(c.double, path, last, limit)
	}
}

// text writes the segments, and the last one of the path, with one slash before each that is not empty. It stops behind the limit.
func (s stack) text(text []byte, path string, last segment, limit int) []byte {
	text = text[:0]
	for _, segment := range s {
		if len(text) > limit {
			return text
		}
		if name := path[segment.begin+1 : segment.end]; name != "" {
			text = append(append(text, '/'), name...)
		}
	}
	return append(append(text, '/'), path[last.begin+1:last.end]...)
}

func beforeAny(path, bytes string) string {
	if cut := strings.IndexAny(path, bytes); cut >= 0 {
		return path[:cut]
	}
	return path
}
