package integration

import (
	"encoding/json"
	"html"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// delivered reads the parameters of a redirected error, and where they stood; the place is empty if nothing is redirected.
func delivered(t *testing.T, got answer) (place string, parameters url.Values) {
	t.Helper()
	location := got.header.Get("Location")
	switch {
	case location == "" && strings.Contains(got.body, `method="post"`):
		parameters = make(url.Values)
		for _, field := range hiddenField.FindAllStringSubmatch(got.body, -1) {
			parameters.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		return "form", parameters
	case location == "":
		return "", nil
	}
	rest, found := strings.CutPrefix(location, registeredURI)
	if !found || got.status != 303 {
		t.Fatalf("status %d, Location %q", got.status, location)
	}
	values, err := url.ParseQuery(rest[1:])
	if err != nil {
		t.Fatal(err)
	}
	return map[byte]string{'?': "query", '#': "fragment"}[rest[0]], values
}

// TestErrorRedirects sends requests whose error goes to the client: by every response mode, by GET and by POST. The redirection holds what the standards name, and
// nothing else.
func TestErrorRedirects(t *testing.T) {
	const state = "s +/%&=~\"<'é"
	const more = "issuer https://login.example\ndocs https://docs.example/rules.md\n"
	for name, lines := range map[string]string{"bare": "", "with iss and error_uri": more} {
		p := profilePair(t, "rfc6749", "rule authorize.state.malformed off\nerrors {\n"+lines+"}")
		for _, test := range []struct{ ask, place, code string }{
			{"", "query", "invalid_request"},
			{"&response_type=foo", "query", "unsupported_response_type"},
			{"&response_type=foo+token", "fragment", "unsupported_response_type"},
			{"&response_type=code&scope=%22", "query", "invalid_scope"},
			{"&response_type=id_token&scope=openid", "fragment", "invalid_request"},
			{"&response_type=code&scope=%22&response_mode=fragment", "fragment", "invalid_scope"},
			{"&response_type=code&scope=%22&response_mode=form_post", "form", "invalid_scope"},
			{"&response_type=code&response_mode=nonsense", "query", "invalid_request"},
			{"&response_type=token&response_mode=query", "fragment", "invalid_request"},
			// The guard has no key to sign with.
			{"&response_type=code&scope=%22&response_mode=jwt", "", "invalid_scope"},
			{"&response_type=code&scope=%22&response_mode=query.jwt", "", "invalid_scope"},
			{"&response_type=code&scope=%22&response_mode=fragment.jwt", "", "invalid_scope"},
			{"&response_type=code&scope=%22&response_mode=form_post.jwt", "", "invalid_scope"},
			{"&response_type=code&scope=%22&response_mode=web_message", "", "invalid_scope"},
		} {
			ask := "client_id=app&redirect_uri=" + url.QueryEscape(registeredURI) + "&state=" + url.QueryEscape(state) + test.ask
			requests := map[string]string{"GET": get("/oauth2/auth?" + ask)}
			if strings.Contains(ask, "response_type") { // without it a POST is the server's own form
				requests["POST"] = form("/oauth2/auth", ask)
			}
			for method, raw := range requests {
				t.Run(name+"/"+method+test.ask, func(t *testing.T) {
					p.upstream.take()
					got := send(t, p.guarded, raw)
					if len(p.upstream.take()) > 0 {
						t.Fatal("the request arrived")
					}
					place, parameters := delivered(t, got)
					if place != test.place {
						t.Fatalf("place %q, want %q", place, test.place)
					}
					if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Referrer-Policy") != "no-referrer" {
						t.Errorf("header %v", got.header)
					}
					if place == "" {
						if got.status != 400 || !strings.Contains(got.body, test.code) {
							t.Errorf("status %d, want a page with %s", got.status, test.code)
						}
						return
					}
					want := []string{"error", "error_description", "state"}
					if lines != "" {
						want = append(want, "error_uri", "iss")
					}
					slices.Sort(want)
					if names := slices.Sorted(maps.Keys(parameters)); !slices.Equal(names, want) {
						t.Errorf("parameters %v, want %v", names, want)
					}
					for name, values := range parameters {
						if len(values) != 1 {
							t.Errorf("%s occurs %d times", name, len(values))
						}
					}
					if parameters.Get("error") != test.code || parameters.Get("state") != state {
						t.Errorf("%v", parameters)
					}
					if lines != "" && (parameters.Get("iss") != "https://login.example" || !strings.HasPrefix(parameters.Get("error_uri"), "https://docs.example/rules.md#authorize.")) {
						t.Errorf("%v", parameters)
					}
				})
			}
		}
	}
}

// TestStrictProfilesShowPages: after RFC 9700 nothing is redirected before somebody signed in, except in a frame that nobody sees.
func TestStrictProfilesShowPages(t *testing.T) {
	ask := "/oauth2/auth?client_id=app&redirect_uri=" + url.QueryEscape(registeredURI) + "&response_type=code&scope=%22&state=s" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	p := profilePair(t, "oauth21", "")
	if got := p.refused(t, get(ask)); got.status != 400 || got.header.Get("Location") != "" {
		t.Errorf("status %d, Location %q", got.status, got.header.Get("Location"))
	}
	got := p.refused(t, get(ask+"&prompt=none", "Sec-Fetch-Dest: iframe"))
	if place, parameters := delivered(t, got); place != "query" || parameters.Get("error") != "invalid_scope" {
		t.Errorf("a silent request is answered with %d in %q: %v", got.status, place, parameters)
	}
}

// TestPushedRequests is the way of a pushed request: its errors are JSON, and 413 says so in the body too, in the dialect that is configured.
func TestPushedRequests(t *testing.T) {
	p := profilePair(t, "rfc6749", "errors {\ndialect hub\n}")
	const challenge = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	request := "response_type=code&client_id=app&client_secret=s&redirect_uri=" + url.QueryEscape(registeredURI) + challenge
	p.passes(t, form("/oauth2/par", request))
	p.passes(t, get("/oauth2/auth?client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax"))
	for name, test := range map[string]struct {
		raw    string
		status int
		code   string
	}{
		"too long":           {form("/oauth2/par", request+"&x="+strings.Repeat("x", 70<<10)), 413, "invalid_request"},
		"a value too long":   {form("/oauth2/par", request+"&x="+strings.Repeat("x", 20<<10)), 413, "invalid_request"},
		"not POST":           {get("/oauth2/par?" + request), 405, "invalid_request"},
		"malformed scope":    {form("/oauth2/par", request+"&scope=%22"), 400, "invalid_scope"},
		"request_uri":        {form("/oauth2/par", request+"&request_uri=urn%3Ax"), 400, "invalid_request"},
		"unknown client":     {form("/oauth2/par", strings.Replace(request, "=app", "=nobody", 1)), 400, "invalid_client"},
		"without the client": {get("/oauth2/auth?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax", "Accept: application/json"), 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.refused(t, test.raw)
			var body struct {
				Error string `json:"error"`
				Code  int    `json:"error_code"`
			}
			if err := json.Unmarshal([]byte(got.body), &body); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			if got.status != test.status || body.Error != test.code || body.Code != test.status || got.header.Get("Location") != "" {
				t.Errorf("status %d, %+v, want %d %s", got.status, body, test.status, test.code)
			}
		})
	}
}

