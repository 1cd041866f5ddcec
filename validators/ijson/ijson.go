// Package ijson reads I-JSON (RFC 7493): JSON in UTF-8 in which no object has a member twice, so that every parser reads the same in it. Others take the first or the
// last of two members, or replace what they cannot decode.
package ijson

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds how deep arrays and objects may be nested. What OAuth defines has four levels.
const MaxDepth = 32

// Parse reads a text that is one value: a map[string]any, []any, string, [json.Number], bool or nil. It reports false for every other text.
func Parse(text string) (value any, ok bool) {
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if value, ok = next(decoder, 0); !ok {
		return nil, false
	}
	_, err := decoder.Token()
	return value, err == io.EOF
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

// Valid reports whether a text is one value.
func Valid(text string) bool {
	_, ok := Parse(text)
	return ok
}

// next reads one value at a depth.
func next(decoder *json.Decoder, depth int) (value any, ok bool) {
	token, err := decoder.Token()
	if err != nil || depth > MaxDepth {
		return nil, false
	}
	switch token {
	case json.Delim('{'):
		value, ok = object(decoder, depth)
	case json.Delim('['):
		value, ok = array(decoder, depth)
	default:
		return token, true
	}
	if !ok {
		return nil, false
	}
	_, err = decoder.Token() // the closing bracket
	return value, err == nil
}

func object(decoder *json.Decoder, depth int) (map[string]any, bool) {
	members := make(map[string]any)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		name := token.(string) // the decoder accepts nothing else here
		if _, twice := members[name]; twice {
			return nil, false
		}
		value, ok := next(decoder, depth+1)
		if !ok {
			return nil, false
		}
		members[name] = value
	}
	return members, true
}

func array(decoder *json.Decoder, depth int) ([]any, bool) {
	elements := []any{}
	for decoder.More() {
		value, ok := next(decoder, depth+1)
		if !ok {
			return nil, false
		}
		elements = append(elements, value)
	}
	return elements, true
}
