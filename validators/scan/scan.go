// Package scan reads the parameters of a query string and a form body once, over the raw bytes, and notes every place where
// another parser could read something else.
//
// It keeps one reading, the strict one of RFC 6749 appendix B, and a set of [Signs]. Bytes without a sign have no second reading.
package scan

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"
)

// Location says where a parameter stood.
type Location uint8

// The two places that parameters come from.
const (
	Query Location = iota
	Body
)

// Signs is a set of observations about the bytes that make a second reading possible, or a reading impossible.
type Signs uint32

// The signs. Each belongs to one wire rule, except NonASCII, which only says that a charset would matter.
const (
	// MalformedEscape is a percent sign that two hexadecimal digits do not follow.
	MalformedEscape Signs = 1 << iota
	// Semicolon is an unencoded semicolon, a separator for some parsers.
	Semicolon
	// QueryRawByte is a control, a blank, a number sign or a byte above 0x7E in the query.
	QueryRawByte
	// QueryUnsafeCharacter is one of " < > \ ^ ` { | } in the query; RFC 3986 does not allow them there.
	QueryUnsafeCharacter
	// BodyUnencoded is a blank, one of " < > \ ^ ` { | }, or a byte above 0x7E in the body.
	BodyUnencoded
	// InvalidUTF8 is a name, or the value of a recognised parameter, that decodes to something else than UTF-8.
	InvalidUTF8
	// InvalidUTF8Unknown is a value of a parameter without a recognised name that decodes to something else than UTF-8.
	InvalidUTF8Unknown
	// Control is a control character in a name, in the value of a recognised parameter, or a raw one anywhere.
	Control
	// FoldedName is a name that some stack turns into a recognised one.
	FoldedName
	// EmptyName is a value without a name.
	EmptyName
	// NonASCII is a byte above 0x7F anywhere, raw or escaped.
	NonASCII
	// RepeatedUnknown is a name that is not recognised and stands twice in one place.
	RepeatedUnknown
	// BracketSeparator is an equals sign behind a closing bracket inside of a recognised parameter's value: some stack takes all before it for the name.
	BracketSeparator
	// TooLongQuery is a query over the limit; it was not read.
	TooLongQuery
	// TooLongBody is a body over the limit; it was not read.
	TooLongBody
	// TooManyParameters is a parameter beyond the limit; it and what follows was not read.
	TooManyParameters
	// TooLongValue is a value over the limit, or a name of more than MaxName bytes.
	TooLongValue

	signEnd
)

// Unread are the signs after which the list of parameters is not complete.
const Unread = TooLongQuery | TooLongBody | TooManyParameters

// Doubt are the signs after which some parser may read other parameters than the scan did.
const Doubt = signEnd - 1 - NonASCII - RepeatedUnknown - BodyUnencoded

// MaxName is the longest name of a parameter in bytes, as written.
const MaxName = 256

// Limits bounds what is read. All are in bytes except Parameters, which is a count.
type Limits struct {
	Query, Body, Parameters, Value int
	// RelevantOnly keeps and counts only the relevant parameters.
	RelevantOnly bool
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
	value   string
	hash    uint64
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

	first [nameCount]uint16 // one more than the index in List of the occurrence that has a value, else of the first
	arena []byte
	size  int
}

// MaxParameters is the highest value that Limits.Parameters may have. PHP and Node read no more.
const MaxParameters = 1000

var hashSeed = maphash.MakeSeed()

// Scan reads query and body. Only the relevant names are recognised; every other name is Unknown.
func (p *Parameters) Scan(query, body string, relevant Names, limits Limits) {
	p.List = p.List[:0]
	p.Signs, p.Seen, p.Present, p.Repeated = 0, 0, 0, 0
	p.In, p.Folded = [2]Names{}, [2]Names{}
	p.first = [nameCount]uint16{}
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

// section reads one location. Only if it holds a control character or a byte above 0x7F, raw or escaped, the parameters are inspected one by one.
func (p *Parameters) section(s string, in Location, relevant Names, limits Limits) {
	begin := len(p.List)
	seen := classOf(s)
	for rest, more := s, true; more; {
		pair := rest
		end := strings.IndexByte(rest, '&')
		if more = end >= 0; more {
			pair, rest = rest[:end], rest[end+1:]
		}
		if pair != "" && !p.add(pair, in, relevant, limits) {
			break
		}
	}
	careful, bracket := false, seen&classBracket != 0
	if seen&classEscape != 0 {
		careful, bracket = p.escapes(s, bracket)
	}
	careful = careful || seen&(classNonASCII|classControl) != 0
	if bracket {
		p.noteBrackets(begin)
	}
	if seen &^= classEscape | classBracket; seen != 0 {
		p.Signs |= rawSigns[in].of(seen)
	}
	if careful {
		for i := begin; i < len(p.List); i++ {
			p.inspect(&p.List[i])
		}
	}
}

// escapes looks at every percent escape. It reports whether one of them is a control character or a byte above 0x7F, and whether there is a closing bracket.
func (p *Parameters) escapes(s string, raw bool) (careful, bracket bool) {
	bracket = raw
	for {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			return careful, bracket
		}
		c, ok := Unhex(s[at:])
		if !ok {
			p.Signs |= MalformedEscape
			s = s[at+1:]
			continue
		}
		s = s[at+3:]
		if c >= 0x80 {
			p.Signs |= NonASCII
			careful = true
		} else if c < 0x20 || c == 0x7F {
			careful = true
		}
		bracket = bracket || c == ']'
	}
}

