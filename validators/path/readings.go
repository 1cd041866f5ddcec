package path

import (
	"bytes"
	"slices"
	"strings"

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

// readings calls yield with every cleaned form of an escaped path that some server is known to use, until yield returns false:
// decoded once or twice; path parameters cut from each segment before decoding, after it, or not at all; the rest cut at the first parameter, at a NUL, or at a decoded question mark or number sign; a
// backslash taken for a slash or for itself; slashes merged before or after dot segments are resolved.
func readings(escaped string, yield func(string) bool) {
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/" + escaped
	}
	once := decode(escaped)
	if !odd(once) && !strings.ContainsAny(once, "?#") {
		// What is plain once it is decoded reads the same everywhere.
		yield(once)
		return
	}
	twice := decode(once)
	stripped := decode(cutParameters(escaped))
	paths := [...]string{
		once,
		twice,
		cutParameters(once),
		cutParameters(twice),
		stripped,
		cutParameters(stripped),
		decode(stripped),
		decode(cutParameters(once)),
		cutParameters(decode(cutParameters(once))),
		beforeAny(once, ";"),
		beforeAny(decode(beforeAny(escaped, ";")), ";"),
	}
	for i, path := range paths {
		if !slices.Contains(paths[:i], path) && !finish(path, yield) {
			return
		}
	}
}

// finish yields the forms of one decoded path.
func finish(path string, yield func(string) bool) bool {
	if !end(path, yield) {
		return false
	}
	return strings.IndexByte(path, '\\') < 0 || end(strings.ReplaceAll(path, "\\", "/"), yield)
}

// end yields the forms of a path whole, and cut where some servers end it.
func end(path string, yield func(string) bool) bool {
	if !clean(path, yield) {
		return false
	}
	cut := beforeAny(path, "\x00?#")
	return len(cut) == len(path) || clean(cut, yield)
}

// clean yields a path as it is, and with dot segments resolved after slashes were merged, and before, as far as that makes a difference.
func clean(path string, yield func(string) bool) bool {
	path = strings.TrimRight(path, " \t\r\n\v\f\x00")
	if !yield(path) {
		return false
	}
	merged := merge(path)
	resolved := resolve(merged)
	if len(resolved) != len(path) && !yield(resolved) {
		return false
	}
	if len(merged) == len(path) {
		return true // there is nothing to merge, and to resolve makes nothing to merge
	}
	return yield(merge(resolve(path)))
}

// decode replaces the percent escapes. The overlong spellings %c0%2e to %c1%bf of ASCII, which old decoders accept, count as the ASCII byte.
func decode(path string) string {
	if strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, 0xC0) < 0 {
		return path
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if escaped, ok := scan.Unhex(path[i:]); ok {
			c = escaped
			i += 2
		}
		if n := len(decoded); n > 0 && (decoded[n-1] == 0xC0 || decoded[n-1] == 0xC1) && c >= 0x80 && c < 0xC0 {
			decoded[n-1] = decoded[n-1]&1<<6 | c&0x3F
			continue
		}
		decoded = append(decoded, c)
	}
	return string(decoded)
}

// cutParameters removes ";…" from every segment, as servlet containers do.
func cutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 {
		return path
	}
	cut := make([]byte, 0, len(path))
	skip := false
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case ';':
			skip = true
		case '/':
			skip = false
		}
		if !skip {
			cut = append(cut, path[i])
		}
	}
	return string(cut)
}

func beforeAny(path, bytes string) string {
	if cut := strings.IndexAny(path, bytes); cut >= 0 {
		return path[:cut]
	}
	return path
}

// merge makes one slash of several.
func merge(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	merged := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			merged = append(merged, path[i])
		}
	}
	return string(merged)
}

// resolve removes dot segments as RFC 3986 section 5.2.4 says; empty segments count.
func resolve(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	resolved := make([]byte, 0, len(path))
	for rest := path; rest != ""; {
		segment := rest
		if next := strings.IndexByte(rest[1:], '/'); next >= 0 {
			segment = rest[:next+1]
		}
		rest = rest[len(segment):]
		switch segment {
		case "/.", "/..":
			if segment == "/.." {
				resolved = resolved[:max(bytes.LastIndexByte(resolved, '/'), 0)]
			}
			if rest == "" {
				resolved = append(resolved, '/')
			}
		default:
			resolved = append(resolved, segment...)
		}
	}
	return string(resolved)
}
