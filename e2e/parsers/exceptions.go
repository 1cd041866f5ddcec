package parsers

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Exception is a difference that is known, and that the guard does not prevent because the request is legal, or because the parser refuses it or finds no endpoint, so that nothing
// slips past the guard. Each is limited to the parsers that show it and to the requests that cause it.
type Exception struct {
	// Name is what the summary counts.
	Name string
	// Reason says why the guard lets such requests pass.
	Reason string
	// Parsers are those that may differ.
	Parsers []string
	applies func(*Difference) bool
}

// Exceptions are all of them.
var Exceptions = []Exception{
	{
		Name:    "session in the path",
		Reason:  "Only servlet containers know ;jsessionid=…. Elsewhere the path is no endpoint, and the guard judges what will not be found.",
		Parsers: []string{"php", "express", "querystring", "URLSearchParams", "urllib", "werkzeug", "django", "rack", "rails", "CGI.pm", "plack", "net/http"},
		applies: func(d *Difference) bool {
			return d.Parameter == "path" && d.Other == "" && strings.Contains(d.Forwarded.Path, ";jsessionid=")
		},
	},
	{
		Name: "form without a charset as Latin-1",
		Reason: "The servlet specification makes ISO-8859-1 the default, RFC 6749 appendix B makes it UTF-8. Every byte stays one character, so that no value turns into another ASCII value, and " +
			"applications set the charset themselves.",
		Parsers: []string{"tomcat"},
		applies: func(d *Difference) bool {
			return d.Forwarded.Body != "" && !strings.Contains(strings.ToLower(d.Forwarded.contentType()), "charset") && d.Other != d.Guard && d.Other == latin1(d.Guard)
		},
	},
	{
		Name:    "square brackets in the target",
		Reason:  "RFC 3986 does not allow them unescaped, many clients send them in unknown parameters, and who does not accept them refuses the request.",
		Parsers: []string{"tomcat"},
		applies: func(d *Difference) bool {
			return d.Parameter == "request" && d.Other == "400" && strings.ContainsAny(d.Forwarded.Query, "[]")
		},
	},
	{
		Name:    "long target",
		Reason:  "The limit of the guard is 16 KiB, servers refuse what is beyond their own, usually 8 KiB for all of the head.",
		Parsers: []string{"jetty", "tomcat"},
		applies: func(d *Difference) bool {
			return d.Parameter == "request" && slices.Contains([]string{"414 URI Too Long", "431 Request Header Fields Too Large", "400"}, d.Other) && len(d.Forwarded.target()) > 7<<10
		},
	},
	{
		Name:    "Content-Encoding without a meaning",
		Reason:  "An empty value, or identity twice, says nothing, and who takes it for an unknown encoding refuses the request.",
		Parsers: []string{"jetty", "express"},
		applies: func(d *Difference) bool {
			values := d.Forwarded.Header["Content-Encoding"]
			return d.Parameter == "request" && strings.HasPrefix(d.Other, "415") && (len(values) > 1 || slices.Equal(values, []string{""}))
		},
	},
	{
		Name:    "charset utf8",
		Reason:  "Without its hyphen UTF-8 means the same to whoever accepts it; others refuse the request.",
		Parsers: []string{"express"},
		applies: func(d *Difference) bool {
			return d.Parameter == "request" && strings.HasPrefix(d.Other, "415") && strings.Contains(strings.ToLower(d.Forwarded.contentType()), "charset=utf8")
		},
	},
	{
		Name: "spelling of the content type",
		Reason: "RFC 9110 section 8.3.1 allows upper case, tabs, and semicolons without a parameter. Who does not understand them reads nothing of the form, so that the request lacks " +
			"what it needs.",
		Parsers: []string{"php", "querystring", "URLSearchParams", "django", "CGI.pm", "plack"},
		applies: func(d *Difference) bool {
			contentType := d.Forwarded.contentType()
			odd := contentType != strings.ToLower(contentType) || strings.ContainsAny(contentType, "\t") || strings.HasSuffix(contentType, ";") || strings.HasSuffix(contentType, "=") || strings.Contains(contentType, ";;")
			return odd && d.Other == "" && d.Parameter != "path" && !readsForm(d)
		},
	},
	{
		Name:    "unknown names that contradict each other",
		Reason:  "Rack makes maps and lists of brackets in names. Where two unknown names cannot be in one map it refuses the request.",
		Parsers: []string{"rack", "rails"},
		applies: func(d *Difference) bool {
			reason := []string{"Rack::QueryParser::ParameterTypeError", "ActionController::BadRequest"}
			return d.Parameter == "request" && slices.Contains(reason, d.Other) && strings.ContainsAny(unescaped(d.Forwarded.Query+"&"+d.Forwarded.Body), "[]")
		},
	},
	{
		Name:    "other charsets in forms of the server",
		Reason:  "Login and consent forms without a response_type are in whatever charset the server chose. Who expects UTF-8 refuses what is not.",
		Parsers: []string{"jetty", "rails"},
		applies: func(d *Difference) bool {
			return d.Parameter == "request" && slices.Contains([]string{"400 Bad Request", "ActionController::BadRequest"}, d.Other) && !utf8.ValidString(unescaped(d.Forwarded.Query)+unescaped(d.Forwarded.Body))
		},
	},
}

// Excuse is the exception that a difference falls under, or nil.
func Excuse(d *Difference) *Exception {
	for i := range Exceptions {
		if e := &Exceptions[i]; slices.Contains(e.Parsers, d.Parser) && e.applies(d) {
			return e
		}
	}
	return nil
}

// readsForm reports whether the parser has any known parameter that only the form has.
func readsForm(d *Difference) bool {
	query, err := url.ParseQuery(d.Forwarded.Query)
	if err != nil {
		return true
	}
	form, err := url.ParseQuery(d.Forwarded.Body)
	return err != nil || slices.ContainsFunc(d.Reading.Pairs, func(p Pair) bool {
		return scan.Recognise(p.Name) != scan.Unknown && form.Has(p.Name) && !query.Has(p.Name)
	})
}

// latin1 takes the bytes of a text for characters.
func latin1(text string) string {
	characters := make([]rune, len(text))
	for i := range len(text) {
		characters[i] = rune(text[i])
	}
	return string(characters)
}

// unescaped decodes as far as possible.
func unescaped(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}
