package validators

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// worst are requests that make as much work as the limits allow, in the size that is asked for in bytes; each takes the whole of it for one part.
var worst = []struct {
	name string
	full int // the size at which the limit is full
	make func(size int) rule.Request
}{
	{"query of escapes", 16 << 10, func(size int) rule.Request { return authorizeRequest("state=" + strings.Repeat("%41", size/3-2)) }},
	{"query of escapes beyond ASCII", 16 << 10, func(size int) rule.Request { return authorizeRequest("state=" + strings.Repeat("%C3%A9", size/6-1)) }},
	{"query of 100 long parameters", 16 << 10, func(size int) rule.Request { return authorizeRequest(parameters(100, size, "v")) }},
	{"query of folded names", 16 << 10, func(size int) rule.Request {
		return authorizeRequest(strings.Repeat("Client.Id%5B%5D="+strings.Repeat("1", size/100-18)+"&", 100))
	}},
	{"scope of words", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=narrow&scope=" + strings.Repeat("a+", size/2-12) + "a")
	}},
	{"redirect_uri", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa%2F%3F" + strings.Repeat("a%26", size/4-20))
	}},
	{"redirect_uri of escaped names", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa%2F%3F" + strings.Repeat("%2569s%2573x%26", size/15-10))
	}},
	{"claims of many members", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&claims=" + members(size-30, "%22", "%22"))
	}},
	{"claims of depth", 16 << 10, func(size int) rule.Request {
		object := strings.Repeat(`{"a":`, 28) + "1" + strings.Repeat("}", 28)
		return authorizeRequest("client_id=app&claims=" + url.QueryEscape(list(size-40, `{"x":[`, object, "]}", 700)))
	}},
	{"authorization_details", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&authorization_details=" + url.QueryEscape(list(size-40, "[", `{"type":"a"}`, "]", 35)))
	}},
	{"claims of short members", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&claims=" + members(size-30, `"`, `"`))
	}},
	{"claims of one-letter objects", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&claims=" + list(size-40, `{"x":[`, `{"a":1}`, "]}", 8))
	}},
	{"claims of numbers", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&claims=" + list(size-40, `{"x":[`, `1`, "]}", 2))
	}},
	{"claims of brackets", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=app&claims=" + list(size-40, `{"x":[`, `[]`, "]}", 3))
	}},
	{"claims of colons", 16 << 10, func(size int) rule.Request {
		return authorizeRequest(`client_id=app&claims={"x":"` + strings.Repeat(":", size-60) + `"}`)
	}},
	{"claims of escapes", 16 << 10, func(size int) rule.Request {
		return authorizeRequest(`client_id=app&claims={"x":"` + strings.Repeat(`\u0061`, size/6-10) + `"}`)
	}},
	{"claims of blanks", 16 << 10, func(size int) rule.Request {
		return authorizeRequest(`client_id=app&claims={"x":` + strings.Repeat("+", size-60) + `1}`)
	}},
	{"registration of short members", 64 << 10, func(size int) rule.Request { return registrationRequest(members(size-10, `"`, `"`)) }},
	{"registration of numbers", 64 << 10, func(size int) rule.Request {
		return registrationRequest(list(size-40, `{"x":[`, `1`, "]}", 2))
	}},
	{"registration of redirect URIs", 64 << 10, func(size int) rule.Request {
		return registrationRequest(list(size-40, `{"redirect_uris":[`, `"http://[::1]:8/a?isa=%69&bcde"`, "]}", 33))
	}},
	{"registration of a redirect URI of parameters", 64 << 10, func(size int) rule.Request {
		return registrationRequest(`{"redirect_uris":["https://a/?` + strings.Repeat("a=b&", size/4-10) + `"]}`)
	}},
	{"registration of a redirect URI of escaped names", 64 << 10, func(size int) rule.Request {
		return registrationRequest(`{"redirect_uris":["https://a/?` + strings.Repeat("%69s%73x&", size/9-5) + `"]}`)
	}},
	{"registration of a redirect URI of JSON escapes", 64 << 10, func(size int) rule.Request {
		return registrationRequest(`{"redirect_uris":["https://a/?` + strings.Repeat(`\u0026`, size/6-10) + `"]}`)
	}},
	{"registration of response types of words", 64 << 10, func(size int) rule.Request {
		return registrationRequest(`{"response_types":["` + strings.Repeat("a ", size/2-20) + `"]}`)
	}},
	{"registration of response types that look like words", 64 << 10, func(size int) rule.Request {
		return registrationRequest(`{"response_types":["` + strings.Repeat("àcode", size/6-20) + `"]}`)
	}},
	{"registration of keys", 64 << 10, func(size int) rule.Request {
		return registrationRequest(list(size-40, `{"jwks":{"keys":[`, `{"kty":"EC","crv":"P-256","x":"a","y":"b"}`, "]}}", 43))
	}},
	{"pushed request of objects", 64 << 10, func(size int) rule.Request {
		request := tokenRequest("client_id=app&claims=" + url.QueryEscape(list(size/4-60, `{"x":[`, `{"a":1}`, "]}", 21)) + "&authorization_details=" +
			url.QueryEscape(list(size/4-60, "[", `{"type":"a"}`, "]", 35)) + "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" +
			signedToken(members(size*3/16-60, `"`, `"`)) + "&request=" + signedToken(members(size*3/16-60, `"`, `"`)))
		request.Path = "/oauth2/par"
		return request
	}},
	{"pushed request at random", 64 << 10, func(size int) rule.Request {
		part := size/4 - 60
		request := tokenRequest("client_id=app&response_type=" + mixed(1, part, "a", "b", "+", "%20", "openid") + "&redirect_uri=https%3A%2F%2Fa%2F%3F" +
			mixed(2, part, "a", ".", "/", "%2F", "%3D", "%2561", "%26iss", "%69s%73", "%26a%3D", "%26") + "&code_challenge=" + mixed(3, part, "a", "%2E", "%2D", "%5F", "b") +
			"&client_assertion=" + mixed(4, part, "a", "b", "%41", "%2F", "%2e"))
		request.Path = "/oauth2/par"
		return request
	}},
	{"path of dot segments", 2 << 10, func(size int) rule.Request { return pathRequest("/" + strings.Repeat("a/..;/%2e%2e/", size/13)) }},
	{"path of everything", 2 << 10, func(size int) rule.Request {
		return pathRequest("/" + strings.Repeat("a%5c../%252e;b/.%2f%3b/", size/23-1) + "%3fx")
	}},
	{"path of everything to an endpoint", 2 << 10, func(size int) rule.Request {
		return pathRequest("/x" + strings.Repeat("/a%5c../%252e;b/.%2f%3b/..", (size-40)/26) + "/oauth2/token/..%3f")
	}},
	{"path of steps back to an endpoint", 2 << 10, func(size int) rule.Request {
		return pathRequest("/x%5c%252e/b;c%3bd//" + strings.Repeat("a/../", (size-60)/5) + "oauth2/token/..%3f/api")
	}},
	{"path of slashes back to an endpoint", 2 << 10, func(size int) rule.Request {
		return pathRequest("/x%5c%252e/b;c%3bd" + strings.Repeat("//..", (size-60)/4) + "/oauth2/token/..%3f/api")
	}},
	{"path of parameters back to an endpoint", 2 << 10, func(size int) rule.Request {
		return pathRequest("/x%5c%252e/1;/2%3b2/3%253b3//" + strings.Repeat("..;/a/", (size-70)/6) + "oauth2/token/..%3f/api")
	}},
	{"path of all readings back to an endpoint", 2 << 10, func(size int) rule.Request {
		return pathRequest("/x%5c%252e/1;/2%3b2/3%253b3//" + strings.Repeat("a/../", (size-70)/5) + "oauth2/token/..%3f/api")
	}},
	{"path too long for its readings", 16 << 10, func(size int) rule.Request {
		return pathRequest("/x" + strings.Repeat("/a%5c../%252e;b/.%2f%3b/..", (size-40)/26) + "/oauth2/to")
	}},
	{"body of escapes", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(4, size, "%41")) }},
	{"body of escapes beyond ASCII", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(4, size, "%C3%A9")) }},
	{"body of bytes beyond ASCII", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(4, size, "é")) }},
	{"body of percent signs", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(4, size, "%")) }},
	{"body of dots", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(4, size, ".a-.")) }},
	{"body of everything", 64 << 10, func(size int) rule.Request {
		return tokenRequest(parameters(4, size, "a%41+.b%20=%C3%A9%zzc]=;é"))
	}},
	{"body of everything at random", 64 << 10, func(size int) rule.Request { return tokenRequest(atRandom(4, size)) }},
	{"body of names", 64 << 10, func(size int) rule.Request { return tokenRequest(strings.Repeat("a&", size/2)) }},
	{"body of names to a resource", 64 << 10, func(size int) rule.Request {
		request := tokenRequest(strings.Repeat("a&", size/2))
		request.Path, request.Header["Authorization"] = "/api/users", []string{"Bearer x"}
		return request
	}},
	{"body of values", 64 << 10, func(size int) rule.Request {
		return tokenRequest("grant_type=authorization_code&code=" + strings.Repeat("%41b", size/16) + "&redirect_uri=" + strings.Repeat("a%2F", size/16-10) +
			"&scope=" + strings.Repeat("a+", size/8) + "&client_secret=" + strings.Repeat("%2E.", size/16-20))
	}},
	{"body of 100 parameters", 64 << 10, func(size int) rule.Request { return tokenRequest(parameters(100, size, "%41")) }},
	{"every limit full of letters", 80 << 10, func(size int) rule.Request { return everyLimit(size, "a") }},
	{"every limit full of escapes", 80 << 10, func(size int) rule.Request { return everyLimit(size, "%41") }},
	{"every limit full of escapes beyond ASCII", 80 << 10, func(size int) rule.Request { return everyLimit(size, "%C3%A9") }},
	{"every limit full at random", 80 << 10, func(size int) rule.Request {
		return everyLimit(size, "a", "%41", "+", ".", "b", "%20", "%3D", "%C3%A9", "c", "%5D")
	}},
	{"Basic of colons", 8 << 10, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Header["Authorization"] = []string{"Basic " + strings.Repeat("OjolKzo6JSs6", size/12)}
		return request
	}},
	{"Basic of another alphabet", 8 << 10, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Header["Authorization"] = []string{"Basic " + strings.Repeat("YTpi-_", size/6)}
		return request
	}},
	{"DPoP", 16 << 10, func(size int) rule.Request {
		request := bearerRequest("/api/users", signedToken(members(size*3/8-60, `"`, `"`)))
		request.Header["Dpop"] = []string{signedToken(members(size*3/8-60, `"`, `"`))}
		return request
	}},
	{"Bearer", 8 << 10, func(size int) rule.Request { return bearerRequest("/api/users", strings.Repeat("a.", size/2)) }},
	{"client_assertion", 16 << 10, func(size int) rule.Request {
		claims := members(size*3/4-60, `"`, `"`)
		return tokenRequest("grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" +
			signedToken(claims))
	}},
	{"claims of an assertion that are looked at", 16 << 10, func(size int) rule.Request {
		return tokenRequest("grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" +
			signedToken(list(size*3/4-100, `{"iss":"a","sub":"a","exp":1,"aud":[`, `{"a":1}`, "]}", 8)))
	}},
	{"DPoP with a key of members", 16 << 10, func(size int) rule.Request {
		request := bearerRequest("/api/users", "x")
		request.Header["Dpop"] = []string{base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"dpop+jwt","jwk":`+members(size*3/4-100, `"`, `"`)+"}")) + ".e30.c2ln"}
		return request
	}},
	{"DPoP beside a long path", 1 << 20, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Header["Dpop"], request.Target = []string{signedToken(`{"htu":"https://a/b"}`)}, "/b"+strings.Repeat("%2f", size/3)
		return request
	}},
	{"Basic that is too long", 1 << 20, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Header["Authorization"] = []string{"Basic " + strings.Repeat("YTpi-_", size/6)}
		return request
	}},
	{"Connection", 1 << 20, func(size int) rule.Request {
		request := bearerRequest("/api/users", "x")
		request.Header["Connection"] = []string{strings.Repeat("A,", size/2)}
		return request
	}},
	{"Content-Type", 1 << 20, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Header["Content-Type"] = []string{formType[0] + strings.Repeat(";a=b", size/4)}
		return request
	}},
	{"Bearer of commas", 8 << 10, func(size int) rule.Request { return bearerRequest("/api/users", strings.Repeat(", \t", size/3)) }},
	{"query that nearly mentions parameters", 16 << 10, func(size int) rule.Request {
		request := tokenRequest("grant_type=x")
		request.Query = "x=" + strings.Repeat("client_asserti", size/14-1)
		return request
	}},
	{"response_type of words", 16 << 10, func(size int) rule.Request {
		return authorizeRequest("client_id=narrow&response_type=" + strings.Repeat("b+a+", size/4-12) + "a")
	}},
	{"post_logout_redirect_uri", 16 << 10, func(size int) rule.Request {
		request := authorizeRequest("client_id=leaver&post_logout_redirect_uri=http://a/?" + strings.Repeat("iss1;", size/5-12))
		request.Path = "/oauth2/logout"
		return request
	}},
	{"id_token_hint of audiences", 16 << 10, func(size int) rule.Request {
		request := authorizeRequest("id_token_hint=" + signedToken(list(size*3/4-60, `{"aud":[`, `"a"`, "]}", 6)))
		request.Path = "/oauth2/logout"
		return request
	}},
	{"types of tokens", 64 << 10, func(size int) rule.Request {
		uri := "http://a/?" + strings.Repeat("iss1;", size/20-10)
		return tokenRequest("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token_type=" + uri + "&actor_token_type=" + uri +
			"&client_assertion_type=" + uri + "&requested_token_type=" + uri)
	}},
	{"registration in Latin letters", 64 << 10, func(size int) rule.Request {
		request := tokenRequest(`{"client_name":"` + strings.Repeat("a", size-20) + `"}`)
		request.Path, request.Header["Content-Type"] = "/oauth2/register", []string{"application/json;charset=iso-8859-1"}
		return request
	}},
	{"body of a name of blanks", 64 << 10, func(size int) rule.Request { return tokenRequest(strings.Repeat("\ufeff ", size/4-1) + "=1") }},
}

// worstObjects are request objects, for servers that use them.
var worstObjects = []struct {
	name   string
	claims func(size int) string
}{
	{"object of resources", func(size int) string { return list(size, `{"resource":[`, `"a"`, "]}", 4) }},
	{"object of objects", func(size int) string { return list(size, `{"claims":{"userinfo":[`, `{"a":1}`, "]}}", 8) }},
	{"object of members", func(size int) string { return `{"claims":` + members(size-20, `"`, `"`) + "}" }},
	{"object of authorization_details", func(size int) string { return list(size, `{"authorization_details":[`, `{"type":"a"}`, "]}", 13) }},
}

// signedToken is a signed JWT.
func signedToken(claims string) string {
	return "eyJhbGciOiJFUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func registrationRequest(body string) rule.Request {
	return rule.Request{Method: "POST", Path: "/oauth2/register", Body: body, BodyState: rule.BodyRead, Header: map[string][]string{"Content-Type": {"application/json"}}}
}

func pathRequest(path string) rule.Request {
	return rule.Request{Method: "GET", Path: path, Header: map[string][]string{}}
}

// parameters are a number of parameters of one size, with values of many pieces.
func parameters(count, size int, piece string) string {
	var list []string
	for i := range count {
		name := fmt.Sprintf("p%d=", i)
		list = append(list, name+strings.Repeat(piece, (size/count-len(name)-1)/len(piece)))
	}
	return strings.Join(list, "&")
}

// atRandom are parameters whose values are mixed by chance.
func atRandom(count, size int) string {
	var list []string
	for i := range count {
		name := fmt.Sprintf("p%d=", i)
		list = append(list, name+mixed(uint64(i), size/count-len(name)-8, "a", "%41", "+", ".", "b", "%20", "=", "%C3%A9", "%zz", "c", "]", ";", "é"))
	}
	return strings.Join(list, "&")
}

// everyLimit is a valid token request that fills all limits at once: those of the query and the body, one value, its code, and the number of parameters, which have values of such pieces.
func everyLimit(size int, pieces ...string) rule.Request {
	const inQuery, inBody, own = 16, 84, 5
	query, code := size/5, size/5
	var list []string
	for i := range inQuery + inBody - own {
		length := query / inQuery
		if i >= inQuery {
			length = (size - query - code - 300) / (inBody - own)
		}
		list = append(list, fmt.Sprintf("p%d=%s", i, mixed(uint64(i), length-10, pieces...)))
	}
	request := tokenRequest("grant_type=authorization_code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&code=" +
		mixed(0, code-2, "a", "%41") + "&" + strings.Join(list[inQuery:], "&"))
	request.Query = strings.Join(list[:inQuery], "&")
	return request
}

// mixed is a text of pieces that are chosen by chance, for each number always by the same one: nothing that comes next can be foreseen.
func mixed(number uint64, size int, pieces ...string) string {
	chance := rand.New(rand.NewPCG(1, number))
	var text strings.Builder
	for text.Len() < size {
		text.WriteString(pieces[chance.IntN(len(pieces))])
	}
	return text.String()
}

// members is a JSON object of many members.
func members(size int, open, end string) string {
	var text strings.Builder
	text.WriteString("{")
	for i := 0; text.Len() < size-20; i++ {
		fmt.Fprintf(&text, "%s%x%s:1,", open, i, end)
	}
	fmt.Fprintf(&text, "%sz%s:1}", open, end)
	return text.String()
}

// list repeats an element as often as it fits, which has the given size when it is escaped.
func list(size int, open, element, end string, escaped int) string {
	return open + strings.Repeat(element+",", max(0, size/escaped-1)) + element + end
}

// TestEveryLimitPasses makes sure that what fills all limits at once does so, and is not refused.
func TestEveryLimitPasses(t *testing.T) {
	directory, engine, limits := testDirectory(t, ""), newEngine(t, testConfig(rule.RFC6749)), scan.DefaultLimits
	for _, request := range worst {
		if !strings.HasPrefix(request.name, "every limit full") {
			continue
		}
		t.Run(request.name, func(t *testing.T) {
			request := request.make(request.full)
			var c rule.Case
			if verdict := engine.Decide(&c, &request, engine.Route(request.Path), directory); verdict.Decision == Reject {
				ids, _ := findingIDs(verdict)
				t.Errorf("refused by %v", ids)
			}
			code, _ := c.Parameters.Raw(scan.Code)
			for what, part := range map[string][2]int{"query": {len(request.Query), limits.Query}, "body": {len(request.Body), limits.Body}, "value": {len(code), limits.Value},
				"parameters": {len(c.Parameters.List), limits.Parameters}} {
				if part[0] > part[1] || part[0] < part[1]*97/100 {
					t.Errorf("%s: %d of %d", what, part[0], part[1])
				}
			}
		})
	}
}

// BenchmarkAdversarial fills every limit, and a half and a quarter of it: the time must stay linear in the bytes.
func BenchmarkAdversarial(b *testing.B) {
	directory := testDirectory(b, "")
	run := func(engine *Engine, name string, full int, request func(size int) rule.Request) {
		for _, part := range []struct {
			name string
			of   int
		}{{"quarter", 4}, {"half", 2}, {"full", 1}} {
			b.Run(name+"/"+part.name, func(b *testing.B) {
				request := request(full / part.of)
				var c rule.Case
				b.ReportAllocs()
				for b.Loop() {
					engine.Decide(&c, &request, engine.Route(request.Path), directory)
				}
			})
		}
	}
	config := testConfig(rule.RFC6749)
	engine := newEngine(b, config)
	for _, benchmark := range worst {
		run(engine, benchmark.name, benchmark.full, benchmark.make)
	}
	config.RequestObjects = rule.RequestObjectsUsed
	engine = newEngine(b, config)
	for _, benchmark := range worstObjects {
		run(engine, benchmark.name, 16<<10, func(size int) rule.Request {
			return authorizeRequest("client_id=app&request=" + signedToken(benchmark.claims(size*3/4-100)))
		})
	}
}
