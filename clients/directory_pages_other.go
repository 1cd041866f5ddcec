//go:build !linux

package clients

// preferLargePages does nothing where the system is not asked for large pages.
func preferLargePages[T byte | uint64]([]T) {}
