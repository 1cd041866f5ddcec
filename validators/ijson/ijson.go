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

// Parse reads a text that is one value: a map[string]any, []any, string, [json.Number], bool or nil. It reports false for every other text. Strings of the value may be parts of the text.
func Parse(text string) (value any, ok bool) {
	r := reader{text: text, build: true, names: takeNames(text)}
	defer r.names.give()
	return r.whole()
}

// Object reads a text that is one object.
func Object(text string) (members map[string]any, ok bool) { return Members(text, nil) }

// Members reads a text that is one object, and keeps only some members of it; nil keeps all. The others have to be what JSON may be, too.
func Members(text string, keep func(name string) bool) (members map[string]any, ok bool) {
	r := reader{text: text, build: true, keep: keep, names: takeNames(text)}
	defer r.names.give()
	value, ok := r.whole()
	if !ok {
		return nil, false
	}
	members, ok = value.(map[string]any)
	return members, ok
}

// Valid reports whether a text is one value.
func Valid(text string) bool { return Walk(text, nil) }

// Walk reports whether a text is one value, and that every visit reports true. It visits each value before those in it, with its depth, the name of the member that it is, and the text from
// it on: the first byte says of what kind it is. Names are only valid during the visit. Nothing is built.
func Walk(text string, visit func(depth int, name, rest string) bool) bool {
	r := reader{text: text, visit: visit, names: takeNames(text)}
	defer r.names.give()
	_, ok := r.whole()
	return ok
}

// reader reads one text. Its methods read what begins at a place, and return where it ends.
type reader struct {
	text    string
	build   bool                   // the values are built
	keep    func(name string) bool // which members of the outermost object are built; nil is all
	visit   func(depth int, name, rest string) bool
	names   *names // of all objects
	objects uint32 // how many there were
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

// white is the white space of JSON.
var white = [' ' + 1]bool{' ': true, '\t': true, '\r': true, '\n': true}

// space is where the white space ends that begins at a place.
func space(text string, at int) int {
	for at < len(text) && text[at] <= ' ' && white[text[at]] {
		at++
	}
	return at
}

// value reads a value.
func (r *reader) value(at int, name string, depth int) (value any, end int, ok bool) {
	if at == len(r.text) || depth > MaxDepth || r.visit != nil && !r.visit(depth, name, r.text[at:]) {
		return nil, at, false
	}
	switch c := r.text[at]; c {
	case '{':
		return r.object(at+1, depth)
	case '[':
		return r.array(at+1, depth)
	case '"':
		end, _, ok := quoted(r.text, at+1)
		if ok && r.build {
			value = unquote(r.text[at+1 : end])
		}
		return value, end + 1, ok
	case 't':
		return true, at + len("true"), strings.HasPrefix(r.text[at:], "true")
	case 'f':
		return false, at + len("false"), strings.HasPrefix(r.text[at:], "false")
	case 'n':
		return nil, at + len("null"), strings.HasPrefix(r.text[at:], "null")
	}
	end, ok = number(r.text, at)
	if ok && r.build {
		value = json.Number(r.text[at:end])
	}
	return value, end, ok
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
		end, escapes, ok := quoted(text, begin)
		if !ok {
			return nil, at, false
		}
		name := text[begin:end]
		if escapes {
			name = unquote(name)
		}
		if !r.names.add(object, name, text, begin, end) {
			return nil, at, false
		}
		if at = space(text, end+1); at == len(text) || text[at] != ':' {
			return nil, at, false
		}
		build := r.build
		r.build = build && (depth > 0 || r.keep == nil || r.keep(name))
		value, end, ok := r.value(space(text, at+1), name, depth+1)
		if !ok {
			return nil, at, false
		}
		if r.build {
			members[name] = value
		}
		r.build = build
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
