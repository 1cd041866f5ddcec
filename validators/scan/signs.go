package scan

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
