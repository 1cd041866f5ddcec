package clients

import (
	"syscall"
	"unsafe"
)

// preferLargePages asks the system for large pages behind a block of fresh memory. Look-ups reach into it anywhere, and with small pages the processor mostly looks for the page. A
// system that has none to give, or is not asked to, goes on with small ones.
func preferLargePages[T byte | uint64](block []T) {
	block = block[:cap(block)]
	const hugePage, advice = 2 << 20, 14 // MADV_HUGEPAGE of madvise(2)
	size := len(block) * int(unsafe.Sizeof(*new(T)))
	if size < 2*hugePage {
		return
	}
	// Only whole pages can be advised about. What lies beside the block belongs to others.
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(block)))
	first := int(-begin & (hugePage - 1))
	if whole := (size - first) &^ (hugePage - 1); whole > 0 {
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(block))), size)
		_ = syscall.Madvise(bytes[first:first+whole], advice)
	}
}
