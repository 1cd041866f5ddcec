// Package scan reads the parameters of a query string and a form body once, over the raw bytes, and notes every place where
// another parser could read something else.
//
// It keeps one reading, the strict one of RFC 6749 appendix B, and a set of [Signs]. Bytes without a sign have no second reading.
package scan

import "hash/maphash"

// Location says where a parameter stood.
type Location uint8

// The two places that parameters come from.
const (
	Query Location = iota
	Body
)

// MaxName is the longest name of a parameter in bytes, as written.
const MaxName = 256

// Limits bounds what is read. All are in bytes except Parameters, which is a count.
type Limits struct {
	Query, Body, Parameters, Value int
	// Only is the one parameter that is looked for: the others are neither kept nor counted, and have no signs. Unknown reads all.
	Only Name
}

// DefaultLimits are the limits of a guard that configures none.
var DefaultLimits = Limits{Query: 16 << 10, Body: 64 << 10, Parameters: 100, Value: 16 << 10}

// Parameter is one name and value as they stood in the request.
type Parameter struct {
	// RawName and RawValue are the bytes as sent.
	RawName, RawValue string
	// Name is what the decoded name is recognised as, or Unknown.
	Name Name
	// Folded is what some stack takes the name for although it is not literally that, or Unknown.
	Folded Name
	// In says where it stood.
	In Location

	decoded bool
	class   Class  // of the value
	hash    uint64 // of the name, once it was compared
	value   string
}

// Parameters is the result of a scan. It is made to be used again: strings that it returned are valid until the next Scan.
type Parameters struct {
	// List holds the parameters in the order of the request, the query's first.
	List []Parameter
	// Signs is what was noticed.
	Signs Signs
	// Seen are the recognised names that occur, with whatever value.
	Seen Names
	// Present are the recognised names that occur with a value; a parameter without a value counts as omitted (RFC 6749 section 3.1).
	Present Names
	// In are the recognised names that occur in each location.
	In [2]Names
	// Repeated are the recognised names that occur more than once in one location.
	Repeated Names
	// Folded are the names that some stack would recognise in a name that is not literally one.
	Folded [2]Names

	first   [nameCount]uint16 // of those that are seen: the index in List of the occurrence that has a value, else of the first
	unknown int               // how many parameters are not recognised
	arena   []byte
	size    int
}

// MaxParameters is the highest value that Limits.Parameters may have. PHP and Node read no more.
const MaxParameters = 1000

var hashSeed = maphash.MakeSeed()

// Scan reads query and body. Only the relevant names are recognised; every other name is Unknown.
func (p *Parameters) Scan(query, body string, relevant Names, limits *Limits) {
	p.List = p.List[:0]
	p.Signs, p.Seen, p.Present, p.Repeated = 0, 0, 0, 0
	p.In, p.Folded = [2]Names{}, [2]Names{}
	p.unknown = 0
	p.arena = p.arena[:0]
	p.size = len(query) + len(body)
	if len(query) > limits.Query {
		p.Signs |= TooLongQuery
	} else if query != "" {
		p.section(query, Query, relevant, limits)
	}
	if len(body) > limits.Body {
		p.Signs |= TooLongBody
	} else if body != "" {
		p.section(body, Body, relevant, limits)
	}
}

// section reads one location.
func (p *Parameters) section(s string, in Location, relevant Names, limits *Limits) {
	if limits.Only != Unknown {
		p.only(s, in, limits)
		return
	}
	var written Class
	for at := 0; at < len(s); at++ { // over an ampersand, which stands between two pairs
		if s[at] == '&' {
			continue
		}
		if len(p.List) >= limits.Parameters {
			// Of what is not read only the signs count.
			_, means, raw := read(s, at, endOfAll)
			p.noteNonASCII(means)
			p.Signs |= TooManyParameters
			written |= raw
			break
		}
		begin := at
		name, length := known(s, at)
		if !relevant.Has(name) {
			at = p.other(s, begin, length, in, relevant, limits, &written)
			continue
		}
		value := begin + length + 1
		end, means, raw := read(s, value, endOfValue)
		at = end
		written |= raw
		p.note(name, in, len(p.List), end > value)
		item := p.add(nameTexts[name], s[value:end], in, name, means)
		if end-value > limits.Value || (means|raw)&(Controls|NonASCIIBytes|bracketEquals) != 0 {
			p.scrutinise(item, 0, raw, limits)
		}
	}
	if written&signing != 0 {
		p.Signs |= rawSigns[in].of(written)
	}
}

// other reads a pair whose name is not simply one of the relevant ones, up to its end; if there is an equals sign near, length is how far. It is not inlined for the reason that read is not.
//
//go:noinline
func (p *Parameters) other(s string, begin, length int, in Location, relevant Names, limits *Limits, written *Class) (end int) {
	if length > 0 && plain(s[begin:begin+length]) {
		value := begin + length + 1
		end, means, raw := read(s, value, endOfValue)
		*written |= raw
		item := p.add(s[begin:value-1], s[value:end], in, Unknown, means)
		p.noteUnknown(item)
		p.scrutinise(item, 0, raw, limits)
		return end
	}
	equals, class, rawName := read(s, begin, endOfName)
	end = equals
	value := equals
	var means, raw Class
	if equals < len(s) && s[equals] == '=' {
		value++
		end, means, raw = read(s, value, endOfValue)
	}
	*written |= rawName | raw
	name := Unknown
	if value == equals || equals-begin >= knownLimit { // else known would have found it
		name = Recognise(s[begin:equals])
	}
	item := p.add(s[begin:equals], s[value:end], in, name, means)
	if item.Name == Unknown {
		item.Name = p.decodedName(item, class, relevant)
	}
	if relevant.Has(item.Name) {
		p.note(item.Name, in, len(p.List)-1, item.RawValue != "")
	} else {
		item.Name = Unknown
		p.noteUnknown(item)
	}
	p.scrutinise(item, class, raw, limits)
	return end
}

