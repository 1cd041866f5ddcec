package validators

import (
	"encoding/base64"
	"flag"
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestNoRedirectWithoutProof draws modes, exemptions, deliveries and requests at random: whatever is switched off, an error only ever goes to a redirect URI that the one named
// client registered, from a request whose bytes have one reading.
func TestNoRedirectWithoutProof(t *testing.T) {
	directory := testDirectory(t, "")
	var ids []string
	for _, r := range Catalogue() {
		ids = append(ids, r.ID)
	}
	ids = append(ids, "*", "authorize.*", "wire.*", "path.*", "authorize.redirect_uri.*", "authorize.client_id.*")
	pieces := []string{
		"response_type=code", "response_type=token", "response_type=foo", "response_type=", "response_type=code+id_token",
		"client_id=app", "client_id=two", "client_id=nobody", "client_id=native", "client_id=", "client%5Fid=app", "Client_Id=app", "client_id[]=app", "client_id=script",
		"redirect_uri=https%3A%2F%2Fapp.example%2Fcb", "redirect_uri=https://app.example/cb", "redirect_uri=https%3A%2F%2Ftwo.example%2Fa",
		"redirect_uri=https%3A%2F%2Fevil.example", "redirect_uri=", "redirect%5Furi=https://evil.example", "redirect.uri=https://evil.example", "redirect_uri=https%3A%2F%2Fapp.example%2Fcb%23",
		"redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fcb", "redirect_uri=javascript:alert%281%29", "redirect_uri=https%3A%2F%2Fapp.example%2Fcb%0D%0A",
		"state=x", "state=y", "state=%00", "state=%FF", "state=%zz", "state=a;redirect_uri=https://evil.example", "scope=a", "scope=a&scope=b", "scope=%22",
		"request_uri=urn:x", "request=a.b.c", unsignedObject("https://app.example/cb"), unsignedObject("https://evil.example"), "response_mode=query", "response_mode=form_post", "response_mode=jwt", "prompt=none", "=", "nonce=\xff", "x=#",
	}
	headers := []map[string][]string{
		{}, {"Authorization": {"Basic YTpi", "Basic YTpi"}}, {"X-Http-Method-Override": {"PUT"}}, {"X-Original-Url": {"/oauth2/token"}}, {"Sec-Fetch-Dest": {"iframe"}},
		{"Content-Type": {"application/x-www-form-urlencoded; charset=ibm037"}}, {"Content-Encoding": {"gzip"}},
	}
	if err := flag.Set("rapid.checks", "20000"); err != nil {
		t.Fatal(err)
	}
	redirections := 0
	rapid.Check(t, func(t *rapid.T) {
		config := testConfig(rapid.SampledFrom(rule.Profiles()).Draw(t, "profile"))
		config.RequestObjects = rapid.SampledFrom([]rule.RequestObjects{rule.RequestObjectsIgnored, rule.RequestObjectsUnknown, rule.RequestObjectsUsed}).Draw(t, "request objects")
		config.Delivery = rapid.SampledFrom([]string{"", "redirect", "page", "pass"}).Draw(t, "delivery")
		for range rapid.IntRange(0, 6).Draw(t, "overrides") {
			config.Overrides = append(config.Overrides, Override{
				Pattern: rapid.SampledFrom(ids).Draw(t, "rule"),
				Mode:    rapid.SampledFrom([]rule.Mode{rule.Off, rule.Report, rule.Enforce}).Draw(t, "mode"),
			})
		}
		config.Exempt = map[string][]string{rapid.SampledFrom([]string{"app", "two", "native"}).Draw(t, "exempt"): {rapid.SampledFrom([]string{"authorize.*", "authorize.redirect_uri.*", "*"}).Draw(t, "from")}}
		engine, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		draw := func(label string) string {
			text := ""
			for _, piece := range rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, label) {
				if text != "" {
					text += "&"
				}
				text += piece
			}
			return text
		}
		request := rule.Request{
			Method: rapid.SampledFrom([]string{"GET", "GET", "POST", "HEAD", "PUT"}).Draw(t, "method"),
			Path:   rapid.SampledFrom([]string{"/oauth2/auth", "/oauth2/auth", "/oauth2/auth", "/oauth2/auth/", "/oauth2//auth"}).Draw(t, "path"),
			Query:  draw("query"), Header: rapid.SampledFrom(headers).Draw(t, "headers"),
		}
		if rapid.Bool().Draw(t, "likely") {
			request.Query = "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=foo&" + request.Query
		}
		if request.Method == "POST" {
			request.Body, request.BodyState = draw("body"), rule.BodyRead
			if request.Header["Content-Type"] == nil {
				request.Header = map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
			}
		}
		verdict := decide(engine, request, directory)
		if verdict.Answer != Redirection {
			return
		}
		redirections++
		if verdict.Decision != Reject || request.Path != "/oauth2/auth" || len(request.Header["Authorization"]) > 1 {
			t.Fatalf("redirected to %q", verdict.Target.URI)
		}
		values, err := url.ParseQuery(request.Query)
		if err != nil {
			t.Fatalf("redirected although net/url refuses the query: %v", err)
		}
		form, err := url.ParseQuery(request.Body)
		if err != nil {
			t.Fatalf("redirected although net/url refuses the body: %v", err)
		}
		for _, name := range []string{"client_id", "redirect_uri"} {
			if len(values[name]) > 1 || len(form[name]) > 1 || len(slices.Compact(append(slices.Clone(values[name]), form[name]...))) != 1 {
				t.Fatalf("redirected with %s = %q and %q", name, values[name], form[name])
			}
		}
		client, standing := directory.Find(values.Get("client_id") + form.Get("client_id"))
		if len(values["client_id"]) == 1 {
			client, standing = directory.Find(values.Get("client_id"))
		}
		if standing != rule.Known || redirecturi.Compare(verdict.Target.URI, client.RedirectURIs) < redirecturi.Loopback {
			t.Fatalf("redirected to %q, which is not registered", verdict.Target.URI)
		}
		if values.Has("request") || values.Has("request_uri") || form.Has("request") || form.Has("request_uri") {
			if config.RequestObjects != rule.RequestObjectsIgnored {
				t.Fatal("redirected beside a request object")
			}
		}
	})
	if redirections < 100 {
		t.Errorf("only %d errors were redirected: the property says nothing", redirections)
	}
}

