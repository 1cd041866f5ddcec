package validators

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// enginePair are two engines of one configuration: one looks at the rules that a request concerns, the other one at all of them.
type enginePair struct {
	name            string
	due, everything *Engine
}

// enginePairs have every profile as it is, and with every rule on.
func enginePairs(t testing.TB) (pairs []enginePair) {
	t.Helper()
	for _, profile := range rule.Profiles() {
		for _, all := range []bool{false, true} {
			config := testConfig(profile)
			if all {
				config.Overrides = []Override{{Pattern: "*", Mode: rule.Enforce}}
			}
			pair := enginePair{fmt.Sprintf("%s, all rules: %v", profile, all), newEngine(t, config), newEngine(t, config)}
			pair.everything.everything = true
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// comparable is all that a verdict says, with names instead of pointers. A verdict is only valid until its case is used again.
func comparable(v Verdict) string {
	var text strings.Builder
	ids, _ := findingIDs(v)
	for i, f := range v.Findings {
		fmt.Fprintf(&text, "%s %d %v %v\n", ids[i], f.Index, f.Mode, f.Would)
	}
	if v.Rule != nil {
		fmt.Fprintf(&text, "by %s\n", v.Rule.ID)
	}
	if v.Client != nil {
		fmt.Fprintf(&text, "client %q\n", v.Client.ID)
	}
	fmt.Fprintf(&text, "%v %v %v %q %q %d %v %+q %q", v.Endpoint, v.Decision, v.Delegated, v.Error, v.Description, v.Status, v.Answer, fmt.Sprint(v.Target), v.Ask)
	return text.String()
}

// check compares the verdicts of both.
func (p *enginePair) check(t interface{ Errorf(string, ...any) }, request rule.Request, directory rule.Directory) {
	due := comparable(decide(p.due, request, directory))
	if everything := comparable(decide(p.everything, request, directory)); due != everything {
		t.Errorf("%s: %s %s?%s %q %q (-everything +due):\n%s", p.name, request.Method, request.Path, request.Query, request.Body, request.Header, cmp.Diff(everything, due))
	}
}

// asking is a directory in which any client that is absent can be asked for.
type asking struct{ rule.Directory }

func (d asking) Find(id string) (*rule.Client, rule.Standing) {
	client, standing := d.Directory.Find(id)
	if standing == rule.Absent {
		standing = rule.Askable
	}
	return client, standing
}

// requestsOfVectors are the requests of all vectors.
func requestsOfVectors(t testing.TB) (requests []rule.Request) {
	t.Helper()
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(files)) {
		for _, vector := range files[id].Vectors {
			request, err := vector.Parse()
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, request)
		}
	}
	return requests
}

// TestDueOfVectors evaluates every vector at every endpoint in both ways.
func TestDueOfVectors(t *testing.T) {
	pairs := enginePairs(t)
	directories := []rule.Directory{testDirectory(t, ""), nil, testDirectory(t, "unjudged"), testDirectory(t, "services"), asking{testDirectory(t, "")}}
	for i, request := range requestsOfVectors(t) {
		for j := range pairs {
			pairs[j].check(t, request, directories[0])
			pairs[j].check(t, request, directories[1+(i+j)%(len(directories)-1)])
			// The same at another endpoint, in turn.
			request.Path = strings.TrimSuffix(testEndpoints[rule.AllEndpoints()[(i+j)%len(testEndpoints)]][0], "*")
			pairs[j].check(t, request, directories[(i+j)%len(directories)])
		}
	}
}

// TestDueOfCorpus evaluates what real clients sent in both ways, at the endpoint that its path ends like.
func TestDueOfCorpus(t *testing.T) {
	pairs := enginePairs(t)
	file, err := os.Open("../caddymodule/integration/testdata/corpus/real_requests.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	directory := testDirectory(t, "")
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var record struct {
			Method, Target, Body string
			Headers              [][2]string
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(record.Target, "?")
		header := http.Header{}
		for _, field := range record.Headers {
			header.Add(field[0], field[1])
		}
		request := rule.Request{Method: record.Method, Path: path, Query: query, Header: header, Body: record.Body, Time: time.Unix(1795000000, 0)}
		if record.Body != "" {
			request.BodyState = rule.BodyRead
		}
		for _, endpoint := range rule.AllEndpoints() {
			request.Path = strings.TrimSuffix(testEndpoints[endpoint][0], "*")
			for i := range pairs {
				pairs[i].check(t, request, directory)
			}
		}
	}
	if count < 200 {
		t.Errorf("only %d requests", count)
	}
}

// TestDueOfMixtures evaluates requests in both ways that are put together from the pieces of all vectors.
func TestDueOfMixtures(t *testing.T) {
	pairs := enginePairs(t)
	directories := []rule.Directory{testDirectory(t, ""), nil, testDirectory(t, "unjudged"), testDirectory(t, "services"), asking{testDirectory(t, "")}}
	requests := requestsOfVectors(t)
	var parameters []string
	headers := map[string][][]string{}
	for _, request := range requests {
		for _, text := range []string{request.Query, request.Body} {
			if len(text) < 4000 {
				parameters = append(parameters, strings.Split(text, "&")...)
			}
		}
		for name, fields := range request.Header {
			headers[name] = append(headers[name], fields)
		}
	}
	parameters = slices.Compact(slices.Sorted(slices.Values(parameters)))
	names := slices.Sorted(maps.Keys(headers))
	rapid.Check(t, func(t *rapid.T) {
		request := rapid.SampledFrom(requests).Draw(t, "request")
		request.Header = maps.Clone(request.Header)
		if rapid.Bool().Draw(t, "elsewhere") {
			request.Path = strings.TrimSuffix(testEndpoints[rapid.SampledFrom(rule.AllEndpoints()).Draw(t, "endpoint")][0], "*")
		}
		if rapid.IntRange(0, 3).Draw(t, "method") == 0 {
			request.Method = rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"}).Draw(t, "method")
		}
		for _, text := range []*string{&request.Query, &request.Body} {
			list := strings.Split(*text, "&")
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				switch at := rapid.IntRange(0, len(list)-1).Draw(t, "at"); rapid.IntRange(0, 3).Draw(t, "change") {
				case 0:
					list[at] = rapid.SampledFrom(parameters).Draw(t, "parameter")
				case 1:
					list[at] = ""
				default:
					list = append(list, rapid.SampledFrom(parameters).Draw(t, "parameter"))
				}
			}
			*text = strings.Trim(strings.Join(list, "&"), "&")
		}
		request.BodyState = rule.NoBody
		if request.Body != "" {
			request.BodyState = rapid.SampledFrom([]rule.BodyState{rule.BodyRead, rule.BodyRead, rule.BodyRead, rule.BodyUnread, rule.BodyTooLong, rule.BodyBroken}).Draw(t, "body")
		}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			request.Header[name] = rapid.SampledFrom(headers[name]).Draw(t, "value")
		}
		if rapid.IntRange(0, 3).Draw(t, "long header") == 0 {
			for i := range 8 {
				request.Header[fmt.Sprintf("X-Filler-%d", i)] = []string{"x"}
			}
		}
		request.EndsTLS = rapid.Bool().Draw(t, "ends TLS")
		if rapid.Bool().Draw(t, "certificate") {
			request.Certificate = []byte("certificate")
		}
		directory := rapid.SampledFrom(directories).Draw(t, "directory")
		for i := range pairs {
			pairs[i].check(t, request, directory)
		}
	})
}
