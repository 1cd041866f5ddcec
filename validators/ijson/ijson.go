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
	r := reader{text: text, build: true, names: takeNames(strings.Count(text, ":"))}
	defer r.names.give()
	return r.whole()
}

// Object reads a text that is one object.
func Object(text string) (members map[string]any, ok bool) { return Members(text, nil) }

// Members reads a text that is one object, and keeps only some members of it; nil keeps all. The others have to be what JSON may be, too.
func Members(text string, keep func(name string) bool) (members map[string]any, ok bool) {
	r := reader{text: text, build: true, keep: keep, names: takeNames(strings.Count(text, ":"))}
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
	r := reader{text: text, visit: visit, names: takeNames(strings.Count(text, ":"))}
	defer r.names.give()
	_, ok := r.whole()
	return ok
}

// reader reads one text.
type reader struct {
	text    string
	at      int
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
	r.space()
	if value, ok = r.value("", 0); !ok {
		return nil, false
	}
	r.space()
	return value, r.at == len(r.text)
}

// space skips the white space of JSON.
func (r *reader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			return
		}
	}
}

// skip skips a byte if it comes next.
func (r *reader) skip(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// value reads the value that begins here.
func (r *reader) value(name string, depth int) (value any, ok bool) {
	if r.at == len(r.text) || depth > MaxDepth || r.visit != nil && !r.visit(depth, name, r.text[r.at:]) {
		return nil, false
	}
	switch c := r.text[r.at]; c {
	case '{':
		r.at++
		return r.object(depth)
	case '[':
		r.at++
		return r.array(depth)
	case '"':
		content, ok := r.quoted()
		if ok && r.build {
			return unquote(content), true
		}
		return nil, ok
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	begin := r.at
	ok = r.number()
	if ok && r.build {
		value = json.Number(r.text[begin:r.at])
	}
	return value, ok
}

func (r *reader) word(word string) bool {
	found := strings.HasPrefix(r.text[r.at:], word)
	r.at += len(word)
	return found
}

// object reads what is behind an opening brace.
func (r *reader) object(depth int) (any, bool) {
	var members map[string]any
	if r.build {
		members = make(map[string]any)
	}
	r.objects++
	object := r.objects
	r.space()
	if r.skip('}') {
		return members, true
	}
	for {
		r.space()
		content, ok := r.quoted()
		if !ok {
			return nil, false
		}
		name := content
		if strings.IndexByte(content, '\\') >= 0 {
			name = unquote(content)
		}
		if !r.names.add(object, name, r.text, r.at-1-len(content), r.at-1) {
			return nil, false
		}
		if r.space(); !r.skip(':') {
			return nil, false
		}
		r.space()
		build := r.build
		r.build = build && (depth > 0 || r.keep == nil || r.keep(name))
		value, ok := r.value(name, depth+1)
		if !ok {
			return nil, false
		}
		if r.build {
			members[name] = value
		}
		r.build = build
		if r.space(); r.skip('}') {
			return members, true
		}
		if !r.skip(',') {
			return nil, false
		}
	}
}

// array reads what is behind an opening bracket.
func (r *reader) array(depth int) (any, bool) {
	var elements []any
	if r.build {
		elements = []any{}
	}
	r.space()
	if r.skip(']') {
		return elements, true
	}
	for {
		r.space()
		element, ok := r.value("", depth+1)
		if !ok {
			return nil, false
		}
		if r.build {
			elements = append(elements, element)
		}
		if r.space(); r.skip(']') {
			return elements, true
		}
		if !r.skip(',') {
			return nil, false
		}
	}
}
