package scan

import (
	"math/bits"
	"strings"
)

// only reads one location for the parameter [Limits.Only] alone.
func (p *Parameters) only(s string, in Location, limits *Limits) {
	text := limits.Only.String()
	for at := 0; at < len(s); {
		if len(text) >= 8 && len(s)-at >= 8 {
			if ampersands := equal(load8(s, at), '&'); ampersands != 0 {
				at += bits.Len64(ampersands) / 8 // over pairs that are shorter than the name
				continue
			}
		}
		pair := s[at:]
		if end := strings.IndexByte(pair, '&'); end >= 0 {
			pair = pair[:end]
		}
		if behind, found := MeansPrefix(pair, text); found && (behind == "" || behind[0] == '=') {
			if len(p.List) >= limits.Parameters {
				p.Signs |= TooManyParameters
				return
			}
			name := pair[:len(pair)-len(behind)]
			value := strings.TrimPrefix(behind, "=")
			_, means, _ := read(value, 0, endOfAll)
			p.note(limits.Only, in, len(p.List), value != "")
			p.add(name, value, in, limits.Only, means)
		}
		at += len(pair) + 1
	}
}
