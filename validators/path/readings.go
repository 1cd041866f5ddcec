package path

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// odd reports whether some server may read the path otherwise than byte by byte, apart from case, a final slash and a final suffix.
func odd(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; c {
		case '%', ';', '\\':
			return true
		case '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
				return true
			}
		default:
			if c <= ' ' || c >= 0x7F {
				return true
			}
		}
	}
	return path == "" || path[0] != '/'
}

// hasDotSegment reports whether the path has a segment "." or "..".
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// texts are the ways to decode a path, and room for what is made of them, to be used again.
type texts struct {
	rooms                  [13][]byte
	used                   int
	folded                 []byte
	merged, resolved       []byte
	mergedCut, resolvedCut []byte
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
	if strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, 0xC0) < 0 {
		return path
	}
	decoded := t.room(len(path))[:len(path)]
	n := 0
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if escaped, ok := scan.Unhex(path[i:]); ok {
				c = escaped
				i += 2
			}
		}
		if c >= 0x80 && c < 0xC0 && n > 0 && (decoded[n-1] == 0xC0 || decoded[n-1] == 0xC1) {
			decoded[n-1] = decoded[n-1]&1<<6 | c&0x3F
			continue
		}
		decoded[n] = c
		n++
	}
	return scan.Text(decoded[:n])
}

// cutParameters removes ";…" from every segment, as servlet containers do.
func (t *texts) cutParameters(path string) string {
	semicolon := strings.IndexByte(path, ';')
	if semicolon < 0 {
		return path
	}
	cut := t.room(len(path))
	for semicolon >= 0 {
		cut = append(cut, path[:semicolon]...)
		path = path[semicolon:]
		slash := strings.IndexByte(path, '/')
		if slash < 0 {
			return scan.Text(cut)
		}
		path = path[slash:]
		semicolon = strings.IndexByte(path, ';')
	}
	return scan.Text(append(cut, path...))
}

// fold is a text in lower case, with slashes for backslashes: whatever equals a name of ASCII in some case equals it there.
func (t *texts) fold(text string) string {
	folded := slices.Grow(t.folded[:0], len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			c = '/'
		case c >= utf8.RuneSelf && strings.HasPrefix(text[i:], "\u017f"): // long s
			c = 's'
			i += len("\u017f") - 1
		case c >= utf8.RuneSelf && strings.HasPrefix(text[i:], "\u212a"): // Kelvin sign
			c = 'k'
			i += len("\u212a") - 1
		}
		folded = append(folded, lower(c))
	}
	t.folded = folded
	return scan.Text(folded)
}

// readings calls yield with every cleaned form of an escaped path that some server is known to use, until yield returns false:
// decoded once or twice; path parameters cut from each segment before decoding, after it, or not at all; the rest cut at the first parameter, at a NUL, or at a decoded question mark or number sign; a
// backslash taken for a slash or for itself; slashes merged before or after dot segments are resolved.
func (t *texts) readings(escaped, once, twice string, yield func(string) bool) {
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
		if !t.clean(path, yield) {
			return
		}
		if strings.IndexByte(path, '\\') < 0 {
			continue
		}
		used := t.used
		slashed := append(t.room(len(path)), path...)
		for j, c := range slashed {
			if c == '\\' {
				slashed[j] = '/'
			}
		}
		more := t.clean(scan.Text(slashed), yield)
		if t.used = used; !more {
			return
		}
	}
}

// clean yields a path as it is, and with dot segments resolved after slashes were merged, and before; then the same of what comes before the byte where some servers end it.
func (t *texts) clean(path string, yield func(string) bool) bool {
	path = trimBlanks(path)
	cut := strings.IndexAny(path, "\x00?#")
	t.merged, t.mergedCut = resolve(t.merged, t.mergedCut, path, cut, true)
	double := strings.Contains(path, "//")
	if double {
		t.resolved, t.resolvedCut = resolve(t.resolved, t.resolvedCut, path, cut, false)
	}
	if !yield(path) || !yield(scan.Text(t.merged)) || double && !yield(scan.Text(merge(t.resolved))) {
		return false
	}
	return cut < 0 || yield(trimBlanks(path[:cut])) && yield(scan.Text(t.mergedCut)) && (!double || yield(scan.Text(merge(t.resolvedCut))))
}

func trimBlanks(path string) string { return strings.TrimRight(path, " \t\r\n\v\f\x00") }

// resolve removes dot segments as RFC 3986 section 5.2.4 says, of the whole path and, unless cut is negative, of what comes before the byte there. Empty segments count, unless slashes are merged.
func resolve(whole, before []byte, path string, cut int, merging bool) (_, _ []byte) {
	whole = slices.Grow(whole[:0], len(path)+1)[:len(path)+1]
	n := 0
	for at := 0; at < len(path); {
		begin := n
		for {
			whole[n] = path[at]
			n++
			if at++; at == cut {
				before = append(before[:0], whole[:ended(whole[:n], begin)]...)
			}
			if at == len(path) || path[at] == '/' {
				break
			}
		}
		switch segment := whole[begin:n]; {
		case at == len(path):
			n = ended(whole[:n], begin)
		case len(segment) == 1 && merging, len(segment) == 2 && segment[1] == '.':
			n = begin
		case len(segment) == 3 && segment[1] == '.' && segment[2] == '.':
			n = parent(whole[:begin])
		}
	}
	return whole[:n], before
}

// ended is the length of a resolved path that ends with a segment, which begins at a place, when blanks at its end were cut, and a dot segment resolved to a slash.
func ended(path []byte, begin int) int {
	n := len(path)
	for n > begin+1 && (path[n-1] <= ' ' && strings.IndexByte(" \t\r\n\v\f\x00", path[n-1]) >= 0) {
		n--
	}
	switch string(path[begin:n]) {
	case "/.":
		return begin + 1
	case "/..":
		return parent(path[:begin]) + 1
	}
	return n
}

// parent is the length of a path without its last segment.
func parent(path []byte) int { return max(bytes.LastIndexByte(path, '/'), 0) }

// merge makes one slash of several, in place.
func merge(path []byte) []byte {
	n := 0
	for i, c := range path {
		if c != '/' || i == 0 || path[i-1] != '/' {
			path[n] = c
			n++
		}
	}
	return path[:n]
}

func beforeAny(path, bytes string) string {
	if cut := strings.IndexAny(path, bytes); cut >= 0 {
		return path[:cut]
	}
	return path
}
