package conformance

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/bench/upstream"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// TestAsk asks a server that behaves in every way.
func TestAsk(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/pass":
			w.Header().Set(upstream.Mark, "00000000")
		case "/json":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_request"}`)
		case "/query":
			w.Header().Set("Location", "https://app.example/cb?a=1&error=invalid_request")
			w.WriteHeader(http.StatusSeeOther)
		case "/fragment":
			w.Header().Set("Location", "https://app.example/cb#error=invalid_request")
			w.WriteHeader(http.StatusSeeOther)
		case "/hang-up":
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	request := func(path string, valid bool) Request {
		return Request{Name: path, Valid: valid, Common: !valid, Error: "invalid_request", Message: func(host string) string {
			return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
		}}
	}
	var requests []Request
	for _, path := range []string{"/pass", "/json", "/query", "/fragment", "/hang-up", "/other"} {
		requests = append(requests, request(path, false), request(path, true))
	}
	got, err := Ask(server.Listener.Addr().String(), requests)
	if err != nil {
		t.Fatal(err)
	}
	if got.Invalid != 6 || got.Valid != 6 || got.Refused != 5 || got.Explained != 3 || got.Broken != 5 || got.Common != 6 || got.CommonRefused != 5 ||
		!slices.Equal(got.Let, []string{"/pass"}) || slices.Contains(got.Harmed, "/pass") {
		t.Errorf("%+v", got)
	}
}

// TestLists expects enough requests of both kinds, and that all that is said about vectors and rules is about some that exist.
func TestLists(t *testing.T) {
	lists, err := Lists("../..")
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[bool]int)
	commonCount := 0
	for _, list := range lists {
		for _, request := range list.Requests {
			count[request.Valid]++
			if request.Common {
				commonCount++
			}
			if request.Valid != (request.Error == "") {
				t.Errorf("%s is valid: %t, with the error %q", request.Name, request.Valid, request.Error)
			}
		}
	}
	if count[false] < 300 || count[true] < 250 || commonCount < 100 || commonCount >= count[false] {
		t.Errorf("%d invalid, %d of them common, and %d valid requests", count[false], commonCount, count[true])
	}
	files, err := vectors.Load("../../validators")
	if err != nil {
		t.Fatal(err)
	}
	for name := range left {
		id, title, _ := strings.Cut(name, ": ")
		if !slices.ContainsFunc(files[id].Vectors, func(v vectors.Vector) bool { return v.Name == title }) {
			t.Errorf("there is no vector %q", name)
		}
	}
	matched := 0
	for _, r := range validators.Catalogue() {
		if common.MatchString(r.ID) {
			matched++
		}
	}
	if want := 37; matched != want {
		t.Errorf("%d rules are common, want %d: does one have another name now?", matched, want)
	}
}
