package redirecturi

import "strings"

// step is what a byte does at a place: the flaws that show with it, and below them the number of the next place.
type step uint16

const stepFlaws = 8 // how many bits the flaws are shifted

// steps are those of one byte at all places, by the number of the place.
type steps [1 << stepFlaws]step

// automaton are the steps of each byte. They are worked out when the program starts, by [place.read], so that reading a URI takes one look at them for each byte, and the same time whatever it
// holds.
var automaton [256]*steps

// ends are the flaws that show if the URI ends at a place, by its number.
var ends [len(steps{})]Flaws

// settled are the numbers of the places in each part of a URI at which neither a name nor an escape has begun.
var settled [fragment + 1]uint8

func init() {
	numbers, places := map[place]step{{}: 0}, []place{{}}
	var all [256]steps
	for at := 0; at < len(places); at++ {
		ends[at] = places[at].end()
		number := step(0)
		for c := range all {
			next, found := places[at].read(byte(c))
			if next != places[number] { // most bytes lead to where the one before led
				known := false
				if number, known = numbers[next]; !known {
					number = step(len(places))
					numbers[next], places = number, append(places, next)
				}
			}
			all[c][at] = step(found)<<stepFlaws | number
		}
	}
	shared := map[steps]*steps{} // most bytes do the same as another one
	for c, steps := range all {
		if shared[steps] == nil {
			shared[steps] = &steps
		}
		automaton[c] = shared[steps]
	}
	for i := range settled {
		settled[i] = uint8(numbers[place{part: part(i)}])
	}
}

// read finds the flaws of a URI that show byte by byte: [Character], [Fragment] and [ResponseParameter].
func read(uri string) Flaws {
	if len(uri) >= long {
		return readLong(uri)
	}
	end, found := follow(uri, settled[hierarchy])
	return found | ends[end]
}

// follow reads a text from a place to another one.
func follow(text string, from uint8) (to uint8, found Flaws) {
	var all step
	for i := 0; i < len(text); i++ {
		step := automaton[text[i]][from]
		from, all = uint8(step), all|step
	}
	return from, Flaws(all >> stepFlaws)
}

// long is the length in bytes from which on a URI is read in four parts at once: each step has to wait for the one before, so that four take hardly longer than one.
const long = 1 << 8

func readLong(uri string) Flaws {
	size := len(uri) / 4
	a, b, c, d := uri[:size], uri[size:2*size], uri[2*size:3*size], uri[3*size:4*size]
	inA, inB, inC, inD := settled[hierarchy], reached(uri, size), reached(uri, 2*size), reached(uri, 3*size)
	var all step
	for i := range size {
		stepA, stepB, stepC, stepD := automaton[a[i]][inA], automaton[b[i]][inB], automaton[c[i]][inC], automaton[d[i]][inD]
		inA, inB, inC, inD = uint8(stepA), uint8(stepB), uint8(stepC), uint8(stepD)
		all |= stepA | stepB | stepC | stepD
	}
	end, found := follow(uri[4*size:], inD)
	return found | Flaws(all>>stepFlaws) | ends[end]
}

// memory is how many bytes back a place depends on more than the part of the URI: a name with as many escapes as it can have, and the escape behind it.
var memory = func() int {
	longest := 0
	for _, name := range responseParameters {
		longest = max(longest, len(name))
	}
	return longest*len("%61") + len("%4")
}()

// reached is the number of the place in a long URI that is reached at some byte, which is found from a few bytes before it.
func reached(uri string, at int) uint8 {
	before := uri[:at-memory]
	part := hierarchy
	if question := strings.IndexByte(before, '?'); question >= 0 {
		part = query
		if strings.IndexByte(before[question:], '#') >= 0 {
			part = fragment
		}
	}
	place, _ := follow(uri[at-memory:at], settled[part])
	return place
}
