package validators

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

const (
	benchQuery = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid+profile+email+offline_access&state=Zk3vJ8aWq0Lr7xT2yB5nC9dF1gH4jK6m" +
		"&nonce=n-0S6_WzA2Mj8Qx7Yv5Tb3Rc1&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	benchForm = "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA7Xq3Zr9Lk2Mn5Pv8Ty1Wu4Ej6Ho0Da&redirect_uri=https%3A%2F%2Fapp.example%2Fcb" +
		"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=app&audience=https%3A%2F%2Fapi.example%2Fv1&resource=https%3A%2F%2Fapi.example%2Fv1%2Fusers&scope=read+write+admin" +
		"&nonce_hint=0123456789abcdef"
	benchToken = "1683981421136.be561191-1c83-4cde.1e31bb66-95a1.be561191-1c83"
	// benchOther is an authorization request of other sizes: a state with escaped padding, a loopback URI with a port, another order.
	benchOther = "client_id=native&state=eyJyIjoiL2hvbWUifQ%3D%3D&redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fcb&response_type=code&scope=read&code_challenge_method=S256" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&prompt=login&login_hint=jane.doe%40example.com&ui_locales=de-CH+en"
)

var (
	benchBasic = []string{"Basic YXBwOnMzY3IzdC1zM2NyM3Qtc2VjcmV0LTEyMzQ="}
	formType   = []string{"application/x-www-form-urlencoded"}
)

func authorizeRequest(query string) rule.Request {
	return rule.Request{Method: "GET", Path: "/oauth2/auth", Query: query, Header: map[string][]string{"Accept": {"*/*"}}}
}

// browserRequest is an authorization request with the header of a browser behind a proxy.
func browserRequest(query string) rule.Request {
	header := map[string][]string{}
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Priority", "Referer", "Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode",
		"Sec-Fetch-Site", "Sec-Fetch-User", "Upgrade-Insecure-Requests", "User-Agent",
	} {
		header[name] = []string{"value"}
	}
	request := authorizeRequest(query)
	request.Header = header
	return request
}

func formRequest(path, body string) rule.Request {
	return rule.Request{Method: "POST", Path: path, Body: body, BodyState: rule.BodyRead, Header: map[string][]string{"Content-Type": formType, "Authorization": benchBasic}}
}

func tokenRequest(body string) rule.Request { return formRequest("/oauth2/token", body) }

func bearerRequest(path, token string) rule.Request {
	return rule.Request{Method: "GET", Path: path, Query: "fields=id,login", Header: map[string][]string{"Authorization": {"Bearer " + token}}}
}

// inFAPI makes of a valid request what it has to be in the profile fapi2: pushed, or of a client with a certificate.
func inFAPI(request rule.Request) rule.Request {
	request.EndsTLS, request.Certificate = true, []byte("a certificate of the client, in DER")
	switch {
	case request.Path == "/oauth2/auth":
		request.Query = "client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c"
	case request.BodyState == rule.BodyRead && request.Path != "/oauth2/register":
		request.Header = map[string][]string{"Content-Type": formType}
		if !strings.Contains(request.Body, "client_id=") {
			request.Body += "&client_id=two"
		}
		request.Body = strings.ReplaceAll(strings.Replace(request.Body, "client_id=app", "client_id=two", 1), "app.example%2Fcb", "two.example%2Fa")
	}
	return request
}

// benchmarkRequest is a request, and what is decided about it.
type benchmarkRequest struct {
	name    string
	request rule.Request
	want    Decision
}

// benchmarkRequests are a valid and a refused request of every endpoint.
func benchmarkRequests() []benchmarkRequest {
	const registration = `{"redirect_uris":["https://client.example/cb"],"client_name":"A client","grant_types":["authorization_code"],"response_types":["code"],"token_endpoint_auth_method":"none"}`
	register := func(body string) rule.Request {
		return rule.Request{Method: "POST", Path: "/oauth2/register", Body: body, BodyState: rule.BodyRead, Header: map[string][]string{"Content-Type": {"application/json"}}}
	}
	get := func(path, query string) rule.Request {
		return rule.Request{Method: "GET", Path: path, Query: query, Header: map[string][]string{"Accept": {"*/*"}}}
	}
	return []benchmarkRequest{
		{"authorize/valid", authorizeRequest(benchQuery), Pass},
		{"authorize/browser", browserRequest(benchQuery), Pass},
		{"authorize/other", authorizeRequest(benchOther), Pass},
		{"authorize/refused", authorizeRequest(benchQuery + "&redirect_uri=x"), Reject},
		{"token/valid", tokenRequest(benchForm), Pass},
		{"token/refresh", tokenRequest("grant_type=refresh_token&refresh_token=" + benchToken), Pass},
		{"token/refused", tokenRequest(benchForm + "&code=x"), Reject},
		{"par/valid", formRequest("/oauth2/par", benchQuery), Pass},
		{"par/refused", formRequest("/oauth2/par", benchQuery+"&request_uri=x"), Reject},
		{"device/valid", formRequest("/oauth2/device_authorization", "scope=read"), Pass},
		{"device/refused", formRequest("/oauth2/device_authorization", "scope=read&scope=x"), Reject},
		{"backchannel/valid", formRequest("/oauth2/bc-authorize", "scope=openid&login_hint=jane.doe&binding_message=W4SCT"), Pass},
		{"backchannel/refused", formRequest("/oauth2/bc-authorize", "scope=openid&login_hint=jane.doe&id_token_hint=a.b.c"), Reject},
		{"revocation/valid", formRequest("/oauth2/revoke", "token="+benchToken+"&token_type_hint=refresh_token"), Pass},
		{"revocation/refused", formRequest("/oauth2/revoke", "token_type_hint=refresh_token"), Reject},
		{"introspection/valid", formRequest("/oauth2/introspect", "token="+benchToken), Pass},
		{"introspection/refused", formRequest("/oauth2/introspect", "token_type_hint=refresh_token"), Reject},
		{"registration/valid", register(registration), Pass},
		{"registration/refused", register(`{"redirect_uris":["https://client.example/cb"],"redirect_uris":[]}`), Reject},
		{"logout/valid", get("/oauth2/logout", "client_id=app&state=abc"), Pass},
		{"logout/refused", get("/oauth2/logout", "client_id=app&client_id=two"), Reject},
		{"userinfo/valid", bearerRequest("/oauth2/userinfo", benchToken), Pass},
		{"userinfo/refused", bearerRequest("/oauth2/userinfo", ""), Reject},
		{"bearer/valid", bearerRequest("/api/users/me", benchToken), Pass},
		{"bearer/refused", bearerRequest("/api/users/me", ""), Reject},
		{"other/valid", rule.Request{Method: "GET", Path: "/dashboard/x.js", Header: map[string][]string{}}, Pass},
	}
}

