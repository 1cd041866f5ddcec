package validators

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// FuzzDecide asks for the whole decision in all profiles. What must hold for every request: no panic; the same request gives the same verdict; report mode never refuses; what
// passes has one reading for net/url too; the rules that are due give the verdict that all rules give; and an error is only ever redirected to a registered URI that net/url finds exactly once.
func FuzzDecide(f *testing.F) {
	files, err := vectors.Load(".")
	if err != nil {
		f.Fatal(err)
	}
	turn := 0
	for _, id := range slices.Sorted(maps.Keys(files)) {
		for _, vector := range files[id].Vectors {
			request, err := vector.Parse()
			if err != nil {
				f.Fatal(err)
			}
			if len(request.Query)+len(request.Body) > 2000 {
				continue // long seeds only slow the fuzzer down; the vectors run anyway
			}
			f.Add(request.Method, request.Path, request.Query, request.Body, first(request.Header["Authorization"]), first(request.Header["Content-Type"]), request.BodyState == rule.BodyRead)
			// The same at another endpoint, in turn, so that every one sees what is meant for others.
			endpoint := rule.AllEndpoints()[turn%len(testEndpoints)]
			turn++
			f.Add(request.Method, strings.TrimSuffix(testEndpoints[endpoint][0], "*"), request.Query, request.Body, first(request.Header["Authorization"]), first(request.Header["Content-Type"]), request.BodyState == rule.BodyRead)
		}
	}
	directory := testDirectory(f, "")
	engines := map[rule.Profile]*Engine{}
	reporting := map[rule.Profile]*Engine{}
	for _, profile := range rule.Profiles() {
		engines[profile] = newEngine(f, testConfig(profile))
		config := testConfig(profile)
		config.ReportOnly = true
		reporting[profile] = newEngine(f, config)
	}
	cases := new(rule.Case)
	pairs := enginePairs(f)
	f.Fuzz(func(t *testing.T, method, path, query, body, authorization, contentType string, hasBody bool) {
		request := rule.Request{Method: method, Path: path, Query: query, Header: map[string][]string{}}
		if hasBody {
			request.Body, request.BodyState = body, rule.BodyRead
		}
		if authorization != "" {
			request.Header["Authorization"] = []string{authorization}
		}
		if contentType != "" {
			request.Header["Content-Type"] = []string{contentType}
		}
		for i := range pairs {
			pairs[i].check(t, request, directory)
		}
		for _, profile := range rule.Profiles() {
			engine := engines[profile]
			verdict := engine.Decide(cases, &request, engine.Route(request.Path), directory)
			decision, target := verdict.Decision, verdict.Target
			ids, _ := findingIDs(verdict)
			if verdict.Answer == Redirection {
				checkRedirection(t, request, target, cases.Object)
			}
			if decision != Reject {
				checkReading(t, request, verdict, cases)
			}
			again := decide(engine, request, directory)
			if idsAgain, _ := findingIDs(again); again.Decision != decision || !slices.Equal(ids, idsAgain) {
				t.Errorf("%s: %v %v, and then %v %v", profile, decision, ids, again.Decision, idsAgain)
			}
			if v := decide(reporting[profile], request, directory); v.Decision == Reject {
				t.Errorf("%s: refused in report mode by %s", profile, v.Rule.ID)
			}
		}
	})
}

func first(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

// checkRedirection finds the proof again with another parser.
func checkRedirection(t *testing.T, request rule.Request, target Target, object *rule.RequestObject) {
	t.Helper()
	values := url.Values{}
	for _, text := range []string{request.Query, request.Body} {
		parsed, err := url.ParseQuery(text)
		if err != nil {
			t.Fatalf("redirected although net/url refuses %q: %v", text, err)
		}
		for name, list := range parsed {
			for _, value := range list {
				if !slices.Contains(values[name], value) || text == request.Query {
					values[name] = append(values[name], value)
				}
			}
		}
	}
	if object != nil {
		// What stands beside it does not count, apart from the client.
		values = url.Values{"client_id": values["client_id"]}
		for _, name := range []string{"redirect_uri", "state"} {
			if value := object.Token.Text(name); value != "" {
				values.Set(name, value)
			}
		}
	}
	clients, err := vectors.LoadClients("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(values["client_id"]) != 1 || len(values["redirect_uri"]) != 1 || values.Get("redirect_uri") != target.URI {
		t.Fatalf("redirected to %q without proof: %v", target.URI, values)
	}
	client := clients[values.Get("client_id")]
	if client == nil || redirecturi.Compare(target.URI, client.RedirectURIs) < redirecturi.Loopback {
		t.Fatalf("redirected to %q, which is not registered", target.URI)
	}
	if strings.ContainsAny(target.URI, "\r\n \\#") {
		t.Fatalf("redirected to %q", target.URI)
	}
	if target.HasState && (len(values["state"]) != 1 || values.Get("state") != target.State) {
		t.Fatalf("state %q, but the request has %q", target.State, values["state"])
	}
}

// checkReading makes sure that a request that passes without a finding about bytes means the same to net/url.
func checkReading(t *testing.T, request rule.Request, verdict Verdict, c *rule.Case) {
	t.Helper()
	switch {
	case verdict.Endpoint == rule.Registration && request.Method == "POST":
		checkRegistration(t, request.Body)
		return
	case !rule.Forms.Has(verdict.Endpoint):
		return
	}
	parsed, err := url.ParseQuery(request.Query)
	if err != nil {
		t.Fatalf("passes, and net/url refuses the query %q: %v", request.Query, err)
	}
	if c.BodyState == rule.BodyRead && c.ContentType().Form {
		form, err := url.ParseQuery(request.Body)
		if err != nil {
			t.Fatalf("passes, and net/url refuses the body %q: %v", request.Body, err)
		}
		for name, list := range form {
			parsed[name] = append(parsed[name], list...)
		}
	}
	if c.OwnForm || request.Method == "OPTIONS" {
		return
	}
	for _, name := range scan.AllNames() {
		replaced := c.Object != nil || verdict.Endpoint == rule.Authorize && c.Options.RequestObjects == rule.RequestObjectsUsed && c.Pushed()
		if replaced && name != scan.ClientID && name != scan.Request && name != scan.RequestURI {
			continue // only these count beside a request object
		}
		if !rule.RelevantNames(verdict.Endpoint).Has(name) || name == scan.Resource || name == scan.Audience || name == scan.Permission || name == scan.RequestCredentials {
			continue
		}
		values := slices.Compact(parsed[name.String()])
		if len(values) > 1 {
			t.Fatalf("passes with %s = %q", name, values)
		}
		if len(values) == 1 && values[0] != c.Get(name) {
			t.Fatalf("%s is %q to the guard and %q to net/url", name, c.Get(name), values[0])
		}
	}
}

// checkRegistration makes sure that a registration that passes means to encoding/json what it means to the guard, and registers no script.
func checkRegistration(t *testing.T, body string) {
	t.Helper()
	var metadata struct {
		RedirectURIs []string `json:"redirect_uris"`
		LogoutURIs   []string `json:"post_logout_redirect_uris"`
	}
	if err := json.Unmarshal([]byte(body), &metadata); err != nil {
		t.Fatalf("passes, and encoding/json refuses %q: %v", body, err)
	}
	for _, uri := range slices.Concat(metadata.RedirectURIs, metadata.LogoutURIs) {
		if parsed, err := url.Parse(uri); err != nil || parsed.Scheme == "javascript" || parsed.Scheme == "data" || parsed.User != nil {
			t.Fatalf("%q is registered (%v)", uri, err)
		}
	}
}