// unsignedObject is a request object that everybody can write: nothing in it is proof.
func unsignedObject(redirectURI string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return "request=" + encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(`{"client_id":"app","response_type":"foo","redirect_uri":"`+redirectURI+`"}`)) + "."
}

// TestDelivery is the table of who gets a redirect, who a page, and whose requests the server refuses itself.
func TestDelivery(t *testing.T) {
	const bad = "response_type=foo&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s+%2B1"
	directory := testDirectory(t, "")
	for _, test := range []struct {
		name       string
		query      string
		delivery   string
		client     func(*rule.Client)
		header     map[string][]string
		want       Answer
		place      Place
		delegated  bool
		noState    bool
		profile    rule.Profile
		wantTarget string
	}{
		{name: "the operator wrote the client", query: bad, want: Redirection},
		{name: "a trusted client", query: bad, client: func(c *rule.Client) { c.Operator, c.Trust = false, rule.Trusted }, want: Redirection},
		{name: "anybody's client", query: bad, client: func(c *rule.Client) { c.Operator, c.Trust = false, rule.Untrusted }, want: Page},
		{name: "anybody's client asks silently in a frame", query: bad + "&prompt=none", client: func(c *rule.Client) { c.Operator, c.Trust = false, rule.Untrusted },
			header: map[string][]string{"Sec-Fetch-Dest": {"iframe"}}, want: Redirection},
		{name: "Hub's silent request in a frame", query: bad + "&request_credentials=silent", client: func(c *rule.Client) { c.Operator, c.Trust = false, rule.TrustUnknown },
			header: map[string][]string{"Sec-Fetch-Dest": {"iframe"}}, want: Redirection},
		{name: "silent, but a whole page", query: bad + "&prompt=none", client: func(c *rule.Client) { c.Operator, c.Trust = false, rule.Untrusted }, want: Page},
		{name: "page for all", query: bad, delivery: "page", want: Page},
		{name: "page for all, redirect for the client", query: bad, delivery: "page", client: func(c *rule.Client) { c.Delivery = "redirect" }, want: Redirection},
		{name: "pass", query: bad, delivery: "pass", want: NoAnswer, delegated: true},
		{name: "pass never covers an unproven redirect URI", query: bad + "&redirect_uri=x", delivery: "pass", want: Page},
		{name: "an unknown type with token in it", query: "response_type=foo+token&" + bad[18:], want: Redirection, place: Fragment},
		{name: "a missing type goes to the query", query: bad[18:], want: Redirection, place: Query},
		{name: "form_post", query: bad + "&response_mode=form_post", want: Redirection, place: FormPost},
		{name: "fragment", query: bad + "&response_mode=fragment", want: Redirection, place: Fragment},
		{name: "a response in a JWT is a page", query: bad + "&response_mode=query.jwt", want: Page},
		{name: "a repeated mode is the default", query: bad + "&response_mode=form_post&response_mode=query", want: Redirection, place: Query},
		{name: "a repeated state does not come back", query: bad + "&state=other", want: Redirection, noState: true},
		{name: "any port of the loopback", query: "response_type=foo&client_id=native&redirect_uri=http%3A%2F%2F127.0.0.1%3A99%2Fcb", profile: rule.RFC6749, want: Redirection, noState: true, wantTarget: "http://127.0.0.1:99/cb"},
		{name: "any port of the loopback, in the hub profile", query: "response_type=foo&client_id=native&redirect_uri=http%3A%2F%2F127.0.0.1%3A99%2Fcb", profile: rule.Hub, want: Page},
		{name: "an unencoded semicolon is no proof", query: bad + "&x=;", want: Page},
		{name: "a folded name is no proof", query: bad + "&redirect.uri=x", want: Page},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := testConfig(test.profile)
			config.Delivery = test.delivery
			if test.client != nil {
				client, _ := directory.Find("app")
				saved := *client
				defer func() { *client = saved }()
				test.client(client)
			}
			request := authorizeRequest(test.query)
			if test.header != nil {
				request.Header = test.header
			}
			verdict := decide(newEngine(t, config), request, directory)
			if verdict.Answer != test.want || verdict.Delegated != test.delegated || verdict.Target.Place != test.place {
				t.Fatalf("answer %v (delegated %v) to place %v by %v, want %v to place %v", verdict.Answer, verdict.Delegated, verdict.Target.Place, verdict.Rule.ID, test.want, test.place)
			}
			if verdict.Answer != Redirection {
				return
			}
			wantTarget := test.wantTarget
			if wantTarget == "" {
				wantTarget = "https://app.example/cb"
			}
			if verdict.Target.URI != wantTarget || verdict.Target.HasState == test.noState || !test.noState && verdict.Target.State != "s +1" {
				t.Errorf("target %+v", verdict.Target)
			}
		})
	}
}
