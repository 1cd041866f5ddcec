package ijson

import "encoding/json"

// Raw is a JSON array or object as it is written, which is known to be one. A text may hold thousands of values, of which rules look at few: nothing is built of the others.
type Raw string

// IsArray reports whether it is an array.
func (r Raw) IsArray() bool { return r[0] == '[' }

// Elements iterates over the elements of an array, or the values of the members of an object: each is a string, [json.Number], bool, nil or Raw.
func (r Raw) Elements(yield func(any) bool) {
	r.each(func(_, written string) bool { return yield(valueOf(written)) })
}

// Strings iterates over the elements of an array; one that is no string reads as an empty one.
func (r Raw) Strings(yield func(string) bool) {
	r.each(func(_, written string) bool {
		if written[0] != '"' {
			return yield("")
		}
		return yield(textOf(written))
	})
}

// Members are those members of an object that are to be kept: each is a string, [json.Number], bool, nil or Raw.
func (r Raw) Members(keep func(name string) bool) map[string]any {
	members := make(map[string]any)
	r.each(func(name, written string) bool {
		if name := textOf(name); keep(name) {
			members[name] = valueOf(written)
		}
		return true
	})
	return members
}

// each iterates over the elements or members as they are written; elements have no names.
func (r Raw) each(yield func(name, written string) bool) {
	text := string(r)
	for at := space(text, 1); text[at] != '}' && text[at] != ']'; {
		name := ""
		if !r.IsArray() {
			end := behind(text, at)
			name = text[at:end]
			at = space(text, space(text, end)+len(":"))
		}
		end := behind(text, at)
		if !yield(name, text[at:end]) {
			return
		}
		if at = space(text, end); text[at] == ',' {
			at = space(text, at+1)
		}
	}
}

// behind is where the value ends that begins at a place.
func behind(text string, at int) int {
	switch text[at] {
	case '"':
		return behindString(text, at)
	case '{', '[':
	default:
		for text[at] > ' ' && text[at] != ',' && text[at] != ']' && text[at] != '}' {
			at++
		}
		return at
	}
	for depth := 0; ; {
		switch text[at] {
		case '"':
			at = behindString(text, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
		at++
	}
}

// behindString is behind for a string.
func behindString(text string, at int) int {
	for at++; text[at] != '"'; at++ {
		if text[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// valueOf is a value by how it is written.
func valueOf(written string) any {
	switch written[0] {
	case '"':
		return textOf(written)
	case '{', '[':
		return Raw(written)
	case 't', 'f':
		return written[0] == 't'
	case 'n':
		return nil
	}
	return json.Number(written)
}

// textOf is a string by how it is written.
func textOf(written string) string {
	r := reader{text: written}
	text, _ := r.quoted(len(`"`))
	return text
}
