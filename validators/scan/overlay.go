package scan

import "strings"

// Drop makes the parameters of some names unknown, as if they were not there. Where they stood is still said by In.
func (p *Parameters) Drop(names Names) {
	for i := range p.List {
		if item := &p.List[i]; names.Has(item.Name) {
			item.Name = Unknown
		}
	}
	p.Seen &^= names
	p.Present &^= names
	p.Repeated &^= names
}

// Add adds a parameter with a value that needs no decoding. It stood in no place that In knows.
func (p *Parameters) Add(name Name, value string) {
	class := ClassOf(value)
	if class&Blanks != 0 && (value[0] == ' ' || value[len(value)-1] == ' ' || strings.Contains(value, "  ")) {
		class |= Gaps
	}
	p.List = append(p.List, Parameter{RawName: name.String(), RawValue: value, Name: name, class: class})
	bit := Names(1) << name
	if p.Seen&bit == 0 || value != "" && p.Present&bit == 0 {
		p.first[name] = uint16(len(p.List) - 1)
	}
	p.Seen |= bit
	if value != "" {
		p.Present |= bit
	}
	if class&NonASCIIBytes != 0 {
		p.Signs |= NonASCII
	}
	if class&Controls != 0 {
		p.Signs |= Control
	}
}