// TestOverrides exempts one client of every kind of source from a rule, and delivers its errors in its own way.
func TestOverrides(t *testing.T) {
	folder := t.TempDir()
	records := replaceFile(t, filepath.Join(folder, "records.json"), `[{"client_id":"tracker","redirect_uris":["https://app.example/cb"],"exempt":["authorize.response_mode.*"],"delivery":"page"},
		{"client_id":"0-0-0-0-0","redirect_uris":["https://app.example/cb"]}]`)
	const services = `{"skip":0,"top":500,"total":2,"services":[
		{"id":"0-0-0-0-0","name":"Hub","key":"hub","homeUrl":"https://app.example","baseUrls":[],"redirectUris":["https://app.example/cb"],"trusted":true},
		{"id":"tracker","name":"Tracker","key":"tracker","homeUrl":"https://app.example","baseUrls":[],"redirectUris":["https://app.example/cb"],"trusted":true}]}`
	const guardLines = "exempt tracker authorize.response_mode.*\n"
	for name, lines := range map[string]string{
		"static": "clients static {\nclient tracker {\nredirect_uris https://app.example/cb\nexempt authorize.response_mode.*\ndelivery page\n}\n" +
			"client 0-0-0-0-0 {\nredirect_uris https://app.example/cb\n}\n}\n",
		"file":                    "clients file " + records + "\n",
		"a saved page of the Hub": "clients file " + replaceFile(t, filepath.Join(folder, "services.json"), services) + "\n" + guardLines,
		"hub":                     "clients hub " + hubWith(t, services, new(atomic.Bool)) + " {\ntimeout 5s\n}\n" + guardLines,
		// The first source that knows the client wins: this is how a service of a Hub gets a delivery of its own.
		"a record before the hub": "clients file " + records + "\nclients hub " + hubWith(t, services, new(atomic.Bool)) + " {\ntimeout 5s\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "profile rfc6749\n"+endpointLines+lines)
			ask := func(client, more string) string {
				return get("/oauth2/auth?response_type=code&client_id=" + client + "&redirect_uri=" + url.QueryEscape(registeredURI) + more)
			}
			// A live source is read after the start.
			eventually(t, "the clients", func() bool {
				got := send(t, p.guarded, ask("0-0-0-0-0", "&scope=%22"))
				return got.status == 303
			})
			p.passes(t, ask("tracker", "&response_mode=nonsense"))
			if got := p.refused(t, ask("0-0-0-0-0", "&response_mode=nonsense")); got.status != 303 {
				t.Errorf("another client is answered with %d, want a redirection", got.status)
			}
			want := 303
			if strings.Contains(lines, "delivery page") || strings.Contains(lines, "records.json") {
				want = 400
			}
			if got := p.refused(t, ask("tracker", "&scope=%22")); got.status != want {
				t.Errorf("an error that is not exempted is answered with %d, want %d", got.status, want)
			}
		})
	}
}
