package ijson

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
)

// names is the set of the names of members of all objects of a text: a table of twice as many slots as there are members, probed one after the other. It finds a name that occurs twice in one
// object without building anything.
type names struct {
	slots []slot
}

// slot is one member. Object zero is none.
type slot struct {
	hash       uint32
	object     uint32
	begin, end uint32 // where the content of the name stands
}

var (
	seed  = maphash.MakeSeed()
	keys  = [2]uint64{maphash.String(seed, "name"), maphash.String(seed, "object")}
	spare = sync.Pool{New: func() any { return new(names) }}
)

// takeNames is an empty set for the members of a text, each of which has a colon, and five bytes unless it is the last one.
func takeNames(text string) *names {
	members := min(strings.Count(text, ":"), len(text)/5+1)
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
	long := hashOf(name, object)
	hash := uint32(long >> 32)
	mask := uint64(len(n.slots) - 1)
	for at := long & mask; ; at = (at + 1) & mask {
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

// hashOf is a hash of the name and the object. Nobody outside of the process can tell names with the same one. Short names, of which most can stand in a text, take less time.
func hashOf(name string, object uint32) uint64 {
	word := uint64(len(name))
	if len(name) > 8 {
		word = maphash.String(seed, name)
	} else {
		for i := range len(name) {
			word = word<<8 | uint64(name[i])
		}
	}
	upper, lower := bits.Mul64(word^keys[0], uint64(object)^keys[1])
	return upper ^ lower
}
