// Package redact makes text of requests fit to be shown and stored: without secrets, not too long, and unable to control a terminal or to turn the direction of a line.
package redact

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// The longest texts that are shown, in characters.
const (
	MaxID   = 128
	MaxURI  = 200
	MaxPath = 120
	maxLine = 600
	maxWord = 80
)

// Text escapes what is not printable, and cuts what is longer than max characters. Marks that change the direction of writing and invisible characters count as not printable.
func Text(s string, max int) string {
	var out strings.Builder
	count := 0
	for i := 0; i < len(s); {
		if count++; count > max {
			out.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
		i += size
	}
	return out.String()
}

// URI is the address of a URI: without user information, query and fragment, fit to be shown.
func URI(uri string) string {
	return Text(address(uri), MaxURI)
}

// address cuts a URI before its query, its fragment, and whatever a server could take for the beginning of either: an escaped one, and a path parameter. What stands before an at
// sign may be credentials, wherever a parser thinks that the host begins.
func address(uri string) string {
	uri = uri[:begin(uri, "?#;&=")]
	at := -1
	for from := 0; from < len(uri); from = at + 1 {
		next := begin(uri[from:], "@")
		if from+next >= len(uri) {
			break
		}
		at = from + next
	}
	if at < 0 {
		return uri
	}
	scheme, _, found := strings.Cut(uri[:at], "://")
	if !found || len(scheme) > 40 {
		return "…" + uri[at:]
	}
	return scheme + "://…" + uri[at:]
}

// begin is where one of the bytes first occurs in a text, be it escaped once or several times; the length if it does not.
func begin(text, set string) int {
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(set, text[i]) >= 0 {
			return i
		}
		if text[i] != '%' {
			continue
		}
		rest := text[i+1:]
		for strings.HasPrefix(rest, "25") {
			rest = rest[2:]
		}
		if c, ok := scan.Unhex("%" + rest); ok && strings.IndexByte(set, c) >= 0 {
			return i
		}
	}
	return len(text)
}

// Path is a path fit to be shown. The values of path parameters are left out, and of a path that goes on below an endpoint of so many segments what goes on; zero keeps all.
func Path(path string, segments int) string {
	var out strings.Builder
	slashes := 0
	for i := 0; i < len(path); {
		if path[i] == '/' {
			if slashes++; segments > 0 && slashes > segments {
				out.WriteString("/…")
				break
			}
		}
		if begin(path[i:], ";=") == 0 {
			end := i + 1
			for end < len(path) && path[end] != '/' {
				end++
			}
			out.WriteString(";…")
			i = end
			continue
		}
		out.WriteByte(path[i])
		i++
	}
	return Text(out.String(), MaxPath)
}

// shown are the parameters whose values are no secrets.
var shown = scan.NamesOf(
	scan.ResponseType, scan.ClientID, scan.RedirectURI, scan.Scope, scan.ResponseMode, scan.Display, scan.Prompt, scan.MaxAge, scan.CodeChallengeMethod,
	scan.RequestCredentials, scan.GrantType, scan.TokenTypeHint, scan.PostLogoutRedirectURI,
)

// Query is a query, or a form, fit to be shown: recognised parameters with their names, and those that hold no secret with what they hold. Of others not even the name is shown, since
// a secret in the wrong place may be there.
func Query(query string) string {
	if query == "" {
		return ""
	}
	var out strings.Builder
	for pair := range strings.SplitSeq(query, "&") {
		if out.Len() > 0 {
			out.WriteByte('&')
		}
		if out.Len() > maxLine {
			out.WriteString("…")
			break
		}
		name, value, hasValue := strings.Cut(pair, "=")
		decoded, err := url.QueryUnescape(name)
		recognised := scan.Recognise(decoded)
		if err != nil || recognised == scan.Unknown {
			out.WriteString("…")
			continue
		}
		out.WriteString(decoded)
		if !hasValue {
			continue
		}
		out.WriteByte('=')
		switch {
		case value == "":
		case !shown.Has(recognised):
			out.WriteString("…")
		default:
			out.WriteString(Value(recognised, value))
		}
	}
	return out.String()
}

// Value is the value of a parameter as it was sent, fit to be shown.
func Value(name scan.Name, value string) string {
	if !shown.Has(name) {
		return "…"
	}
	if name == scan.RedirectURI || name == scan.PostLogoutRedirectURI {
		decoded := scan.Unescape(value, true)
		return mark(Text(address(decoded), maxWord), decoded)
	}
	return mark(Text(value[:begin(value, "?#;&=")], maxWord), value)
}

// mark adds dots to a text that shows less than there is.
func mark(text, whole string) string {
	if begin(whole, "?#;&=") < len(whole) && !strings.HasSuffix(text, "…") {
		text += "…"
	}
	return text
}

// Target is a method, a path and a query fit to be shown.
func Target(method, path, query string, segments int) string {
	line := Text(method, 16) + " " + Path(path, segments)
	if query != "" {
		line += "?" + Query(query)
	}
	return line
}
