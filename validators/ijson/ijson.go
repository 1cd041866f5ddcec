// Package ijson reads I-JSON (RFC 7493): JSON in UTF-8 in which no object has a member twice, so that every parser reads the same in it. Others take the first or the
// last of two members, or replace what they cannot decode.
package ijson

import (
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds how deep arrays and objects may be nested. What OAuth defines has four levels.
const MaxDepth = 32

// MaxValues bounds how many values a text may hold: itself, each element of an array, and each member's value. What OAuth defines has some hundred at most, of keys, URIs and languages,
// and 64 KiB of real redirect URIs are fewer.
const MaxValues = 2048

// Valid reports whether a text is one value.
func Valid(text string) bool { return Walk(text, nil) }

// Walk reports whether a text is one value, and that every visit reports true. It visits each value before those in it, with its depth, the name of the member that it is, the byte that it
// begins with, which says of what kind it is, and its content if it is a string. Nothing is built.
func Walk(text string, visit func(depth int, name string, kind byte, content string) bool) bool {
	r := reader{text: text, visit: visit, names: takeNames(len(text))}
	defer r.names.give()
	return r.whole()
}

// Members reads a text that is one object, and keeps only some members of it: each is a string, [json.Number], bool, nil or [Raw]. The others have to be what JSON may be, too.
func Members(text string, keep func(name string) bool) (members map[string]any, ok bool) {
	r := reader{text: text, keep: keep, members: make(map[string]any), names: takeNames(len(text))}
	defer r.names.give()
	if !r.whole() || text[space(text, 0)] != '{' {
		return nil, false
	}
	return r.members, true
}

// reader reads one text. Its methods read what begins at a place, and return where it ends, or wrong.
type reader struct {
	text    string
	visit   func(depth int, name string, kind byte, content string) bool
	keep    func(name string) bool // which members of the outermost object are kept
	members map[string]any         // those that are kept
	names   *names                 // of all objects
	objects uint32                 // how many there were
	values  int                    // how many there were
	decoded []byte                 // room for the names and strings that have escapes, as long as the text; none becomes longer
	written int                    // how many bytes of it are used
}

const wrong = -1

// whole reports whether the text is one value.
func (r *reader) whole() bool {
	if !utf8.ValidString(r.text) {
		return false
	}
	end := r.value(space(r.text, 0), "", 0)
	return end != wrong && space(r.text, end) == len(r.text)
}

// value reads a value.
func (r *reader) value(at int, name string, depth int) (end int) {
	if r.values++; at == len(r.text) || depth > MaxDepth || r.values > MaxValues {
		return wrong
	}
	kind, content := r.text[at], ""
	switch kind {
	case '{', '[':
		if r.visit != nil && !r.visit(depth, name, kind, "") {
			return wrong
		}
		if kind == '{' {
			return r.object(at+1, depth)
		}
		return r.array(at+1, depth)
	case '"':
		content, end = r.quoted(at + 1)
	case 't':
		end = literal(r.text, at, "true")
	case 'f':
		end = literal(r.text, at, "false")
	case 'n':
		end = literal(r.text, at, "null")
	default:
		end = number(r.text, at)
	}
	if end == wrong || r.visit != nil && !r.visit(depth, name, kind, content) {
		return wrong
	}
	return end
}

// literal reads one of the words of JSON.
func literal(text string, at int, word string) (end int) {
	if !strings.HasPrefix(text[at:], word) {
		return wrong
	}
	return at + len(word)
}

// object reads what is behind an opening brace.
func (r *reader) object(at, depth int) (end int) {
	r.objects++
	object, text := r.objects, r.text
	if at = space(text, at); at < len(text) && text[at] == '}' {
		return at + 1
	}
	first, firstBegin := "", 0
	for members := 0; ; members++ {
		if at = space(text, at); at == len(text) || text[at] != '"' {
			return wrong
		}
		begin := at + 1
		name, end := r.quoted(begin)
		if end == wrong {
			return wrong
		}
		switch members {
		case 0:
			first, firstBegin = name, begin // objects that are many have one member mostly, which is compared with no other
		case 1:
			r.names.add(object, first, text, firstBegin)
		}
		if members > 0 && !r.names.add(object, name, text, begin) {
			return wrong
		}
		if at = space(text, end); at == len(text) || text[at] != ':' {
			return wrong
		}
		at = space(text, at+1)
		if end = r.value(at, name, depth+1); end == wrong {
			return wrong
		}
		if r.keep != nil && depth == 0 && r.keep(name) {
			r.members[name] = valueOf(text[at:end])
		}
		if at = space(text, end); at == len(text) || text[at] != ',' {
			return closing(text, at, '}')
		}
		at++
	}
}

// array reads what is behind an opening bracket.
func (r *reader) array(at, depth int) (end int) {
	text := r.text
	if at = space(text, at); at < len(text) && text[at] == ']' {
		return at + 1
	}
	for {
		end := r.value(space(text, at), "", depth+1)
		if end == wrong {
			return wrong
		}
		if at = space(text, end); at == len(text) || text[at] != ',' {
			return closing(text, at, ']')
		}
		at++
	}
}

// closing reads the end of an object or an array.
func closing(text string, at int, bracket byte) (end int) {
	if at == len(text) || text[at] != bracket {
		return wrong
	}
	return at + 1
}
