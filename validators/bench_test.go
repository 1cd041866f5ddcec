package validators

import (
	"net/url"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

const (
	benchQuery = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid+profile+email+offline_access&state=Zk3vJ8aWq0Lr7xT2yB5nC9dF1gH4jK6m" +
		"&nonce=n-0S6_WzA2Mj8Qx7Yv5Tb3Rc1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	benchForm = "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA7Xq3Zr9Lk2Mn5Pv8Ty1Wu4Ej6Ho0Da&redirect_uri=https%3A%2F%2Fapp.example%2Fcb" +
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=app&audience=https%3A%2F%2Fapi.example%2Fv1&resource=https%3A%2F%2Fapi.example%2Fv1%2Fusers&scope=read+write+admin" +
		"&nonce_hint=0123456789abcdef"
)

func authorizeRequest(query string) rule.Request {
	return rule.Request{Method: "GET", Path: "/oauth2/auth", Query: query, Header: map[string][]string{"Accept": {"*/*"}}}
}

func tokenRequest(body string) rule.Request {
	return rule.Request{Method: "POST", Path: "/oauth2/token", Body: body, BodyState: rule.BodyRead, Header: map[string][]string{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Basic YXBwOnMzY3IzdC1zM2NyM3Qtc2VjcmV0LTEyMzQ="},
	}}
}

func bearerRequest(token string) rule.Request {
	return rule.Request{Method: "GET", Path: "/api/users/me", Query: "fields=id,login", Header: map[string][]string{"Authorization": {"Bearer " + token}}}
}

// inFAPI makes of a valid request what it has to be in the profile fapi2: pushed, or of a client with a certificate.
func inFAPI(request rule.Request) rule.Request {
	request.EndsTLS, request.Certificate = true, []byte("a certificate of the client, in DER")
	switch request.Path {
	case "/oauth2/auth":
		request.Query = "client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c"
	case "/oauth2/token":
		request.Header = map[string][]string{"Content-Type": request.Header["Content-Type"]}
		request.Body = strings.ReplaceAll(strings.Replace(request.Body, "client_id=app", "client_id=two", 1), "app.example%2Fcb", "two.example%2Fa")
	}
	return request
}

// BenchmarkDecide measures the decision alone, beside url.ParseQuery of the same bytes: compare the ratio, not the nanoseconds.
func BenchmarkDecide(b *testing.B) {
	directory := testDirectory(b, "")
	for _, profile := range rule.Profiles() {
		engine := newEngine(b, testConfig(profile))
		for _, benchmark := range []struct {
			name    string
			request rule.Request
			want    Decision
		}{
			{"authorize/valid", authorizeRequest(benchQuery), Pass},
			{"authorize/refused", authorizeRequest(benchQuery + "&redirect_uri=x"), Reject},
			{"token/valid", tokenRequest(benchForm), Pass},
			{"token/refused", tokenRequest(benchForm + "&code=x"), Reject},
			{"bearer/valid", bearerRequest("1683981421136.be561191-1c83-4cde.1e31bb66-95a1.be561191-1c83"), Pass},
			{"bearer/refused", bearerRequest(""), Reject},
			{"other/valid", rule.Request{Method: "GET", Path: "/dashboard/x.js", Header: map[string][]string{}}, Pass},
		} {
			if profile == rule.FAPI2 && benchmark.want == Pass {
				benchmark.request = inFAPI(benchmark.request)
			}
			b.Run(profile.String()+"/"+benchmark.name, func(b *testing.B) {
				var c rule.Case
				if v := engine.Decide(&c, benchmark.request, engine.Route(benchmark.request.Path), directory); v.Decision != benchmark.want {
					ids, _ := findingIDs(v)
					b.Fatalf("decision %v by %v", v.Decision, ids)
				}
				b.ReportAllocs()
				for b.Loop() {
					engine.Decide(&c, benchmark.request, engine.Route(benchmark.request.Path), directory)
				}
			})
		}
	}
}

// BenchmarkParseQuery is the yardstick of BenchmarkDecide.
func BenchmarkParseQuery(b *testing.B) {
	for name, text := range map[string]string{"authorize": benchQuery, "token": benchForm} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := url.ParseQuery(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAdversarial fills every limit, and half of it: the time must stay linear in the bytes.
func BenchmarkAdversarial(b *testing.B) {
	directory := testDirectory(b, "")
	engine := newEngine(b, testConfig(rule.RFC6749))
	list := func(text, separator string, count int) string {
		return strings.TrimSuffix(strings.Repeat(text+separator, count), separator)
	}
	for _, benchmark := range []struct {
		name    string
		count   int
		request func(count int) rule.Request
	}{
		{"long parameters", 100, func(count int) rule.Request {
			return authorizeRequest(list(strings.Repeat("n", 80)+"="+strings.Repeat("v", 80), "&", count))
		}},
		{"escapes", 5000, func(count int) rule.Request { return authorizeRequest("state=" + strings.Repeat("%41", count)) }},
		{"scope of words", 8000, func(count int) rule.Request { return authorizeRequest("scope=" + list("a", "+", count)) }},
		{"body of 64 KiB", 4, func(count int) rule.Request { return tokenRequest(list("x="+strings.Repeat("%41", 5000), "&", count)) }},
		{"path of dot segments", 300, func(count int) rule.Request {
			return rule.Request{Method: "GET", Path: "/" + strings.Repeat("a/..;/%2e%2e/", count), Header: map[string][]string{}}
		}},
		{"folded names", 100, func(count int) rule.Request { return authorizeRequest(list("Client.Id%5B%5D=1", "&", count)) }},
		{"claims", 30, func(count int) rule.Request {
			return authorizeRequest("claims=" + url.QueryEscape(strings.Repeat(`{"a":`, count)+`1`+strings.Repeat("}", count)))
		}},
		{"basic of colons", 700, func(count int) rule.Request {
			return rule.Request{Method: "POST", Path: "/oauth2/token", Body: "grant_type=x", BodyState: rule.BodyRead, Header: map[string][]string{
				"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Basic " + strings.Repeat("OjolKzo6JSs6", count)},
			}}
		}},
	} {
		for size, count := range map[string]int{"half": benchmark.count / 2, "full": benchmark.count} {
			b.Run(benchmark.name+"/"+size, func(b *testing.B) {
				request := benchmark.request(count)
				var c rule.Case
				b.ReportAllocs()
				for b.Loop() {
					engine.Decide(&c, request, engine.Route(request.Path), directory)
				}
			})
		}
	}
}
