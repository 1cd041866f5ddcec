package ijson

import (
	"hash/maphash"
	"sync"
)

// names is the set of the names of members of all objects of a text: a table of twice as many slots as there are members, probed one after the other. It finds a name that occurs twice in one
// object without building anything.
type names struct {
	slots []slot
}

// slot is one member. Object zero is none.
type slot struct {
	hash       uint64
	object     uint32
	begin, end uint32 // where the content of the name stands
}

var (
	seed  = maphash.MakeSeed()
	spare = sync.Pool{New: func() any { return new(names) }}
)

// takeNames is an empty set for a number of members.
func takeNames(members int) *names {
	n := spare.Get().(*names)
	size := 16
	for size < 2*members {
		size *= 2
	}
	if cap(n.slots) < size {
		n.slots = make([]slot, size)
	}
	n.slots = n.slots[:size]
	return n
}

// give empties the set and keeps it for others.
func (n *names) give() {
	clear(n.slots)
	spare.Put(n)
}

// add adds a name to those of an object, with the place in the text where it is written. It reports false if it is there already.
func (n *names) add(object uint32, name, text string, begin, end int) bool {
	hash := maphash.String(seed, name) + uint64(object)*0x9E3779B97F4A7C15
	mask := uint64(len(n.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := &n.slots[at]
		if s.object == 0 {
			*s = slot{hash: hash, object: object, begin: uint32(begin), end: uint32(end)}
			return true
		}
		if s.hash == hash && s.object == object && unquote(text[s.begin:s.end]) == name {
			return false
		}
	}
}
