package rule

import (
	"cmp"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
	"github.com/oauthguard/caddy-oauth-guard/validators/strictbase64"
)

// Scheme is the kind of the Authorization header where clients authenticate.
type Scheme uint8

// The schemes.
const (
	NoScheme Scheme = iota
	BasicScheme
	// TokenScheme is Bearer or DPoP: an access token.
	TokenScheme
	OtherScheme
)

// Reading is one legal reading of a Basic value. The standard wants identifier and secret form-encoded before they are joined
// (RFC 6749 section 2.3.1); most clients join them as they are, some of them with a colon in the identifier.
type Reading struct {
	ID, Secret string
}

// maxReadings bounds the readings: three of the first colon, and those of seven more colons.
const maxReadings = 10

// maxBasic is the length in bytes of the longest Basic value that is read. It is the default limit of a parameter.
const maxBasic = 16 << 10

// Authentication is how a client identified and authenticated itself at the token endpoint (RFC 6749 section 2.3).
type Authentication struct {
	// Scheme is the kind of the Authorization header.
	Scheme Scheme
	// Malformed is a Basic value that is not base64, has no identifier before a colon, holds a control character, or is longer than 16 KiB.
	Malformed bool
	// Loose is a Basic value that lenient decoders accept and strict ones do not.
	Loose bool
	// NotUTF8 is a Basic value that is not UTF-8.
	NotUTF8 bool
	// Truncated says that there are more legal readings than are kept, so that no reading can be excluded.
	Truncated bool
	// Standing is the best standing among the readings.
	Standing Standing
	// Token is the access token of an Authorization header that holds one.
	Token string
	// Subject is the subject of a client assertion, as far as it can be read without its key.
	Subject string

	parsed   bool
	agreed   bool // the first reading names the client_id beside it
	buffer   []byte
	readings [maxReadings]Reading
	count    int
	clients  [maxReadings]*Client
	found    int
}

// reset makes it as if nothing had been found out. The readings beyond their count are never looked at, and so need not be cleared; clients would keep their directory in
// memory.
func (a *Authentication) reset() {
	if !a.parsed {
		return
	}
	a.Scheme, a.Malformed, a.Loose, a.NotUTF8, a.Truncated, a.Standing = NoScheme, false, false, false, false, NotAsked
	a.Token, a.Subject = "", ""
	a.parsed, a.agreed, a.count = false, false, 0
	for ; a.found > 0; a.found-- {
		a.clients[a.found-1] = nil
	}
}

// Readings are the legal readings of a well-formed Basic value.
func (a *Authentication) Readings() []Reading { return a.readings[:a.count] }

// Clients are the registered clients that some reading names. There is more than one only if the bytes allow it.
func (a *Authentication) Clients() []*Client { return a.clients[:a.found] }

// All reports whether there is a registered client, and the condition holds for every client that a legal reading names.
func (a *Authentication) All(condition func(*Client) bool) bool {
	for _, client := range a.Clients() {
		if !condition(client) {
			return false
		}
	}
	return a.found > 0
}

// Authentication finds out how the client identified itself.
func (c *Case) Authentication() *Authentication {
	if !c.authentication.parsed {
		c.authenticate()
	}
	return &c.authentication
}

// authenticate finds out who the client is. It is not inlined for the reason that reading parameters is not: a profile that guides the compiler would have it do so, and decisions would take longer.
//
//go:noinline
func (c *Case) authenticate() {
	a := &c.authentication
	a.parsed = true
	if fields := c.AuthorizationHeader; len(fields) > 0 {
		a.header(fields[0])
	}
	if c.Has(scan.ClientAssertion) {
		a.Subject = c.assertionSubject()
	}
	id, named := c.Single(scan.ClientID)
	switch {
	case a.count > 0:
		for i, reading := range a.readings[:a.count] {
			if named && reading.ID != id || a.named(i) {
				continue
			}
			a.agreed = a.agreed || named && i == 0
			c.identify(a, reading.ID)
		}
	case named:
		c.identify(a, id)
	case a.Subject != "":
		c.identify(a, a.Subject)
	}
	if a.Truncated && a.Standing == Absent {
		a.Standing = NotAsked
	}
}

