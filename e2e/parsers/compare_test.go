package parsers

import (
	"slices"
	"strings"
	"testing"
)

// TestCompare compares readings of one request with the guard's.
func TestCompare(t *testing.T) {
	guard, err := NewGuard()
	if err != nil {
		t.Fatal(err)
	}
	request := Request{Method: "GET", Path: authorizePath, Query: []string{"response_type=code", "client_id=app", "redirect_uri=https%3A%2F%2Fapp.example%2Fcb", "scope=", "resource=a:1", "resource=a:2", "x=1"}}
	forwarded, err := Forward(request.Message())
	if err != nil {
		t.Fatal(err)
	}
	judgement := guard.Judge(forwarded)
	if !judgement.Passes {
		t.Fatalf("the guard refuses: %q", judgement.Rules)
	}
	same := []Pair{{"response_type", "code"}, {"client_id", "app"}, {"redirect_uri", "https://app.example/cb"}}
	for name, test := range map[string]struct {
		reading Reading
		want    []string
	}{
		"the same":                 {Reading{Endpoint: "authorize", Pairs: same}, nil},
		"without a value":          {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"scope", ""}, {"state", ""}})}, nil},
		"one of several":           {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"resource", "a:2"}})}, nil},
		"the same twice":           {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, same)}, nil},
		"another unknown":          {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"x", "2"}, {"y", "3"}})}, nil},
		"one of another endpoint":  {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"grant_type", "password"}})}, nil},
		"another value":            {Reading{Endpoint: "authorize", Pairs: slices.Concat(same[:2], []Pair{{"redirect_uri", "https://evil.example/"}})}, []string{"redirect_uri"}},
		"a second value":           {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"client_id", "evil"}})}, []string{"client_id"}},
		"one that is not there":    {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"state", "x"}})}, []string{"state"}},
		"one missing":              {Reading{Endpoint: "authorize", Pairs: same[1:]}, []string{"response_type"}},
		"a list instead of a text": {Reading{Endpoint: "authorize", Pairs: slices.Concat(same, []Pair{{"nonce", "\x00[]"}})}, []string{"nonce"}},
		"another endpoint":         {Reading{Endpoint: "token", Pairs: same}, []string{"path"}},
		"no endpoint":              {Reading{Pairs: same}, []string{"path"}},
		"refused":                  {refused("400"), []string{"request"}},
	} {
		var got []string
		for _, difference := range Compare(&judgement, forwarded, "a parser", &test.reading) {
			got = append(got, difference.Parameter)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestExceptionsAreNarrow makes sure that no exception excuses what would be dangerous: another value of a parameter, another parameter, or an endpoint that the guard does not see.
func TestExceptionsAreNarrow(t *testing.T) {
	forwarded := &Forwarded{Method: "POST", Path: "/oauth2/auth;jsessionid=1", Query: "x[]=1&state=a]=b&y=%E8" + strings.Repeat("a", 9000), Header: map[string][]string{"Content-Type": {"Application/x-www-form-urlencoded;;"}, "Content-Encoding": {""}}, Body: "x[a]=1"}
	for _, exception := range Exceptions {
		for _, parser := range exception.Parsers {
			for _, difference := range []Difference{
				{Parser: parser, Parameter: "client_id", Guard: "app", Other: "evil"},
				{Parser: parser, Parameter: "state", Guard: "", Other: "x"},
				{Parser: parser, Parameter: "path", Guard: "", Other: "token"},
				{Parser: parser, Parameter: "path", Guard: "authorize", Other: "token"},
			} {
				difference.Forwarded, difference.Reading = forwarded, &Reading{Pairs: []Pair{{difference.Parameter, difference.Other}}}
				if excuse := Excuse(&difference); excuse != nil {
					t.Errorf("%q excuses %s", excuse.Name, difference)
				}
			}
		}
	}
}
