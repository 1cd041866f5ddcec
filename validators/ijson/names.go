package ijson

import (
	"hash/maphash"
	"math/bits"
	"sync"
)

// names is the set of the names of members of all objects of a text: a table of at least four times as many slots as there are members, probed one after the other, so that most names find a
// free slot at once. It finds a name that occurs twice in one object without building anything.
type names struct {
	slots   [4 * MaxValues]slot
	mask    uint64 // of the slots that are used, fewer for a short text
	members []member
}

// slot is zero, or one more than the index of a member, below bits of the hash of its name that are not those by which it is found.
type slot uint32

// indexBits are those of the index in a slot.
const indexBits = 12

// member is a member of an object, its slot, and where the content of its name stands.
type member struct{ object, slot, begin, end uint32 }

var (
	seed  = maphash.MakeSeed()
	keys  = [2]uint64{maphash.String(seed, "name"), maphash.String(seed, "object")}
	spare = sync.Pool{New: func() any { return &names{members: make([]member, 0, MaxValues)} }}
)

// takeNames is an empty set for the members of a text of a size, each of which has five bytes unless it is the last one.
func takeNames(size int) *names {
	n := spare.Get().(*names)
	slots := 64
	for slots < len(n.slots) && slots < 4*(size/5+1) {
		slots *= 2
	}
	n.mask = uint64(slots - 1)
	return n
}

// give empties the set and keeps it for others.
func (n *names) give() {
	for i := range n.members {
		n.slots[n.members[i].slot] = 0
	}
	n.members = n.members[:0]
	spare.Put(n)
}

// add adds a name to those of an object, with the place in the text where it is written. It reports false if it is there already.
func (n *names) add(object uint32, name, text string, begin, end int) bool {
	hash := hashOf(name, object)
	tag := slot(hash>>32) &^ (1<<indexBits - 1)
	for at := hash & n.mask; ; at = (at + 1) & n.mask {
		taken := n.slots[at%uint64(len(n.slots))]
		if taken == 0 {
			n.members = append(n.members, member{object: object, slot: uint32(at), begin: uint32(begin), end: uint32(end)})
			n.slots[at%uint64(len(n.slots))] = tag | slot(len(n.members))
			return true
		}
		if taken&^(1<<indexBits-1) != tag {
			continue
		}
		if m := n.members[taken&(1<<indexBits-1)-1]; m.object == object && unquote(text[m.begin:m.end]) == name {
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