// add appends a pair of name and value to the list. It reports false at the limit.
func (p *Parameters) add(pair string, in Location, relevant Names, limits Limits) bool {
	count := len(p.List)
	if count >= limits.Parameters {
		p.Signs |= TooManyParameters
		return false
	}
	if count < cap(p.List) {
		p.List = p.List[:count+1]
	} else {
		p.List = append(p.List, Parameter{})
	}
	item := &p.List[count]
	*item = Parameter{RawName: pair, In: in}
	if equals := strings.IndexByte(pair, '='); equals >= 0 {
		item.RawName, item.RawValue = pair[:equals], pair[equals+1:]
	}
	if len(item.RawName) > MaxName || len(item.RawValue) > limits.Value {
		p.Signs |= TooLongValue
	}
	if !p.note(item, relevant, limits) {
		p.List = p.List[:count]
	}
	return true
}

// note registers the parameter under its name. It reports false if the parameter is not worth keeping.
func (p *Parameters) note(item *Parameter, relevant Names, limits Limits) bool {
	item.Name = Recognise(item.RawName)
	if item.Name == Unknown {
		item.Name = p.decodedName(item, relevant)
	}
	if !relevant.Has(item.Name) {
		item.Name = Unknown
		if limits.RelevantOnly {
			return false
		}
		p.noteUnknown(item)
		return true
	}
	bit := Names(1) << item.Name
	if p.In[item.In]&bit != 0 {
		p.Repeated |= bit
	}
	p.In[item.In] |= bit
	if p.Seen&bit == 0 || (item.RawValue != "" && p.Present&bit == 0) {
		p.first[item.Name] = uint16(len(p.List))
	}
	p.Seen |= bit
	if item.RawValue != "" {
		p.Present |= bit
	}
	return true
}

// decodedName recognises a name that is not literally a recognised one: it may be escaped, or fold into one.
func (p *Parameters) decodedName(item *Parameter, relevant Names) Name {
	name := item.RawName
	seen := classOfName(name)
	if seen&nameEscape != 0 {
		name = p.unescape(name)
	}
	if name == "" {
		p.Signs |= EmptyName
	}
	if seen == 0 {
		return Unknown
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

// noteUnknown looks for an earlier parameter of the same unrecognised name in the same location. Comparing hashes keeps a
// hundred long names cheap.
func (p *Parameters) noteUnknown(item *Parameter) {
	item.hash = maphash.String(hashSeed, p.decodedText(item.RawName))
	for i := range p.List[:len(p.List)-1] {
		other := &p.List[i]
		if other.hash == item.hash && other.Name == Unknown && other.In == item.In {
			p.Signs |= RepeatedUnknown
			return
		}
	}
}

// inspect looks closely at one parameter of a location that holds a control character, or a byte above 0x7F, raw or escaped.
func (p *Parameters) inspect(item *Parameter) {
	name := p.decodedText(item.RawName)
	if !utf8.ValidString(name) {
		p.Signs |= InvalidUTF8
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7F }) {
		p.Signs |= Control
	}
	value := p.Value(item)
	if !utf8.ValidString(value) {
		if item.Name != Unknown || item.Folded != Unknown {
			p.Signs |= InvalidUTF8
		} else {
			p.Signs |= InvalidUTF8Unknown
		}
	}
	if item.Name == Unknown {
		return
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < 0x20 || c == 0x7F {
			// RFC 6749 appendix A allows a tab in username and password, and no other control anywhere.
			if c == '\t' && (item.Name == Username || item.Name == Password) {
				continue
			}
			p.Signs |= Control
			return
		}
	}
}

// decodedText is unescape for names that may need nothing.
func (p *Parameters) decodedText(name string) string {
	if classOfName(name)&nameEscape != 0 {
		return p.unescape(name)
	}
	return name
}

// Value is the decoded value of one parameter of the list.
func (p *Parameters) Value(item *Parameter) string {
	if !item.decoded {
		item.value = p.unescape(item.RawValue)
		item.decoded = true
	}
	return item.value
}

// Get is the decoded value of the parameter: of its first occurrence that has one. It is empty if there is none.
func (p *Parameters) Get(name Name) string {
	if index := p.first[name]; index != 0 {
		return p.Value(&p.List[index-1])
	}
	return ""
}

// unescape decodes s as application/x-www-form-urlencoded; malformed escapes stay as they are. What has nothing to decode is returned as it
// is; the rest is written to the arena, which is large enough for every name and value of the request, so that it
// never moves under the strings that point into it.
func (p *Parameters) unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if len(p.arena)+len(s) > cap(p.arena) {
		// A name may be decoded three times: to recognise, to compare and to inspect it.
		p.arena = make([]byte, 0, 3*p.size+len(s))
	}
	start := len(p.arena)
	p.arena = appendUnescaped(p.arena, s, true)
	decoded := p.arena[start:]
	return Text(decoded)
}
