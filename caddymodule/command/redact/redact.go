// Package redact makes text of requests fit to be shown and stored: without secrets, not too long, and unable to control a terminal or to turn the direction of a line.
package redact

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
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

// Text escapes what is not printable, and cuts what gets longer than max characters by that. Marks that change the direction of writing and invisible characters count as not
// printable. What has been through it comes out the same the next time.
func Text(s string, max int) string {
	if len(s) <= max && rule.Printable(s) {
		return strings.Clone(s) // as nearly all are; what was given may be memory that is used again
	}
	var out strings.Builder
	count := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		shown := s[i : i+size]
		switch {
		case r == utf8.RuneError && size == 1:
			shown = fmt.Sprintf(`\x%02x`, s[i])
		case unicode.IsPrint(r):
		case r < 0x10000:
			shown = fmt.Sprintf(`\u%04x`, r)
		default:
			shown = fmt.Sprintf(`\U%08x`, r)
		}
		if count += utf8.RuneCountInString(shown); count > max {
			out.WriteString("…")
			break
		}
		out.WriteString(shown)
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
	uri = uri[:begin(uri, secrets)]
	at := last(uri, users)
	if at < 0 {
		return uri
	}
	scheme, _, found := strings.Cut(uri[:at], "://")
	if !found || len(scheme) > 40 || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.") != "" {
		return "…" + uri[at:]
	}
	return scheme + "://…" + uri[at:]
}

// set is a set of bytes.
type set [256]bool

func setOf(bytes string) *set {
	var s set
	for _, b := range []byte(bytes) {
		s[b] = true
	}
	return &s
}

// What may hold a secret begins behind these: queries, fragments and parameters of a whole URI, parameters of a path; user information ends before an at sign.
var (
	secrets    = setOf("?#;&=")
	parameters = setOf(";=")
	users      = setOf("@")
)

// begin is where one of the bytes first occurs in a text, be it escaped once or several times; the length if it does not.
func begin(text string, of *set) int {
	for i := 0; i < len(text); i++ {
		if of[text[i]] {
			return i
		}
		if text[i] != '%' {
			continue
		}
		rest := text[i+1:]
		for strings.HasPrefix(rest, "25") {
			rest = rest[2:]
		}
		if c, ok := scan.Unhex("%" + rest); ok && of[c] {
			return i
		}
	}
	return len(text)
}

// last is where one of the bytes last occurs in a text, be it escaped once or several times; -1 if it does not.
func last(text string, of *set) int {
	at := -1
	for from := 0; ; from = at + 1 {
		next := from + begin(text[from:], of)
		if next >= len(text) {
			return at
		}
		at = next
	}
}

// Path is a path fit to be shown. The values of path parameters are left out, what may be user information, and of a path that goes on below an endpoint of so many segments what goes
// on; zero keeps all.
func Path(path string, segments int) string {
	var out strings.Builder
	count := 0
	for segment := range strings.SplitSeq(path, "/") {
		if count++; count > 1 {
			out.WriteByte('/')
		}
		if segments > 0 && count > segments+1 {
			out.WriteString("…")
			break
		}
		name := segment[:begin(segment, parameters)]
		if at := last(name, users); at >= 0 {
			out.WriteString("…")
			out.WriteString(name[at:])
		} else {
			out.WriteString(name)
		}
		if len(name) < len(segment) {
			out.WriteString(";…")
		}
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
	decoded := scan.Unescape(value, true)
	if name == scan.RedirectURI || name == scan.PostLogoutRedirectURI || strings.Contains(decoded, "://") { // user information may stand in any URL
		return mark(Text(escapes.Replace(address(decoded)), maxWord), decoded)
	}
	return mark(Text(value[:begin(value, secrets)], maxWord), value)
}

// escapes keeps what would be decoded once more.
var escapes = strings.NewReplacer("%", "%25", "+", "%2B")

// mark adds dots to a text that shows less than there is.
func mark(text, whole string) string {
	if begin(whole, secrets) < len(whole) && !strings.HasSuffix(text, "…") {
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

// Token writes a text as one token of a Caddyfile. Plain is false, and the token empty, for a text that a Caddyfile might read as something else: with a quote, a backslash, a brace, a
// dollar sign, or anything that is not printable ASCII.
func Token(text string) (token string, plain bool) {
	if text == "" {
		return "", false
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~:/+%", c) >= 0, c == '@' && i > 0:
		case c >= ' ' && c < 0x7F && strings.IndexByte("\"\\{}`$", c) < 0:
			quoted = true
		default:
			return "", false
		}
	}
	if quoted {
		return `"` + text + `"`, true
	}
	return text, true
}
