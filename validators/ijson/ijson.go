// Package ijson reads I-JSON (RFC 7493): JSON in UTF-8 in which no object has a member twice, so that every parser reads the same in it. Others take the first or the
// last of two members, or replace what they cannot decode.
package ijson

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds how deep arrays and objects may be nested. What OAuth defines has four levels.
const MaxDepth = 32

// MaxValues bounds how many values a text may hold: itself, each element of an array, and each member's value. What OAuth defines has some hundred at most, of keys, URIs and languages,
// and 64 KiB of real redirect URIs are fewer.
const MaxValues = 2048

// Parse reads a text that is one value: a map[string]any, []any, string, [json.Number], bool or nil. It reports false for every other text. Strings of the value may share memory with the text.
func Parse(text string) (value any, ok bool) {
	r := reader{text: text, build: true, names: takeNames(len(text))}
	defer r.names.give()
	return r.whole()
}

// Object reads a text that is one object.
func Object(text string) (members map[string]any, ok bool) {
	value, ok := Parse(text)
	if !ok {
		return nil, false
	}
	members, ok = value.(map[string]any)
	return members, ok
}

// Members reads a text that is one object, and keeps only some members of it, see [Raw.Members]. The others have to be what JSON may be, too.
func Members(text string, keep func(name string) bool) (members map[string]any, ok bool) {
	if !Valid(text) {
		return nil, false
	}
	raw := Raw(text[space(text, 0):])
	if raw[0] != '{' {
		return nil, false
	}
	return raw.Members(keep), true
}

// Valid reports whether a text is one value.
func Valid(text string) bool { return Walk(text, nil) }

// Walk reports whether a text is one value, and that every visit reports true. It visits each value before those in it, with its depth, the name of the member that it is, the byte that it
// begins with, which says of what kind it is, and its content if it is a string. Nothing is built.
func Walk(text string, visit func(depth int, name string, kind byte, content string) bool) bool {
	r := reader{text: text, visit: visit, names: takeNames(len(text))}
	defer r.names.give()
	_, ok := r.whole()
	return ok
}

// reader reads one text. Its methods read what begins at a place, and return where it ends.
type reader struct {
	text    string
	build   bool // the values are built
	visit   func(depth int, name string, kind byte, content string) bool
	names   *names // of all objects
	objects uint32 // how many there were
	values  int    // how many there were
	decoded []byte // room for the names and strings that have escapes, as long as the text; none becomes longer
	written int    // how many bytes of it are used
}

// whole reads a text that is one value.
func (r *reader) whole() (value any, ok bool) {
	if !utf8.ValidString(r.text) {
		return nil, false
	}
	value, at, ok := r.value(space(r.text, 0), "", 0)
	if !ok {
		return nil, false
	}
	return value, space(r.text, at) == len(r.text)
}

// value reads a value.
func (r *reader) value(at int, name string, depth int) (value any, end int, ok bool) {
	if r.values++; at == len(r.text) || depth > MaxDepth || r.values > MaxValues {
		return nil, at, false
	}
	kind, content := r.text[at], ""
	switch kind {
	case '{', '[':
		if r.visit != nil && !r.visit(depth, name, kind, "") {
			return nil, at, false
		}
		if kind == '{' {
			return r.object(at+1, depth)
		}
		return r.array(at+1, depth)
	case '"':
		if content, end, ok = r.quoted(at + 1); r.build {
			value = content
		}
	case 't':
		value, end, ok = true, at+len("true"), strings.HasPrefix(r.text[at:], "true")
	case 'f':
		value, end, ok = false, at+len("false"), strings.HasPrefix(r.text[at:], "false")
	case 'n':
		end, ok = at+len("null"), strings.HasPrefix(r.text[at:], "null")
	default:
		if end, ok = number(r.text, at); ok && r.build {
			value = json.Number(r.text[at:end])
		}
	}
	return value, end, ok && (r.visit == nil || r.visit(depth, name, kind, content))
}

// object reads what is behind an opening brace.
func (r *reader) object(at, depth int) (value any, end int, ok bool) {
	var members map[string]any
	if r.build {
		members = make(map[string]any)
	}
	r.objects++
	object, text := r.objects, r.text
	if at = space(text, at); at < len(text) && text[at] == '}' {
		return members, at + 1, true
	}
	for {
		if at = space(text, at); at == len(text) || text[at] != '"' {
			return nil, at, false
		}
		begin := at + 1
		name, end, ok := r.quoted(begin)
		if !ok || !r.names.add(object, name, text, begin) {
			return nil, at, false
		}
		if at = space(text, end); at == len(text) || text[at] != ':' {
			return nil, at, false
		}
		value, end, ok := r.value(space(text, at+1), name, depth+1)
		if !ok {
			return nil, at, false
		}
		if r.build {
			members[name] = value
		}
		at = space(text, end)
		more, ok := separator(text, at, '}')
		if !more {
			return members, at + 1, ok
		}
		at++
	}
}

// array reads what is behind an opening bracket.
func (r *reader) array(at, depth int) (value any, end int, ok bool) {
	var elements []any
	if r.build {
		elements = []any{}
	}
	text := r.text
	if at = space(text, at); at < len(text) && text[at] == ']' {
		return elements, at + 1, true
	}
	for {
		element, end, ok := r.value(space(text, at), "", depth+1)
		if !ok {
			return nil, at, false
		}
		if r.build {
			elements = append(elements, element)
		}
		at = space(text, end)
		more, ok := separator(text, at, ']')
		if !more {
			return elements, at + 1, ok
		}
		at++
	}
}

// separator reads what is behind a member or an element: more is a comma, ok is a comma or the end.
func separator(text string, at int, end byte) (more, ok bool) {
	if at == len(text) {
		return false, false
	}
	return text[at] == ',', text[at] == ',' || text[at] == end
}
