package rule

import "strings"

// ContentType is what the Content-Type header says about a form, or about the JSON of a registration.
type ContentType struct {
	// Present says that there is at least one header field.
	Present bool
	// Form says that it is exactly one field of application/x-www-form-urlencoded that every parser understands.
	Form bool
	// JSON says that it is exactly one field of application/json.
	JSON bool
	// Charset is the charset parameter: NoCharset unless it is there.
	Charset Charset
}

// Charset is the class of a charset parameter.
type Charset uint8

// The classes of charsets.
const (
	// NoCharset is an absent parameter: UTF-8 by RFC 6749 appendix B.
	NoCharset Charset = iota
	// UTF8 is UTF-8.
	UTF8
	// Latin is a superset of ASCII of one byte a character: no other reading as long as everything is ASCII.
	Latin
	// Foreign is any other charset, or two of them.
	Foreign
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// maxTypeParameters is how long the parameters of a form's type may be in bytes. A charset takes some twenty.
const maxTypeParameters = 1 << 10

// ParseContentType reads the Content-Type fields of a request.
func ParseContentType(fields []string) ContentType {
	if len(fields) == 0 {
		return ContentType{}
	}
	result := ContentType{Present: true}
	if len(fields) > 1 {
		return result
	}
	if fields[0] == formType {
		result.Form = true
		return result
	}
	// Parsers disagree about escapes in quoted strings and about quotes that never end; a form's type needs neither. Jetty ends x="\" at the second quote, and so finds
	// a charset in what others take for a string.
	if strings.IndexByte(fields[0], '\\') >= 0 || strings.Count(fields[0], `"`)%2 != 0 {
		return result
	}
	mediaType, rest, _ := strings.Cut(fields[0], ";")
	mediaType = strings.Trim(mediaType, " \t")
	form := strings.EqualFold(mediaType, formType)
	if !form && !strings.EqualFold(mediaType, jsonType) {
		return result
	}
	if len(rest) > maxTypeParameters {
		// No parser is known to find the same in so many of them.
		result.Form, result.JSON, result.Charset = form, !form, Foreign
		return result
	}
	for rest != "" {
		var parameter string
		parameter, rest = cutParameter(rest)
		parameter = strings.Trim(parameter, " \t")
		if parameter == "" {
			continue
		}
		name, value, found := strings.Cut(parameter, "=")
		if !found || strings.ContainsAny(name, " \t\",") {
			return result
		}
		if strings.EqualFold(name, "charset") {
			if result.Charset != NoCharset {
				result.Charset = Foreign
				continue
			}
			result.Charset = charsetOf(value)
		} else if strings.IndexByte(value, ',') >= 0 && value[0] != '"' {
			return result
		}
	}
	// Some parsers search for the word wherever it stands.
	if n := strings.Count(strings.ToLower(fields[0]), "charset"); n > 1 || n == 1 && result.Charset == NoCharset {
		result.Charset = Foreign
	}
	result.Form, result.JSON = form, !form
	return result
}

// cutParameter cuts at the next semicolon outside of a quoted string.
func cutParameter(s string) (parameter, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func charsetOf(value string) Charset {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	switch strings.ToLower(value) {
	case "utf-8", "utf8":
		return UTF8
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "us-ascii", "ascii", "windows-1252", "iso-8859-15":
		return Latin
	}
	return Foreign
}
