package ijson

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
)

// names is the set of the names of members of all objects of a text: a table of at least eight times as many slots as there are members, probed one after the other, so that most names find a
// free slot at once. It finds a name that occurs twice in one object without building anything.
type names struct {
	taken   []uint64 // a bit for each slot
	slots   []uint32 // which member is in a slot that is taken; anything in others
	members []member
}

// member is a member of an object, and where the content of its name stands.
type member struct {
	object     uint32
	begin, end uint32
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
	size := 64
	for size < 8*members {
		size *= 2
	}
	if cap(n.slots) < size {
		n.slots, n.taken = make([]uint32, size), make([]uint64, size/64)
	}
	n.slots, n.taken = n.slots[:size], n.taken[:size/64]
	return n
}

// give empties the set and keeps it for others.
func (n *names) give() {
	clear(n.taken)
	n.members = n.members[:0]
	spare.Put(n)
}

// add adds a name to those of an object, with the place in the text where it is written. It reports false if it is there already.
func (n *names) add(object uint32, name, text string, begin, end int) bool {
	mask := uint64(len(n.slots) - 1)
	for at := hashOf(name, object) & mask; ; at = (at + 1) & mask {
		word, bit := &n.taken[at/64], uint64(1)<<(at%64)
		if *word&bit == 0 {
			*word |= bit
			n.slots[at] = uint32(len(n.members))
			n.members = append(n.members, member{object: object, begin: uint32(begin), end: uint32(end)})
			return true
		}
		if m := n.members[n.slots[at]]; m.object == object && unquote(text[m.begin:m.end]) == name {
			return false
		}
	}
}

// hashOf is a hash of the name and the object. Nobody outside of the process can tell names with the same one. Short names, of which most can stand in a text, take less time.
func hashOf(name string, object uint32) uint64 {
	var word uint64
	switch size := len(name); {
	case size > 8:
		word = maphash.String(seed, name)
	case size >= 4:
		word = uint64(word32(name)) | uint64(word32(name[size-4:]))<<32
	case size > 0:
		word = uint64(name[0]) | uint64(name[size/2])<<8 | uint64(name[size-1])<<16
	}
	upper, lower := bits.Mul64(word^keys[0], uint64(len(name))<<32^uint64(object)^keys[1])
	return upper ^ lower
}

// word32 are the first four bytes of s.
func word32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}