// named reports whether an earlier reading has the same identifier.
func (a *Authentication) named(i int) bool {
	for _, earlier := range a.readings[:i] {
		if earlier.ID == a.readings[i].ID {
			return true
		}
	}
	return false
}

func (c *Case) identify(a *Authentication, id string) {
	if id == "" {
		return
	}
	client, standing := c.find(id)
	switch {
	case standing == Known:
		a.clients[a.found] = client
		a.found++
		a.Standing = Known
	case a.Standing != Known && (a.Standing == NotAsked || standing == Unjudged):
		a.Standing = standing
	}
}

// header reads an Authorization value. A tab behind the scheme, or blanks around the value, which HTTP/2 can carry, are read by some servers and not by
// others.
func (a *Authentication) header(value string) {
	a.Scheme = OtherScheme
	if credentials, found := strings.CutPrefix(value, "Basic "); found && credentials != "" && credentials[0] > ' ' && credentials[len(credentials)-1] > ' ' {
		a.Scheme, a.Malformed = BasicScheme, !a.decode(credentials) // as nearly all of them are written
		return
	}
	trimmed := strings.Trim(value, " \t")
	end := strings.IndexAny(trimmed, " \t")
	if end < 0 {
		end = len(trimmed)
	}
	if len(trimmed) < len("Basic") || !strings.EqualFold(trimmed[:len("Basic")], "Basic") {
		if scheme := trimmed[:end]; strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP") {
			a.Scheme, a.Token = TokenScheme, strings.TrimLeft(trimmed[end:], " ")
		}
		return
	}
	a.Scheme = BasicScheme
	if end != len("Basic") {
		// Some servers look for the word alone, and then cut at its length.
		a.Malformed = true
		return
	}
	credentials := strings.TrimLeft(trimmed[end:], " ")
	if trimmed != value || strings.HasPrefix(credentials, "\t") || !a.decode(credentials) {
		a.Malformed = true
	}
}

// decode fills the readings from a base64 value. RFC 7617 section 2 splits at the first colon.
func (a *Authentication) decode(encoded string) bool {
	if len(encoded) > maxBasic {
		return false
	}
	if size := base64.StdEncoding.DecodedLen(len(encoded)); cap(a.buffer) < size {
		a.buffer = make([]byte, 0, size)
	}
	decoded, ok := strictbase64.Append(a.buffer[:0], encoded)
	if !ok {
		a.Loose = true
		var err error
		relaxed := strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(strings.TrimRight(encoded, "="))
		if decoded, err = base64.RawStdEncoding.AppendDecode(a.buffer[:0], []byte(relaxed)); err != nil {
			return false
		}
	}
	text := scan.Text(decoded)
	colon := strings.IndexByte(text, ':')
	if colon <= 0 {
		return false // a value without an identifier authenticates nobody
	}
	secret := scan.ClassBeside(text[colon+1:], scan.Dots|scan.Slashes)
	class := scan.ClassBeside(text[:colon], scan.Dots|scan.Slashes) | secret
	// RFC 7617 section 2 forbids control characters.
	if class&scan.Controls != 0 {
		return false
	}
	a.NotUTF8 = class&scan.NonASCIIBytes != 0 && !utf8.ValidString(text)
	a.add(text[:colon], text[colon+1:])
	if class&(scan.Percents|scan.Pluses) != 0 {
		a.add(scan.Unescape(text[:colon], true), scan.Unescape(text[colon+1:], true))
		a.add(scan.Unescape(text[:colon], false), scan.Unescape(text[colon+1:], false))
	}
	for at := colon + 1; secret&scan.Others != 0; at++ { // as colons are
		next := strings.IndexByte(text[at:], ':')
		if next < 0 {
			break
		}
		if a.count == maxReadings {
			a.Truncated = true
			break
		}
		at += next
		a.add(text[:at], text[at+1:])
	}
	return true
}

func (a *Authentication) add(id, secret string) {
	a.readings[a.count] = Reading{ID: id, Secret: secret}
	a.count++
}

// assertionSubject is the subject of a JWT, or its issuer, without a look at its signature; empty if there is none.
func (c *Case) assertionSubject() string {
	token := c.JWT(c.Get(scan.ClientAssertion))
	return cmp.Or(token.Text("sub"), token.Text("iss"))
}
