package parsers

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes requests at random.
type generator struct{ *rand.Rand }

// Generate makes the request of that number in the sequence of that seed. Every request is a valid one to which oddities were done: legal ones, which any client might show, or
// also some that parsers are known to disagree about, or bits put together without a plan.
func Generate(seed, number uint64) Request {
	g := generator{rand.New(rand.NewPCG(seed, number))}
	request := g.valid()
	for range g.IntN(5) {
		g.pick(legal)(g, &request)
	}
	switch g.IntN(10) {
	case 0, 1:
		for range 1 + g.IntN(3) {
			g.soup(&request)
		}
	case 2, 3:
		g.disturb(&request)
	}
	return request
}

// Disturb makes the request of that number in the sequence of that seed: a valid one with one thing in it that parsers are known to disagree about.
func Disturb(seed, number uint64) Request {
	g := generator{rand.New(rand.NewPCG(seed, number))}
	request := g.valid()
	g.disturb(&request)
	return request
}

// disturb does something that is known to be read differently.
func (g generator) disturb(r *Request) {
	one := disturbances[g.IntN(len(disturbances))]
	if one.apply(g, r) {
		r.Kinds = append(r.Kinds, one.kind)
	}
}

func (g generator) chance(percent int) bool { return g.IntN(100) < percent }

func one[E any](g generator, of []E) E { return of[g.IntN(len(of))] }

func (g generator) pick(of []func(generator, *Request)) func(generator, *Request) { return one(g, of) }

// parameter is a name and a value before they are encoded.
type parameter struct{ name, value string }

// printable makes a text of printable ASCII.
func (g generator) printable(length int) string {
	const common = "abcXYZ019-._~"
	text := make([]byte, length)
	for i := range text {
		if g.chance(85) {
			text[i] = common[g.IntN(len(common))]
		} else {
			text[i] = byte(0x20 + g.IntN(0x5F))
		}
	}
	return string(text)
}

// text makes a text of any characters but controls.
func (g generator) text(length int) string {
	const others = "éßİıſK漢字🔑\u00a0\u2028\ufeff\u0301٣"
	characters := []rune(others)
	var text strings.Builder
	for range length {
		if g.chance(60) {
			text.WriteString(g.printable(1))
		} else {
			text.WriteRune(one(g, characters))
		}
	}
	return text.String()
}

// valid makes a request that a careful client might send.
func (g generator) valid() Request {
	switch n := g.IntN(100); {
	case n < 48:
		return Request{Method: "GET", Path: authorizePath, Query: g.encoded(g.authorization())}
	case n < 62:
		return g.posted()
	case n < 66:
		// A login or consent form of the server itself.
		form := g.encoded([]parameter{{"username", g.text(5)}, {"password", g.text(8)}, {"_csrf", g.printable(10)}, {"scope", "read"}, {"scope", "write"}})
		if g.chance(20) {
			form = append(form, "city=Gen%E8ve") // the server chose the charset of its page
		}
		return Request{Method: "POST", Path: authorizePath, Query: g.encoded([]parameter{{"client_id", "app"}, {"state", "x"}}), Body: form, Header: []Field{{"Content-Type", formType}}}
	default:
		return g.token()
	}
}

// posted makes an authorization request by POST, with its parameters in the query, in the body, in both, or some here and some there.
func (g generator) posted() Request {
	request := Request{Method: "POST", Path: authorizePath, Header: []Field{{"Content-Type", formType}}}
	parameters := g.authorization()
	switch g.IntN(4) {
	case 0:
		request.Body = g.encoded(parameters)
	case 1:
		request.Query = g.encoded(parameters)
		request.Body = g.encoded([]parameter{{"x", "y"}})
	case 2:
		request.Query, request.Body = g.encoded(parameters), g.encoded(parameters)
	default:
		cut := g.IntN(len(parameters))
		request.Query, request.Body = g.encoded(parameters[:cut]), g.encoded(parameters[cut:])
	}
	return request
}

// authorization makes the parameters of an authorization request.
func (g generator) authorization() []parameter {
	clients := [][2]string{
		{"app", "https://app.example/cb"}, {"two", "https://two.example/a"}, {"two", "https://two.example/b"}, {"native", "com.example.app:/cb"}, {"native", "http://127.0.0.1/cb"},
		{"native", fmt.Sprintf("http://127.0.0.1:%d/cb", 1024+g.IntN(60_000))}, {"odd:id/with space+plus", "https://odd.example/cb?keep=1"},
	}
	client := one(g, clients)
	parameters := []parameter{{"response_type", "code"}, {"client_id", client[0]}, {"redirect_uri", client[1]}}
	optional := []parameter{
		{"scope", one(g, []string{"read", "read write", "openid profile", "https://api.example/x!y"})}, {"state", g.printable(1 + g.IntN(40))}, {"nonce", g.printable(1 + g.IntN(64))},
		{"display", "page"}, {"prompt", one(g, []string{"login", "login consent"})}, {"max_age", "3600"}, {"ui_locales", "de-CH fr"}, {"claims_locales", "de"}, {"login_hint", g.text(10)}, {"acr_values", "urn:a 2"},
		{"claims", `{"userinfo":{"name":null,"x":{"value":"é\u0000"}}}`}, {"id_token_hint", "a.b.c"}, {"audience", g.printable(12)}, {"resource", "https://api.example/?x=1"},
		{"authorization_details", `[{"type":"x","locations":["https://api.example/"]}]`}, {"response_mode", "query"}, {"request_credentials", "silent"},
	}
	for _, one := range optional {
		if g.chance(18) {
			parameters = append(parameters, one)
		}
	}
	if g.chance(40) {
		parameters = append(parameters, parameter{"code_challenge", strings.Repeat("aB3-", 10) + "xyz"}, parameter{"code_challenge_method", "S256"})
	}
	g.Shuffle(len(parameters), func(i, j int) { parameters[i], parameters[j] = parameters[j], parameters[i] })
	return parameters
}

