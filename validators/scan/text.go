package scan

import "unsafe"

// Text is a string over the same memory as b. It is valid until b is written to: use it for buffers that are filled once per
// request and reused after the request ended.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes is a slice over the memory of s, which must never be written to.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
