package scan

// Drop makes the parameters of some names unknown, as if they were not there. Where they stood is still said by In.
func (p *Parameters) Drop(names Names) {
	for i := range p.List {
		if item := &p.List[i]; names.Has(item.Name) {
			p.first[item.Name], item.Name = 0, Unknown
		}
	}
	p.Seen &^= names
	p.Present &^= names
	p.Repeated &^= names
}

// Add adds a parameter with a value that needs no decoding. It stood in no place that In knows.
func (p *Parameters) Add(name Name, value string) {
	p.List = append(p.List, Parameter{RawName: name.String(), RawValue: value, Name: name, decoded: true, value: value})
	bit := Names(1) << name
	if p.Seen&bit == 0 || value != "" && p.Present&bit == 0 {
		p.first[name] = uint16(len(p.List))
	}
	p.Seen |= bit
	if value != "" {
		p.Present |= bit
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c >= 0x80 {
			p.Signs |= NonASCII
		} else if c < 0x20 || c == 0x7F {
			p.Signs |= Control
		}
	}
}
