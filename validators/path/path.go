// Package path decides which endpoint a request path means: to the guard, which takes it literally, and to every server that may stand
// behind it, which may not.
//
// Servers strip path parameters, decode twice, merge slashes, ignore case or a trailing slash. A path that some of them takes for an
// endpoint, although it is not literally that endpoint, is ambiguous: whoever routes by it can be led around the guard.
package path

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxLength is the longest path in bytes whose odd spellings are worked out one by one.
const MaxLength = 2 << 10

// Result is what a path means.
type Result struct {
	// Tag is the value that the endpoint was added with, zero if the path is no endpoint. For an ambiguous path it is the endpoint that it can be taken for.
	Tag uint8
	// Ambiguous says that some server takes the path for that endpoint although it is not literally it.
	Ambiguous bool
	// Below is the tag of the endpoint whose sub-path this is, such as /token/extra below /token; zero if there is none.
	Below uint8
	// Shaped says that the path ends like a usual endpoint, but is not configured as one: perhaps the base path is wrong.
	Shaped bool
}

// Set is an immutable set of endpoints. The zero value holds none.
type Set struct {
	exact    []entry
	prefixes []entry
	shapes   []string

	// common is what the exact paths begin with alike, in lower case, and next are the bytes that follow in them.
	common string
	next   [256]bool

	// limit is how many bytes of a path are looked at to find out whether it means an endpoint, or lies below a prefix.
	limit int
}

type entry struct {
	path string // as configured; of a prefix up to and including the final slash
	bare string // exact paths only: without the final slash
	last string // the last segment with the slash before it, in lower case
	tag  uint8
}

// Add adds an endpoint: an escaped path that begins with a slash and holds neither query nor fragment, or, ending in "/*", everything
// below a prefix. The tag must not be zero. Paths must be in their plain spelling, so that the literal path exists.
func (s *Set) Add(path string, tag uint8) error {
	prefix := strings.HasSuffix(path, "/*")
	plain := path
	if prefix {
		plain = strings.TrimSuffix(path, "*")
	}
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("path %q must begin with a slash", path)
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r > '~' }):
		// It would be escaped in every request, and so never be the literal path.
		return fmt.Errorf("path %q must consist of printable ASCII: no request has other characters in its path but escaped", path)
	case strings.ContainsAny(plain, "?#;%*\\ ") || strings.Contains(plain, "//") || hasDotSegment(plain):
		return fmt.Errorf("path %q must be written plainly: without query, escapes, path parameters, double slashes, dot segments or wildcards other than a final /*", path)
	}
	if prefix {
		s.limit = max(s.limit, len(plain))
		s.prefixes = append(s.prefixes, entry{path: plain, last: lastSegment(plain), tag: tag})
		slices.SortStableFunc(s.prefixes, func(a, b entry) int { return len(b.path) - len(a.path) })
		return nil
	}
	for _, e := range s.exact {
		if e.path == path && e.tag != tag {
			return fmt.Errorf("path %q is configured as two different endpoints", path)
		}
	}
	added := entry{path: path, bare: trimSlash(path), last: lastSegment(path), tag: tag}
	s.limit = max(s.limit, added.longest()+1)
	s.exact = append(s.exact, added)
	s.narrow()
	return nil
}

// lastSegment is that of a path, with the slash before it and without one behind it.
func lastSegment(path string) string {
	bare := strings.TrimSuffix(strings.ToLower(path), "/")
	return bare[max(strings.LastIndexByte(bare, '/'), 0):]
}

// narrow works out what the exact paths begin with.
func (s *Set) narrow() {
	s.common = strings.ToLower(s.exact[0].bare)
	for i := range s.exact {
		bare := strings.ToLower(s.exact[i].bare)
		for !strings.HasPrefix(bare, s.common) {
			s.common = s.common[:len(s.common)-1]
		}
	}
	s.next = [256]bool{}
	for i := range s.exact {
		if bare := strings.ToLower(s.exact[i].bare); len(bare) > len(s.common) {
			s.next[bare[len(s.common)]] = true
		}
	}
}

// near reports whether a path of ASCII may be an exact one, in any case, or lie below one.
func (s *Set) near(path string) bool {
	if len(s.exact) == 0 || len(path) < len(s.common) {
		return false
	}
	for i := 0; i < len(s.common); i++ {
		if lower(path[i]) != s.common[i] {
			return false
		}
	}
	if len(path) == len(s.common) {
		return true
	}
	next := lower(path[len(s.common)])
	return s.next[next] || next == '/' || next == '.'
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// Shape adds a path ending, such as /oauth2/token, that looks like an endpoint wherever it occurs.
func (s *Set) Shape(suffix string) { s.shapes = append(s.shapes, suffix) }

// Classify says what an escaped path means. Named endpoints win over prefixes.
func (s *Set) Classify(escaped string) Result {
	for i := range s.exact {
		if s.exact[i].path == escaped {
			return Result{Tag: s.exact[i].tag}
		}
	}
	if !odd(escaped) {
		return s.plain(escaped)
	}
	// A session identifier in the path is ordinary with servlet containers; it is judged as the endpoint.
	if path, ok := cutSession(escaped); ok {
		for i := range s.exact {
			if s.exact[i].path == path {
				return Result{Tag: s.exact[i].tag}
			}
		}
	}
	literal := s.prefix(escaped)
	if len(escaped) > MaxLength {
		t := new(texts) // memory of that size is not kept
		return s.long(t.fold(t.decode(t.decode(escaped))), literal)
	}
	t := spare.Get().(*texts)
	defer spare.Put(t)
	t.used = 0
	return s.short(t, escaped, literal)
}

// short classifies an oddly spelled path by all its readings.
func (s *Set) short(t *texts, escaped string, literal uint8) Result {
	result := Result{Tag: literal, Below: s.below(escaped)}
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/" + escaped
	}
	judge := func(reading string) bool {
		for i := range s.exact {
			if s.exact[i].means(reading) {
				result = Result{Tag: s.exact[i].tag, Ambiguous: true}
				return false
			}
		}
		// Cleaning must not lead into a protected prefix, nor out of one.
		if tag := s.foldedPrefix(reading); tag != literal {
			result.Ambiguous = true
			if tag != 0 {
				result.Tag = tag
			}
		}
		return true
	}
	once := t.decode(escaped)
	if !odd(once) && !strings.ContainsAny(once, "?#") {
		judge(once) // what is plain once it is decoded reads the same everywhere
		return result
	}
	twice := t.decode(once)
	if s.mayMatter(t.fold(twice), literal) {
		t.readings(escaped, once, twice, s.limit, judge)
	}
	return result
}