// plain reports whether a name consists of small letters, digits, hyphens and underscores, so that nothing else can be meant.
func plain(name string) bool {
	for i := 0; i < len(name); i++ {
		if !plainBytes[name[i]] {
			return false
		}
	}
	return true
}

var plainBytes = func() (table [256]bool) {
	for c, class := range classes {
		table[c] = class == 0 && (c < 'A' || c > 'Z')
	}
	return table
}()

// scrutinise looks closely at a parameter whose name is of the class, and whose value has such bytes as it is written.
func (p *Parameters) scrutinise(item *Parameter, class, written Class, limits *Limits) {
	p.noteNonASCII(class | item.class)
	p.tooLong(item, limits)
	if written&bracketEquals != 0 && item.Name != Unknown {
		p.Signs |= BracketSeparator
	}
	if (class|item.class)&(Controls|NonASCIIBytes) != 0 {
		p.inspect(item, class)
	}
}

// noteNonASCII notes a byte above 0x7F, raw or escaped.
func (p *Parameters) noteNonASCII(means Class) {
	if means&NonASCIIBytes != 0 {
		p.Signs |= NonASCII
	}
}

func (p *Parameters) tooLong(item *Parameter, limits *Limits) {
	if len(item.RawName) > MaxName || len(item.RawValue) > limits.Value {
		p.Signs |= TooLongValue
	}
}

// add puts a parameter with a value of the class at the end of the list.
func (p *Parameters) add(rawName, rawValue string, in Location, name Name, class Class) *Parameter {
	item := p.next()
	item.RawName, item.RawValue = rawName, rawValue
	item.Name, item.Folded, item.In, item.decoded, item.class, item.hash = name, Unknown, in, false, class, 0
	return item
}

// next is a place at the end of the list.
func (p *Parameters) next() *Parameter {
	count := len(p.List)
	if count < cap(p.List) {
		p.List = p.List[:count+1]
	} else {
		p.List = append(p.List, Parameter{})
	}
	return &p.List[count]
}

// note registers the parameter with that index in the list under its name.
func (p *Parameters) note(name Name, in Location, index int, valued bool) {
	bit := Names(1) << (name & 63)
	if p.Seen&bit == 0 || valued && p.Present&bit == 0 {
		p.first[name] = uint16(index)
	}
	if p.Seen&bit != 0 {
		p.Repeated |= p.In[in&1] & bit
	}
	p.Seen |= bit
	p.In[in&1] |= bit
	if valued {
		p.Present |= bit
	}
}

// decodedName recognises a name of a class that is not literally a recognised one: it may be escaped, or fold into one.
func (p *Parameters) decodedName(item *Parameter, class Class, relevant Names) Name {
	name := item.RawName
	if name == "" {
		p.Signs |= EmptyName
	}
	if class == 0 && !hasUpper(name) {
		return Unknown
	}
	if class&Escapes != 0 {
		name = p.unescape(name)
	}
	recognised := Recognise(name)
	if relevant.Has(recognised) {
		return recognised
	}
	if folded := fold(name); relevant.Has(folded) {
		item.Folded = folded
		p.Signs |= FoldedName
		p.Folded[item.In] |= 1 << folded
	}
	return recognised
}

func hasUpper(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return true
		}
	}
	return false
}

// noteUnknown looks for an earlier parameter of the same unrecognised name in the same location. Comparing hashes keeps a
// hundred long names cheap; a single one needs none.
func (p *Parameters) noteUnknown(item *Parameter) {
	if p.unknown++; p.unknown == 1 {
		return
	}
	hash := p.hashOf(item)
	for i := range p.List[:len(p.List)-1] {
		other := &p.List[i]
		if other.Name == Unknown && other.In == item.In && p.hashOf(other) == hash {
			p.Signs |= RepeatedUnknown
			return
		}
	}
}

// hashOf is a hash of the decoded name.
func (p *Parameters) hashOf(item *Parameter) uint64 {
	if item.hash == 0 {
		item.hash = maphash.String(hashSeed, p.unescape(item.RawName)) | 1
	}
	return item.hash
}

// inspect looks closely at one parameter that holds a control character, or a byte above 0x7F, raw or escaped, in its name, which is of the class, or in its value.
func (p *Parameters) inspect(item *Parameter, class Class) {
	if class&Controls != 0 || item.class&Controls != 0 && item.Name != Unknown && !p.mayHoldControls(item) {
		p.Signs |= Control
	}
	if class&brokenUTF8 != 0 {
		p.Signs |= InvalidUTF8
	}
	if item.class&brokenUTF8 != 0 {
		if item.Name != Unknown || item.Folded != Unknown {
			p.Signs |= InvalidUTF8
		} else {
			p.Signs |= InvalidUTF8Unknown
		}
	}
}

// mayHoldControls reports whether a value may hold the controls that it holds: RFC 6749 appendix A allows a tab in username and password, and no other control anywhere.
func (p *Parameters) mayHoldControls(item *Parameter) bool {
	if item.Name != Username && item.Name != Password {
		return false
	}
	value := p.Value(item)
	for i := 0; i < len(value); i++ {
		if c := value[i]; c != '\t' && (c < 0x20 || c == 0x7F) {
			return false
		}
	}
	return true
}
