package ijson

import "strings"

// Parse reads a text that is one value: a map[string]any, []any, string, [json.Number], bool or nil. It reports false for every other text. Strings of the value may share memory with the text.
func Parse(text string) (value any, ok bool) {
	if !Valid(text) {
		return nil, false
	}
	return built(valueOf(strings.Trim(text, " \t\r\n"))), true
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

// built is a value, with those in it if it is an array or object.
func built(value any) any {
	raw, isRaw := value.(Raw)
	switch {
	case !isRaw:
		return value
	case raw.IsArray():
		elements := []any{}
		for element := range raw.Elements {
			elements = append(elements, built(element))
		}
		return elements
	}
	members := raw.Members(func(string) bool { return true })
	for name, member := range members {
		members[name] = built(member)
	}
	return members
}
