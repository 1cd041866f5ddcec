package parsers

import (
	"fmt"
	"strings"
)

// legal are oddities that no rule refuses by itself.
var legal = []func(generator, *Request){
	unknownParameter, unknownParameter, unknownParameter, repeatedUnknown, emptyKnown, emptyPieces, spelledContentType, spelledContentType, otherHeader, longValue, manyParameters, encodedAnew, encodedAnew,
	appended, appended, sameTwice, severalResources, session,
}

// unknownParameter adds a parameter that no endpoint knows.
func unknownParameter(g generator, r *Request) {
	piece := one(g, names)
	if g.chance(90) {
		piece += "=" + one(g, values)
	}
	place := g.place(r)
	*place = g.insert(*place, piece)
}

// repeatedUnknown adds an unknown parameter twice.
func repeatedUnknown(g generator, r *Request) {
	name := one(g, names)
	for range 2 {
		place := g.place(r)
		*place = g.insert(*place, name+"="+one(g, values))
	}
}

// emptyKnown adds a known parameter without a value.
func emptyKnown(g generator, r *Request) {
	name := one(g, []string{"display", "claims_locales", "ui_locales", "nonce", "scope", "acr_values", "id_token_hint", "actor_token", "code_challenge", "state"})
	for _, piece := range append(r.Query, r.Body...) {
		if strings.HasPrefix(piece, name) {
			return
		}
	}
	place := g.place(r)
	*place = g.insert(*place, name+one(g, []string{"", "="}))
}

// emptyPieces doubles ampersands.
func emptyPieces(g generator, r *Request) {
	place := g.place(r)
	*place = g.insert(*place, "")
}

// spelledContentType says in another way that the body is a form.
func spelledContentType(g generator, r *Request) {
	for i := range r.Header {
		if r.Header[i].Name == "Content-Type" {
			r.Header[i].Value = one(g, contentTypes)
		}
	}
}

// otherHeader adds a field that changes nothing.
func otherHeader(g generator, r *Request) {
	r.Header = append(r.Header, one(g, []Field{
		{"Accept", "*/*"}, {"Accept-Charset", "utf-16"}, {"Accept-Language", "tr"}, {"Content-Encoding", "identity"}, {"Content-Encoding", ""}, {"Content-Language", "tr"}, {"Content-Disposition", "form-data; name=x"},
		{"Content-Transfer-Encoding", "base64"}, {"Cookie", "client_id=x; state=y"}, {"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Prefix", "/x"}, {"X-Charset", "utf-16"}, {"Accept-Encoding", "gzip"}, {"Range", "bytes=0-1"},
		{"Content_Type", "text/plain"}, {"Upgrade-Insecure-Requests", "1"}, {"TE", "trailers"}, {"DPoP", "a.b.c"}, {"Referer", "https://app.example/?client_id=x"},
	}))
}

// longValue adds a value that is long, but within the limits of the guard.
func longValue(g generator, r *Request) {
	if !g.chance(20) {
		return
	}
	length := one(g, []int{255, 256, 1023, 1024, 2047, 3900, 4096, 7000, 8190, 12_000})
	place := g.place(r)
	*place = g.insert(*place, "x="+strings.Repeat(one(g, []string{"a", "%41", "+", "="}), length)[:length])
}

// manyParameters adds parameters up to what the guard allows.
func manyParameters(g generator, r *Request) {
	if !g.chance(20) {
		return
	}
	place := g.place(r)
	for i := range one(g, []int{20, 60, 80}) {
		*place = append(*place, fmt.Sprintf("%s%d=%d", one(g, []string{"x", "y", "x[]"}), i, i))
	}
}

// encodedAnew encodes the names or values of some pieces in a stranger style.
func encodedAnew(g generator, r *Request) {
	place := g.place(r)
	for i, piece := range *place {
		name, value, found := strings.Cut(piece, "=")
		if !found || strings.ContainsAny(piece, "%+") || !g.chance(40) {
			continue
		}
		(*place)[i] = g.encode(name, style{all: true, lower: g.chance(50)}) + "=" + g.encode(value, style{all: true, lower: g.chance(50), blank: true})
	}
}

// appended appends an odd but legal text to the value of some parameter.
func appended(g generator, r *Request) {
	place := g.place(r)
	if len(*place) > 0 {
		(*place)[g.IntN(len(*place))] += one(g, values)
	}
}

// sameTwice gives a parameter of an authorization request by POST in query and body.
func sameTwice(g generator, r *Request) {
	if r.Path != authorizePath || !r.hasForm() || len(r.Query) == 0 {
		return
	}
	if piece := one(g, r.Body); g.chance(50) {
		r.Query = append(r.Query, piece)
	}
}

// severalResources adds a parameter that may occur more than once.
func severalResources(g generator, r *Request) {
	for range 1 + g.IntN(2) {
		place := g.place(r)
		*place = g.insert(*place, one(g, []string{"resource=https%3A%2F%2Fapi.example%2F", "resource=https://api.example/?x=1", "audience=a", "audience=b"}))
	}
}

// session adds the session of a servlet container to the path.
func session(g generator, r *Request) {
	if g.chance(15) && !strings.Contains(r.Path, ";") {
		r.Path += ";jsessionid=node01abc.x"
	}
}
