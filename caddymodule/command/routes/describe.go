package routes

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// canonical is the JSON of matchers, equal for equal ones.
func canonical(match []map[string]json.RawMessage) string {
	text, _ := json.Marshal(match) // it was read from JSON
	return string(text)
}

// describe says for people what a route matches.
func describe(match []map[string]json.RawMessage) string {
	sets := make([]string, len(match))
	for i, set := range match {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(set)) {
			parts = append(parts, strings.TrimSpace(name+" "+words(set[name])))
		}
		sets[i] = strings.Join(parts, " and ")
	}
	return shorten(strings.Join(sets, " or "))
}

// words are the texts in a piece of JSON, in a line.
func words(raw json.RawMessage) string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, " ")
	}
	var single string
	if json.Unmarshal(raw, &single) == nil {
		return single
	}
	return string(raw)
}

// describeRewrite says for people what a rewrite does.
func describeRewrite(members map[string]json.RawMessage) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name != "handler" {
			parts = append(parts, name+" "+words(members[name]))
		}
	}
	return shorten("rewrite " + strings.Join(parts, ", "))
}

// maxText is how many bytes of a piece of the configuration are shown.
const maxText = 160

func shorten(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
