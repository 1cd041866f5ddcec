package scan

// Octets are the eight bytes of s from at on, the first one lowest. So many must be there.
func Octets(s string, at int) uint64 { return load8(s, at) }

// MarkOctets marks the highest bit of each byte of eight that is the given one.
func MarkOctets(octets uint64, c byte) uint64 { return equal(octets, c) }
