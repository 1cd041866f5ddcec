package clients

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
)

// index finds entries of a text by the key that each begins with. It holds no pointers, so that the garbage collector does not walk it, however many entries
// there are.
type index struct {
	// seed keeps anybody from choosing keys that collide.
	seed maphash.Seed
	// slots are a hash table with linear probing. The low half of a slot is one more than where the entry begins, the high half is a part of the hash of its key;
	// an empty slot is zero.
	slots []uint64
	count int
}

// maxText is the length of a text, in bytes, that slots can still point into.
const maxText = math.MaxUint32 - 1

// newIndex makes an index that has room for so many entries.
func newIndex(count int) index { return indexIn(nil, count) }

// indexIn is newIndex in slots that are used again. All of them are used, unless they are many more than needed: they are as many as an index of the same kind had before.
func indexIn(slots []uint64, count int) index {
	if least := count + count/2 + 1; len(slots) < least {
		slots = make([]uint64, least)
		preferLargePages(slots)
	} else {
		clear(slots)
	}
	return index{seed: maphash.MakeSeed(), slots: slots}
}

// find returns the slot of the entry with that key, or, if there is none, the one where it belongs. It allocates nothing.
func (x *index) find(text, key string) (slot int, found bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	hash := maphash.String(x.seed, key)
	high, _ := bits.Mul64(hash, uint64(len(x.slots)))
	for slot = int(high); x.slots[slot] != 0; {
		if held := x.slots[slot]; uint32(held>>32) == uint32(hash) && keyAt(text, entryOf(held)) == key {
			return slot, true
		}
		if slot++; slot == len(x.slots) {
			slot = 0
		}
	}
	return slot, false
}

// entry is where the entry of a slot begins.
func (x *index) entry(slot int) int { return entryOf(x.slots[slot]) }

func entryOf(held uint64) int { return int(uint32(held)) - 1 }

// add adds the entry that begins there, unless there is one of the same key already.
func (x *index) add(text string, entry int) (added bool) {
	if 4*(x.count+1) > 3*len(x.slots) {
		x.grow(text)
	}
	key := keyAt(text, entry)
	slot, found := x.find(text, key)
	if found {
		return false
	}
	x.slots[slot] = maphash.String(x.seed, key)<<32 | uint64(entry+1)
	x.count++
	return true
}

// grow doubles the room.
func (x *index) grow(text string) {
	larger := newIndex(2 * (x.count + 4))
	for _, held := range x.slots {
		if held != 0 {
			larger.add(text, entryOf(held))
		}
	}
	*x = larger
}

// fit gives up room that was made for many more entries than came.
func (x *index) fit(text string) {
	if len(x.slots) <= 2*x.count+16 {
		return
	}
	smaller := newIndex(x.count)
	for _, held := range x.slots {
		if held != 0 {
			smaller.add(text, entryOf(held))
		}
	}
	*x = smaller
}

// appendKey appends a key, or any other string: its length and its bytes.
func appendKey(text []byte, key string) []byte {
	return append(binary.AppendUvarint(text, uint64(len(key))), key...)
}

// keyAt is the key of the entry that begins there.
func keyAt(text string, entry int) string {
	at := cursor{text, entry}
	return at.key()
}

// cursor reads a text from a place on.
type cursor struct {
	text string
	at   int
}

// number reads what [binary.AppendUvarint] wrote.
func (c *cursor) number() (value int) {
	for shift := 0; ; shift += 7 {
		digit := c.text[c.at]
		c.at++
		if value |= int(digit&0x7F) << shift; digit < 0x80 {
			return value
		}
	}
}

// take reads so many bytes.
func (c *cursor) take(length int) string {
	taken := c.text[c.at : c.at+length]
	c.at += length
	return taken
}

// key reads what [appendKey] wrote.
func (c *cursor) key() string { return c.take(c.number()) }
