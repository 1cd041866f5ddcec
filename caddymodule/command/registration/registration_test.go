package registration

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func accepted(client, uri, location string) Request {
	return Request{ClientID: client, RedirectURI: uri, ResponseType: "code", Location: location, Status: 302, When: 1_767_258_000}
}

func TestCarriesGrant(t *testing.T) {
	for location, want := range map[string]bool{
		"https://a/cb?code=x": true, "https://a/cb?state=y&code=x": true, "https://a/cb#access_token=x&state=y": true, "https://a/cb#id_token=x": true, "https://a/cb?keep=1#code=x": true,
		"https://a/cb?error=access_denied": false, "https://a/cb?code=": false, "https://a/cb": false, "": false, "https://a/code=x": false, "https://a/cb?xcode=y": false, "/login?next=code": false,
		"https://a/cb?error=access_denied&state=x?code=y": false, "https://a/cb?state=x?code=y&error=access_denied": false, "https://a/cb?error=x#code=y": false,
	} {
		if got := carriesGrant(location); got != want {
			t.Errorf("%s: %t", location, got)
		}
	}
}

// certain lists what a registry takes as registered.
func certain(r *Registry) map[string][]string {
	list := make(map[string][]string)
	for _, k := range r.sorted() {
		if uris := k.certain(); len(uris) > 0 {
			list[k.id] = uris
		}
	}
	return list
}

func TestProof(t *testing.T) {
	const good = "https://app.example/cb"
	r := New()
	for _, q := range []Request{
		accepted("app", good, good+"?code=x"), accepted("app", good, good+"?code=y"),
		accepted("implicit", good, good+"#access_token=x"),
		accepted("other", "https://evil.example/", good+"?code=x"),                // the code went elsewhere
		accepted("denied", good, good+"?error=access_denied"),                     // no code
		accepted("query", good+"?keep=1", good+"?keep=1&code=x"),                  // what is in the query may be secret
		accepted("twice", "", good+"?code=x"), accepted("", good, good+"?code=x"), // not said, or repeated
		accepted("scheme", "javascript:alert(1)", "javascript:alert(1)?code=x"),
		accepted("user", "https://a:b@app.example/", "https://a:b@app.example/?code=x"),
		accepted("app\nevil", good, good+"?code=x"), accepted(strings.Repeat("a", 2000), good, good+"?code=x"),
		accepted("loopback", "http://127.0.0.1:8080/cb", "http://127.0.0.1:8080/cb?code=x"),
	} {
		r.Add(q)
	}
	want := map[string][]string{"app": {good}, "implicit": {good}, "loopback": {"http://127.0.0.1:8080/cb"}}
	if diff := cmp.Diff(want, certain(r)); diff != "" {
		t.Errorf("registered (-want +got):\n%s", diff)
	}
	if r.Unattributed != 2 {
		t.Errorf("%d codes without a client", r.Unattributed)
	}
}

func TestDoubts(t *testing.T) {
	for _, test := range []struct {
		address string
		uri     URI
		certain bool
		want    []string
	}{
		{"https://a.example/cb", URI{Requests: 9, Proven: 5}, true, nil},
		{"https://a.example/cb", URI{Requests: 1, Proven: 1}, true, []string{"seen once"}},
		{"https://a.example/cb", URI{Requests: 9}, false, []string{"no response with a code or token was seen"}},
		{"https://a.example/cb", URI{Requests: 9, Proven: 2, Refused: 6}, true, []string{"6 requests with it were refused"}},
		{"http://a.example/cb", URI{Requests: 9, Proven: 5}, true, []string{"http"}},
		{"http://127.0.0.1/cb", URI{Requests: 9, Proven: 5}, true, []string{"loopback"}},
		{"com.example:/cb", URI{Requests: 9, Proven: 5}, true, []string{"a scheme of its own"}},
		{"https://a.example:8443/cb", URI{Requests: 9, Proven: 5}, true, []string{"an odd port"}},
		{"https://a.example/cb?…", URI{Requests: 9, Proven: 5, Query: true}, false, []string{"it was sent with a query or fragment, which is not shown"}},
		{"https://a:b@a.example/cb", URI{Requests: 9, Proven: 5}, false, []string{"it is not written as a redirect URI should be"}},
	} {
		doubts, certain := test.uri.Doubts(test.address)
		if diff := cmp.Diff(test.want, doubts); diff != "" || certain != test.certain {
			t.Errorf("%s: certain %t (-want +got):\n%s", test.address, certain, diff)
		}
	}
}

// TestMerge reads a log in pieces: the proposal is that of the whole.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, merged, piece := New(), New(), New()
		for i := range rapid.IntRange(1, 60).Draw(t, "requests") {
			id, uri := fmt.Sprintf("app%d", rapid.IntRange(0, 5).Draw(t, "client")), fmt.Sprintf("https://a%d.example/cb", rapid.IntRange(0, 3).Draw(t, "uri"))
			location := ""
			if rapid.Bool().Draw(t, "accepted") {
				location = uri + "?code=" + url.QueryEscape(fmt.Sprint(i))
			}
			q := accepted(id, uri, location)
			whole.Add(q)
			piece.Add(q)
			if rapid.Bool().Draw(t, "cut") {
				merged.Merge(piece)
				piece = New()
			}
		}
		merged.Merge(piece)
		if diff := cmp.Diff(whole, merged); diff != "" {
			t.Fatalf("(-whole +merged):\n%s", diff)
		}
	})
}

// TestBounds sends more clients and URIs than are kept: what is proven stays.
func TestBounds(t *testing.T) {
	r := New()
	good := "https://app.example/cb"
	for round := range 4 {
		piece := New()
		piece.Add(accepted("app", good, good+"?code=x"))
		for i := range maxClients {
			piece.Add(accepted(fmt.Sprintf("flood-%d-%d", round, i), good, ""))
		}
		for i := range maxURIs {
			piece.Add(accepted("app", fmt.Sprintf("https://flood.example/%d/%d", round, i), ""))
		}
		r.Merge(piece)
		if len(r.Clients) > maxClients || len(r.Clients["app"].URIs) > maxURIs {
			t.Fatalf("%d clients, %d URIs", len(r.Clients), len(r.Clients["app"].URIs))
		}
	}
	if r.Clients["app"].URIs[good].Proven != 4 || r.Left == 0 {
		t.Errorf("%+v, %d left out", r.Clients["app"].URIs[good], r.Left)
	}
}