// BenchmarkDecide measures the decision alone, on a valid and a refused request of every endpoint.
func BenchmarkDecide(b *testing.B) {
	all := func(*rule.Request) bool { return true }
	eachDecision(b, all, func(b *testing.B, _ rule.Request, decide func()) {
		b.ReportAllocs()
		for b.Loop() {
			decide()
		}
	})
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

// BenchmarkBudget measures the decision and url.ParseQuery of the same query and body in turns, so that x-ParseQuery, the ratio of the two, says the same on every machine, whatever else that
// does: it is the median of the ratios of all turns. ns/op is the median of the decision's.
func BenchmarkBudget(b *testing.B) {
	form := func(request *rule.Request) bool {
		text := request.Query + request.Body
		_, err := url.ParseQuery(text)
		return err == nil && text != "" && request.Path != "/oauth2/register"
	}
	eachDecision(b, form, func(b *testing.B, request rule.Request, decide func()) {
		text := request.Query + request.Body
		allocations := testing.AllocsPerRun(100, decide)
		var times, ratios []float64
		for b.Loop() {
			own := turn(decide)
			times = append(times, own)
			ratios = append(ratios, own/turn(func() { _, _ = url.ParseQuery(text) }))
		}
		b.ReportMetric(median(times), "ns/op")
		b.ReportMetric(allocations, "allocs/op")
		b.ReportMetric(median(ratios), "x-ParseQuery")
	})
}

// eachDecision runs a benchmark of each request that is included in each profile.
func eachDecision(b *testing.B, include func(*rule.Request) bool, run func(b *testing.B, request rule.Request, decide func())) {
	directory := testDirectory(b, "")
	for _, profile := range rule.Profiles() {
		engine := newEngine(b, testConfig(profile))
		for _, benchmark := range benchmarkRequests() {
			request := benchmark.request
			if profile == rule.FAPI2 && benchmark.want == Pass {
				request = inFAPI(request)
			}
			if !include(&request) {
				continue
			}
			b.Run(profile.String()+"/"+benchmark.name, func(b *testing.B) {
				var c rule.Case
				if v := engine.Decide(&c, &request, engine.Route(request.Path), directory); v.Decision == Reject != (benchmark.want == Reject) {
					ids, _ := findingIDs(v)
					b.Fatalf("decision %v by %v", v.Decision, ids)
				}
				run(b, request, func() { engine.Decide(&c, &request, engine.Route(request.Path), directory) })
			})
		}
	}
}

// turn is the time of one call in nanoseconds, of two hundred.
func turn(call func()) float64 {
	const calls = 200
	start := time.Now()
	for range calls {
		call()
	}
	return float64(time.Since(start)) / calls
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkInapplicable shows what rules cost that do not concern a request: x-without is the ratio of the time with the whole profile to that with every rule off that is not due.
func BenchmarkInapplicable(b *testing.B) {
	directory := testDirectory(b, "")
	for _, profile := range rule.Profiles() {
		for _, benchmark := range benchmarkRequests() {
			if benchmark.want != Pass || !strings.HasSuffix(benchmark.name, "/valid") {
				continue
			}
			request := benchmark.request
			if profile == rule.FAPI2 {
				request = inFAPI(request)
			}
			b.Run(profile.String()+"/"+benchmark.name, func(b *testing.B) {
				whole := newEngine(b, testConfig(profile))
				var c rule.Case
				whole.Decide(&c, &request, whole.Route(request.Path), directory)
				p := &whole.plans[c.Endpoint]
				due := p.due(&c)
				config := testConfig(profile)
				config.Overrides = []Override{{Pattern: "*", Mode: rule.Off}}
				for place := range p.steps {
					if due.has(place) {
						config.Overrides = append(config.Overrides, Override{Pattern: p.steps[place].rule.ID, Mode: p.steps[place].mode})
					}
				}
				few := newEngine(b, config)
				var ratios []float64
				for b.Loop() {
					ratios = append(ratios, turn(func() { whole.Decide(&c, &request, whole.Route(request.Path), directory) })/
						turn(func() { few.Decide(&c, &request, few.Route(request.Path), directory) }))
				}
				b.ReportMetric(float64(len(p.steps)), "rules")
				b.ReportMetric(float64(len(config.Overrides)-1), "due")
				b.ReportMetric(median(ratios), "x-without")
			})
		}
	}
}
