package hubtest

import (
	"errors"
	"strings"
)

// fields are the members that a request asks for. Nil stands for those that come without being asked for.
type fields map[string]fields

// parseFields reads Hub's fields syntax: a,b(c,d) and a/b.
func parseFields(text string) (fields, error) {
	p := fieldsParser{rest: text}
	tree, err := p.list()
	if err != nil || p.rest != "" {
		return nil, errFields
	}
	return tree, nil
}

var errFields = errors.New("can't parse the fields")

type fieldsParser struct{ rest string }

func (p *fieldsParser) list() (fields, error) {
	tree := fields{}
	for {
		if err := p.item(tree); err != nil {
			return nil, err
		}
		if !p.take(",") {
			return tree, nil
		}
	}
}

func (p *fieldsParser) item(tree fields) error {
	end := strings.IndexAny(p.rest, ",()/")
	if end < 0 {
		end = len(p.rest)
	}
	name := strings.TrimSpace(p.rest[:end])
	if p.rest = p.rest[end:]; name == "" {
		return errFields
	}
	inner := tree[name]
	switch {
	case p.take("/"):
		if inner == nil {
			inner = fields{}
		}
		tree[name] = inner
		return p.item(inner)
	case p.take("("):
		list, err := p.list()
		if err != nil || !p.take(")") {
			return errFields
		}
		for member, below := range inner {
			list[member] = below
		}
		inner = list
	}
	tree[name] = inner
	return nil
}

func (p *fieldsParser) take(token string) bool {
	rest, found := strings.CutPrefix(p.rest, token)
	p.rest = rest
	return found
}

// basic are the members of an object inside of another one that come without being asked for.
var basic = fields{"id": nil}

// choose leaves the members that were asked for. An object always has its type, and a secret only comes if it is named.
func choose(object map[string]any, asked fields) map[string]any {
	chosen := make(map[string]any, len(object))
	for name, value := range object {
		below, named := asked[name]
		switch {
		case name == "type":
		case name == "secret" && !named:
			continue
		case asked != nil && !named:
			continue
		}
		if below == nil {
			below = basic
		}
		switch value := value.(type) {
		case map[string]any:
			chosen[name] = choose(value, below)
		case []any:
			list := make([]any, len(value))
			for i := range value {
				list[i] = value[i]
				if inner, ok := value[i].(map[string]any); ok {
					list[i] = choose(inner, below)
				}
			}
			chosen[name] = list
		default:
			chosen[name] = value
		}
	}
	return chosen
}
