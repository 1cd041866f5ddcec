package scan

import "strings"

// Value is the decoded value of one parameter of the list.
func (p *Parameters) Value(item *Parameter) string {
	if item.class&Escapes == 0 {
		return item.RawValue
	}
	if !item.decoded {
		item.value = p.unescape(item.RawValue)
		item.decoded = true
	}
	return item.value
}

// Get is the decoded value of the parameter: of its first occurrence that has one. It is empty if there is none.
func (p *Parameters) Get(name Name) string {
	if p.Seen.Has(name) {
		return p.Value(&p.List[p.first[name]])
	}
	return ""
}

// Class is the class of the value that Get returns.
func (p *Parameters) Class(name Name) Class {
	if p.Seen.Has(name) {
		return p.List[p.first[name]].class &^ Escapes
	}
	return 0
}

// Class is the class of the value of the parameter.
func (item *Parameter) Class() Class { return item.class &^ Escapes }

// Raw is the value that Get returns, as it is written; escaped says that it has to be decoded.
func (p *Parameters) Raw(name Name) (value string, escaped bool) {
	if !p.Seen.Has(name) {
		return "", false
	}
	item := &p.List[p.first[name]]
	return item.RawValue, item.class&Escapes != 0
}

// unescape decodes s as application/x-www-form-urlencoded; malformed escapes stay as they are. What has nothing to decode is returned as it
// is; the rest is written to the arena, which is large enough for every name and value of the request, so that it
// never moves under the strings that point into it.
func (p *Parameters) unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if len(p.arena)+len(s) > cap(p.arena) {
		// A name may be decoded three times: to recognise, to compare and to inspect it.
		p.arena = make([]byte, 0, 3*p.size+len(s))
	}
	start := len(p.arena)
	p.arena = appendUnescaped(p.arena, s, true)
	decoded := p.arena[start:]
	return Text(decoded)
}
