package clients

import (
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// memory is what a directory stands in: a few blocks without a pointer, however many clients there are.
type memory struct {
	text []byte
	// slots are those of the indexes: IDs, aliases, origins, names.
	slots [indexCount][]uint64
}

const (
	idIndex = iota
	aliasIndex
	originIndex
	nameIndex
	indexCount
)

// Builder makes one directory after the other from what a source delivers, in two pieces of memory that take turns: while one directory is read, the next one is built beside it,
// where the one before stood. So a million clients that change all the time make next to no garbage. It is safe for concurrent use. The zero value is ready.
//
// Nobody counts the readers of a directory, and they may keep pieces of it as long as they like: it is the garbage collector that knows when nobody has one any more, and that hands the
// memory back, see lend.
type Builder struct {
	building sync.Mutex
	// lists and further are only needed while a directory is built.
	lists   []uint64
	further []byte
	// length is that of the text that was built last.
	length int

	mutex sync.Mutex
	// spare is memory that no directory uses; nil if there is none.
	spare *memory
	// lent counts the directories whose memory has not come back.
	lent int
	// back is told when some has come back.
	back chan struct{}
}

// reusable is how many bytes of text are worth to be used again. Less than that is left to the garbage collector, which is not asked to hurry for it.
const reusable = 1 << 20

// memoryPatience is how long a build waits for memory after the garbage collector has found it.
const memoryPatience = 500 * time.Millisecond

// take returns memory that has room for the text; if there is none, new one.
func (b *Builder) take(size int) *memory {
	taken := b.takeSpare()
	if taken == nil && size >= reusable && b.outstanding() > 1 {
		// The directory before the current one is most likely gone, and only the garbage collector can tell. Its work is short, since directories hold nothing that it must
		// walk; a third piece of fresh memory would take longer, and stay.
		runtime.GC()
		taken = b.await(memoryPatience)
	}
	// What is much too large goes, so that a list that has shrunk does not keep memory for ever.
	if taken == nil || cap(taken.text) < size || cap(taken.text) > 4*size+reusable {
		fresh := &memory{text: make([]byte, 0, size+size/16)}
		preferLargePages(fresh.text)
		if taken != nil && cap(taken.text) < size {
			fresh.slots = taken.slots
		}
		return fresh
	}
	return taken
}

// await takes memory as soon as it has come back; nil if none has in time. What has come back before may have left word, too.
func (b *Builder) await(patience time.Duration) *memory {
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-b.back:
			if taken := b.takeSpare(); taken != nil {
				return taken
			}
		case <-late.C:
			return b.takeSpare()
		}
	}
}

func (b *Builder) takeSpare() *memory {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	taken := b.spare
	b.spare = nil
	if b.back == nil {
		b.back = make(chan struct{}, 1)
	}
	return taken
}

func (b *Builder) outstanding() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.lent
}

// give takes memory back that no directory uses.
func (b *Builder) give(m *memory) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.spare == nil {
		b.spare = m
	}
}

// lend leaves the memory to a directory, until the garbage collector finds that nothing refers to it: neither the directory nor any string that is a piece of its text. The indexes are
// not referred to from anywhere else than from directories, which refer to the text as well.
//
// A finalizer may bring its object back to life, which is what is done here. It runs after the garbage collector has seen every goroutine without a pointer to the text, so whatever they
// read, they have read before.
func (b *Builder) lend(m *memory) {
	if cap(m.text) < reusable {
		return
	}
	b.mutex.Lock()
	b.lent++
	b.mutex.Unlock()
	size, slots := cap(m.text), m.slots
	runtime.SetFinalizer(unsafe.SliceData(m.text), func(text *byte) {
		b.give(&memory{text: unsafe.Slice(text, size)[:0], slots: slots})
		b.mutex.Lock()
		b.lent--
		b.mutex.Unlock()
		select {
		case b.back <- struct{}{}:
		default:
		}
	})
}
