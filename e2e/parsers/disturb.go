package parsers

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"unicode/utf16"
)

// disturbance is something that is known to be read differently by some parser. It reports false if it does not fit the request.
type disturbance struct {
	kind  string
	apply func(generator, *Request) bool
}

// known are names that a disturbance may give once more.
var known = []string{"client_id", "redirect_uri", "state", "scope", "response_type", "grant_type", "code", "nonce", "refresh_token"}

// disturbances are the kinds of facts that the negative control has to find again.
var disturbances = []disturbance{
	{"repeated parameter", pieceOf("%s=evil", "%s=", "%s")},
	{"repeated behind an encoded name", func(g generator, r *Request) bool {
		return add(g, r, g.encode(one(g, known), style{all: true})+"=evil")
	}},
	{"query against body", func(g generator, r *Request) bool {
		if !r.hasForm() {
			return false
		}
		r.Query = g.insert(r.Query, one(g, known)+"=evil")
		return true
	}},
	{"semicolon", pieceOf("x=1;%s=evil", "x;%s=evil", "amp;%s=evil", "&amp;%s=evil")},
	{"semicolon in a value", onValue(";", ";x", ";x=y")},
	{"malformed escape in a value", onValue("%zz", "%", "%4", "%u0041", "%%41", "%=")},
	{"malformed escape elsewhere", pieceOf("x=%%zz", "x%%=1", "x=%%u0041", "%%", "%%zz%s=evil")},
	{"invalid UTF-8 in a value", onValue("%C0%AF", "%FF", "%E9", "%C3", "%ED%A0%80", "%F4%90%80%80")},
	{"control character in a value", onValue("%00", "%00x", "%0D%0Ax", "%1B", "%0a")},
	{"NUL in a name", pieceOf("%s%%00=evil", "%s%%00x=evil")},
	{"dot, blank or bracket for an underscore", func(g generator, r *Request) bool {
		name := one(g, []string{"client_id", "redirect_uri", "response_type", "grant_type"})
		return add(g, r, strings.Replace(name, "_", one(g, []string{".", "+", "%20", "[", "%5B", "%2e"}), 1)+"=evil")
	}},
	{"brackets behind a name", pieceOf("%s[]=evil", "%s[0]=evil", "%s[x]=evil", "%s%%5B%%5D=evil", "%s%%5b%%5d=evil", "%s[", "%s[]", "%s[x", "%s[a][b]=evil")},
	{"brackets around a name", pieceOf("[%s]=evil", "%s]=evil", "]%s=evil", "[%s=evil", "%%5B%s%%5D=evil")},
	{"blank before a name", pieceOf("+%s=evil", "%%20%s=evil", "%%09%s=evil", "%s+=evil", "%%C2%%A0%s=evil", "%%EF%%BB%%BF%s=evil")},
	{"case of a name", func(g generator, r *Request) bool {
		return add(g, r, one(g, []string{"Client_Id", "CLIENT_ID", "clIent_id", "cl%C4%B1ent_id", "%C5%BFtate", "Redirect_Uri", "STATE"})+"=evil")
	}},
	{"empty name", pieceOf("=%s", "=", "==", "=x")},
	{"raw byte in a value", onValue("\xff", "é", "\xc3")},
	{"unsafe character in a value", onValue("\"", "<", ">", "\\", "^", "`", "{", "|", "}")},
	{"bracket and equals sign in a value", onValue("]=", "]=x", "%5D=x", "[]=", "[a]=b")},
	{"number sign", onValue("#", "#x", "#&x=y")},
	{"more than 1000 parameters", func(g generator, r *Request) bool {
		place := g.place(r)
		*place = append(strings.Split(strings.Repeat("a&", 1100)+"a", "&"), *place...)
		return true
	}},
	{"long query", func(_ generator, r *Request) bool {
		r.Query = append(r.Query, "x="+strings.Repeat("a", 17_000))
		return true
	}},
	{"long body", func(_ generator, r *Request) bool {
		if !r.hasForm() {
			return false
		}
		r.Body = append([]string{"x=" + strings.Repeat("a", 210_000)}, r.Body...)
		return true
	}},
	{"GET with a body", func(g generator, r *Request) bool {
		if r.Method != "GET" {
			return false
		}
		r.Body = []string{one(g, known) + "=evil"}
		r.Header = append(r.Header, Field{"Content-Type", formType})
		return true
	}},
	{"other method", func(g generator, r *Request) bool {
		if !r.hasForm() {
			return false
		}
		r.Method = one(g, []string{"PUT", "PATCH", "DELETE", "post", "OPTIONS"})
		return true
	}},
	{"no content type", func(_ generator, r *Request) bool { return dropContentType(r) }},
	{"other content type", func(g generator, r *Request) bool {
		return dropContentType(r) && addContentType(r, g, "content type")
	}},
	{"two content types", func(g generator, r *Request) bool {
		if !r.hasForm() {
			return false
		}
		r.Header = append(r.Header, Field{"Content-Type", one(g, []string{"text/plain", formType})})
		return true
	}},
	{"other charset", func(g generator, r *Request) bool { return dropContentType(r) && addContentType(r, g, "charset") }},
	{"EBCDIC", func(g generator, r *Request) bool {
		if !dropContentType(r) {
			return false
		}
		r.Header = append(r.Header, Field{"Content-Type", formType + ";charset=ibm037"})
		r.Body = g.insert(r.Body, ebcdic(one(g, known))+"="+ebcdic("evil"))
		return true
	}},
	{"UTF-16", func(_ generator, r *Request) bool {
		if !dropContentType(r) {
			return false
		}
		r.Header = append(r.Header, Field{"Content-Type", formType + ";charset=UTF-16"})
		r.RawBody = "\xfe\xff"
		for _, unit := range utf16.Encode([]rune(strings.Join(r.Body, "&"))) {
			r.RawBody += string([]byte{byte(unit >> 8), byte(unit)})
		}
		return true
	}},
	{"compressed form", func(_ generator, r *Request) bool {
		if !r.hasForm() {
			return false
		}
		var compressed bytes.Buffer
		writer := gzip.NewWriter(&compressed)
		_, _ = writer.Write([]byte(r.body()))
		_ = writer.Close()
		r.RawBody = compressed.String()
		r.Header = append(r.Header, Field{"Content-Encoding", "gzip"})
		return true
	}},
	{"path", func(g generator, r *Request) bool {
		r.Path = fmt.Sprintf(one(g, otherPaths), strings.TrimPrefix(r.Path, "/"))
		return true
	}},
	{"case of the path", func(g generator, r *Request) bool {
		r.Path = strings.Replace(r.Path, "oauth2", one(g, []string{"OAuth2", "OAUTH2", "oauth%32", "%6Fauth2"}), 1)
		return true
	}},
	{"slash in the path", func(g generator, r *Request) bool {
		r.Path = strings.Replace(r.Path, "oauth2/", one(g, []string{"oauth2//", "oauth2%2f", "oauth2%2F", "oauth2;a/", "oauth2/;/", "oauth2/./", "oauth2/x/../", "oauth2/x/..;/", "oauth2\\", "oauth2%5C", "oauth2%252f"}), 1)
		return true
	}},
}

