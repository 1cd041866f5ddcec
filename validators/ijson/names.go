package ijson

import (
	"hash/maphash"
	"math/bits"
	"sync"
)

// names is the set of the names of members of all objects of a text: a table of at least four times as many slots as there are members, probed one after the other, so that most names find a
// free slot at once. It finds a name that occurs twice in one object without building anything.
type names struct {
	slots   [4 * MaxValues]uint16 // zero, or one more than the index of a member
	used    int                   // how many slots are, fewer for a short text
	members []member
}

// member is a member of an object, the upper half of the hash of both, and where the content of its name begins.
type member struct{ object, hash, begin uint32 }

var (
	seed  = maphash.MakeSeed()
	keys  = [2]uint64{maphash.String(seed, "name"), maphash.String(seed, "object")}
	spare = sync.Pool{New: func() any { return &names{members: make([]member, 0, MaxValues)} }}
)

// takeNames is an empty set for the members of a text of a size, each of which has five bytes unless it is the last one.
func takeNames(size int) *names {
	n := spare.Get().(*names)
	n.used = 64
	for n.used < len(n.slots) && n.used < 4*(size/5+1) {
		n.used *= 2
	}
	return n
}

// give empties the set and keeps it for others.
func (n *names) give() {
	clear(n.slots[:n.used])
	n.members = n.members[:0]
	spare.Put(n)
}

// add adds a name to those of an object, with the place in the text where its content begins. It reports false if it is there already.
func (n *names) add(object uint32, name, text string, begin int) bool {
	hash := hashOf(name, object)
	added := member{object: object, hash: uint32(hash >> 32), begin: uint32(begin)}
	slots := n.slots[:n.used]
	for at := int(hash) & (len(slots) - 1); ; at = (at + 1) & (len(slots) - 1) {
		taken := slots[at]
		if taken == 0 {
			n.members = append(n.members, added)
			slots[at] = uint16(len(n.members))
			return true
		}
		m := &n.members[taken-1]
		if m.hash != added.hash || m.object != object {
			continue
		}
		other := reader{text: text}
		if content, _ := other.quoted(int(m.begin)); content == name {
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