// token makes a token request.
func (g generator) token() Request {
	request := Request{Method: "POST", Path: tokenPath, Header: []Field{{"Content-Type", formType}}}
	parameters := one(g, [][]parameter{
		{{"grant_type", "authorization_code"}, {"code", g.printable(20)}, {"redirect_uri", "https://app.example/cb"}, {"code_verifier", strings.Repeat("aB3-", 11)}},
		{{"grant_type", "refresh_token"}, {"refresh_token", g.printable(30)}, {"scope", "read write"}},
		{{"grant_type", "client_credentials"}, {"scope", "read"}},
		{{"grant_type", "password"}, {"username", g.text(8)}, {"password", g.text(12)}},
		{{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"device_code", g.printable(20)}},
		{{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"}, {"subject_token", g.printable(20)}, {"subject_token_type", "urn:ietf:params:oauth:token-type:access_token"}, {"audience", "a"}, {"audience", "b"}},
		{{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3ViIjoidSIsImF1ZCI6Imh0dHBzOi8vYXMuZXhhbXBsZS9vYXV0aDIvdG9rZW4iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln"}},
		{{"grant_type", "https://grant.example/x"}, {"x", g.text(9)}, {"permission", "a#b"}, {"permission", "c"}},
	})
	switch g.IntN(3) {
	case 0:
		request.Header = append(request.Header, Field{"Authorization", "Basic YXBwOnNlY3JldA=="})
	case 1:
		parameters = append(parameters, parameter{"client_id", "two"}, parameter{"client_secret", g.printable(16)})
	default:
		request.Header = append(request.Header, Field{"Authorization", "Basic YXBwOnNlY3JldA=="})
		parameters = append(parameters, parameter{"client_id", "app"})
	}
	g.Shuffle(len(parameters), func(i, j int) { parameters[i], parameters[j] = parameters[j], parameters[i] })
	request.Body = g.encoded(parameters)
	if g.chance(10) {
		request.Query = []string{one(g, names) + "=" + one(g, values)}
	}
	return request
}

// encoded encodes parameters, each in a style of its own.
func (g generator) encoded(parameters []parameter) []string {
	pieces := make([]string, len(parameters))
	for i, p := range parameters {
		pieces[i] = g.encode(p.name, one(g, []style{strict, strict, strict, {lower: true}, {all: true}, {lower: true, all: true, blank: true}})) + "=" +
			g.encode(p.value, one(g, []style{strict, strict, strict, {lower: true}, {blank: true}, {raw: true}, {raw: true, blank: true}, {all: true}, {lower: true, all: true}}))
	}
	return pieces
}

// style is a way to encode. The zero value encodes everything but unreserved characters, in upper case, and blanks as plus signs.
type style struct {
	lower bool // hexadecimal digits in lower case
	all   bool // some of what need not be encoded is encoded too
	blank bool // a blank is %20
	raw   bool // what RFC 3986 allows in a query stays, square brackets too
}

var strict style

func (g generator) encode(text string, s style) string {
	var encoded strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		unreserved := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
		switch {
		case unreserved && (!s.all || g.chance(70)), s.raw && strings.IndexByte("!$'()*,:@/?=[]", c) >= 0:
			encoded.WriteByte(c)
		case c == ' ' && !s.blank:
			encoded.WriteByte('+')
		case s.lower:
			fmt.Fprintf(&encoded, "%%%02x", c)
		default:
			fmt.Fprintf(&encoded, "%%%02X", c)
		}
	}
	return encoded.String()
}

// insert puts a piece somewhere among others.
func (g generator) insert(pieces []string, piece string) []string {
	at := g.IntN(len(pieces) + 1)
	return append(pieces[:at:at], append([]string{piece}, pieces[at:]...)...)
}

// place is the query or the body: where parameters are, or, if they are in both, one of them.
func (g generator) place(r *Request) *[]string {
	if r.Path != tokenPath && (!r.hasForm() || len(r.Query) > 0 && g.chance(50)) || r.Method == "GET" {
		return &r.Query
	}
	return &r.Body
}

// soup adds a piece of random bits.
func (g generator) soup(r *Request) {
	var piece strings.Builder
	for range 1 + g.IntN(6) {
		piece.WriteString(one(g, tokens))
	}
	place := g.place(r)
	*place = g.insert(*place, piece.String())
}