// add adds a piece.
func add(g generator, r *Request, piece string) bool {
	place := g.place(r)
	*place = g.insert(*place, piece)
	return true
}

// pieceOf adds a piece that is made of a known name.
func pieceOf(formats ...string) func(generator, *Request) bool {
	return func(g generator, r *Request) bool {
		format := one(g, formats)
		if !strings.Contains(format, "%s") {
			return add(g, r, strings.ReplaceAll(format, "%%", "%"))
		}
		return add(g, r, fmt.Sprintf(format, one(g, known)))
	}
}

// onValue appends bytes to the value of a parameter that the guard recognises.
func onValue(bytes ...string) func(generator, *Request) bool {
	return func(g generator, r *Request) bool {
		place := *g.place(r)
		for _, i := range g.Perm(len(place)) {
			name, _, found := strings.Cut(place[i], "=")
			if found && (strings.HasPrefix(name, "state") || strings.HasPrefix(name, "scope") || strings.HasPrefix(name, "client_id") || strings.HasPrefix(name, "nonce") || strings.HasPrefix(name, "grant_type")) {
				place[i] += one(g, bytes)
				return true
			}
		}
		return false
	}
}

// dropContentType removes the Content-Type of a form.
func dropContentType(r *Request) bool {
	if !r.hasForm() {
		return false
	}
	var rest []Field
	for _, field := range r.Header {
		if field.Name != "Content-Type" {
			rest = append(rest, field)
		}
	}
	r.Header = rest
	return true
}

// addContentType adds a type of that kind.
func addContentType(r *Request, g generator, kind string) bool {
	for {
		if chosen := one(g, otherTypes); chosen.kind == kind {
			r.Header = append(r.Header, Field{"Content-Type", chosen.value})
			if kind == "charset" && g.chance(50) {
				r.Body = g.insert(r.Body, "login_hint=%C3%A9")
			}
			return true
		}
	}
}

// ebcdic writes lower-case letters and underscores in the escapes of code page 037.
func ebcdic(text string) string {
	var escaped strings.Builder
	for _, c := range []byte(text) {
		code := byte(0x6D) // the underscore
		switch {
		case c >= 'a' && c <= 'i':
			code = 0x81 + c - 'a'
		case c >= 'j' && c <= 'r':
			code = 0x91 + c - 'j'
		case c >= 's' && c <= 'z':
			code = 0xA2 + c - 's'
		}
		fmt.Fprintf(&escaped, "%%%02X", code)
	}
	return escaped.String()
}