// mayMatter reports whether some reading of a path may be an endpoint, or lead into a prefix or out of one: it has the last segment of their paths, or two dots. Whatever is cut, merged or resolved,
// segments that are left stand in the path that was decoded twice.
func (s *Set) mayMatter(folded string, literal uint8) bool {
	for i := range s.exact {
		if strings.Contains(folded, s.exact[i].last) {
			return true
		}
	}
	for i := range s.prefixes {
		if s.prefixes[i].tag != literal && strings.Contains(folded, s.prefixes[i].last) {
			return true
		}
	}
	return literal != 0 && strings.Contains(folded, "..")
}

// long classifies an oddly spelled path that is too long for every reading, by what it is decoded twice and folded. It is ambiguous if it holds all that an endpoint ends with, or begins
// like a prefix, so that some reading could lead there. Parameters of segments count: to a server that takes backslashes for slashes, more segments may follow in one.
func (s *Set) long(folded string, literal uint8) Result {
	for i := range s.exact {
		if strings.Contains(folded, s.exact[i].last) {
			return Result{Tag: s.exact[i].tag, Ambiguous: true}
		}
	}
	for i := range s.prefixes {
		if strings.Contains(folded, s.prefixes[i].last) && (literal == 0 || strings.Contains(folded, "..")) {
			return Result{Tag: s.prefixes[i].tag, Ambiguous: true}
		}
	}
	return Result{Tag: literal}
}

// plain classifies a path whose bytes have one reading, apart from case, a final slash and a final suffix.
func (s *Set) plain(path string) Result {
	near := s.near(path)
	if near {
		for i := range s.exact {
			if s.exact[i].means(path) {
				return Result{Tag: s.exact[i].tag, Ambiguous: true}
			}
		}
	}
	tag := s.prefix(path)
	if tag == 0 {
		if folded := s.foldedPrefix(path); folded != 0 {
			return Result{Tag: folded, Ambiguous: true}
		}
	}
	result := Result{Tag: tag, Shaped: tag == 0 && s.shaped(path)}
	if near {
		result.Below = s.below(path)
	}
	return result
}

func (s *Set) prefix(path string) uint8 {
	for i := range s.prefixes {
		if strings.HasPrefix(path, s.prefixes[i].path) {
			return s.prefixes[i].tag
		}
	}
	return 0
}

func (s *Set) foldedPrefix(path string) uint8 {
	for i := range s.prefixes {
		if p := s.prefixes[i].path; len(path) >= len(p) && strings.EqualFold(path[:len(p)], p) {
			return s.prefixes[i].tag
		}
	}
	return 0
}

func (s *Set) below(path string) uint8 {
	for i := range s.exact {
		if rest, found := strings.CutPrefix(path, s.exact[i].bare); found && len(rest) > 1 && rest[0] == '/' {
			return s.exact[i].tag
		}
	}
	return 0
}

func (s *Set) shaped(path string) bool {
	for _, suffix := range s.shapes {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

// means reports whether a server that ignores case, one final slash and a format suffix takes the path for the endpoint.
func (e *entry) means(path string) bool {
	if len(path) < len(e.bare) || len(path) > e.longest() {
		return false
	}
	if len(path) > 1 && len(e.bare) > 1 && path[1]|0x20 != e.bare[1]|0x20 && path[1] < utf8.RuneSelf {
		return false // whatever the cases are
	}
	return equalBut(path, e.bare) || e.bare != e.path && strings.EqualFold(path, e.path)
}

// longest is the size in bytes of the longest path that means the endpoint: the long s and the Kelvin sign are the longest spellings of a letter.
func (e *entry) longest() int { return 3*len(e.bare) + len("/.json/") }

func equalBut(path, bare string) bool {
	path = trimSlash(path)
	if strings.EqualFold(path, bare) {
		return true
	}
	for _, suffix := range [...]string{".json", ".xml", "."} {
		if cut := len(path) - len(suffix); cut > 0 && strings.EqualFold(path[cut:], suffix) && strings.EqualFold(trimSlash(path[:cut]), bare) {
			return true
		}
	}
	return false
}

func trimSlash(path string) string {
	if len(path) > 1 && path[len(path)-1] == '/' {
		return path[:len(path)-1]
	}
	return path
}

// cutSession removes a final ";jsessionid=…" as servlet containers write it.
func cutSession(path string) (string, bool) {
	cut := strings.IndexByte(path, ';')
	if cut < 0 {
		return path, false
	}
	id, found := strings.CutPrefix(path[cut:], ";jsessionid=")
	if !found || id == "" {
		return path, false
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune(".-_!~", rune(c)) {
			return path, false
		}
	}
	return path[:cut], true
}
