package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

func TestLookup(t *testing.T) {
	reply := func(status int, body string) *Hub {
		return start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
	}
	const service = `{"type":"service","id":"s1","name":"One","key":"one","aliasIds":["old"],"aliases":[{"id":"older"}],"homeUrl":"https://one.example",` +
		`"baseUrls":["https://two.example"],"redirectUris":["/cb"],"trusted":false}`
	tests := []struct {
		name, id string
		status   int
		body     string
		found    string
		want     string
	}{
		{"a service", "s1", 200, service, "s1", ""},
		{"by an alias", "old", 200, service, "s1", ""},
		{"by an alias of the other form", "older", 200, service, "s1", ""},
		{"none, says Hub", "x", 404, `{"error":"Not Found","error_description":"x"}`, "", ""},
		{"none, says a proxy", "x", 404, `<html>`, "", "404 Not Found"},
		{"none, says a gateway", "x", 404, `{"message":"no route matched"}`, "", "404 Not Found"},
		{"not allowed", "x", 403, `{"error":"Forbidden"}`, "", "403 Forbidden"},
		{"a word that means a service", "me", 200, service, "", `answered with "s1"`},
		{"by its key", "one", 200, service, "", `answered with "s1"`},
		{"another case", "S1", 200, service, "", `answered with "s1"`},
		{"no service", "s1", 200, `{}`, "", "id is missing"},
		{"a page", "s1", 200, `{"services":[{"id":"s1"}]}`, "", "id is missing"},
		{"no JSON", "s1", 200, `<html>`, "", "HTML page"},
		{"broken JSON", "s1", 200, `{"id":"s1"`, "", "unexpected end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			registration, err := reply(test.status, test.body).Lookup(t.Context(), test.id)
			switch {
			case test.want != "":
				if err == nil || registration != nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%+v, %v", registration, err)
				}
			case err != nil || (registration != nil) != (test.found != ""):
				t.Errorf("%+v, %v", registration, err)
			case registration != nil && (registration.ID != test.found || len(registration.RedirectURIs) < 2 || registration.Trust != rule.Untrusted):
				t.Errorf("%+v", registration)
			}
		})
	}
}

func TestIDsThatHubIsNotAskedFor(t *testing.T) {
	var requests atomic.Int32
	hub := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	for _, id := range []string{"", ".", "..", "a/b", "a%2fb", "a b", "a;b", "a?b", "\u00e4", "a\x00", strings.Repeat("a", 129), "https://a/client.json"} {
		if registration, err := hub.Lookup(t.Context(), id); !errors.Is(err, ErrNotAsked) || registration != nil {
			t.Errorf("%q: %v, %v", id, registration, err)
		}
		if err := hub.ReportUntrusted(t.Context(), id, "https://a/", ""); !errors.Is(err, ErrNotAsked) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if requests.Load() != 0 {
		t.Error("requests were sent")
	}
}

func TestReportUntrusted(t *testing.T) {
	var got *http.Request
	var body []byte
	answer, status := `{"redirectURI":"x"}`, 200
	hub := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	if err := hub.ReportUntrusted(t.Context(), "s1", "https://new.example/cb?a=<b>&c", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	var sent map[string]string
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	when, err := time.Parse(time.RFC3339, sent["triedAt"])
	if err != nil || time.Since(when) > time.Minute {
		t.Errorf("%v, %v", when, err)
	}
	delete(sent, "triedAt")
	if want := map[string]string{"redirectURI": "https://new.example/cb?a=<b>&c", "triedFrom": "192.0.2.1"}; fmt.Sprint(sent) != fmt.Sprint(want) {
		t.Errorf("sent %v", sent)
	}
	if got.Method != "POST" || got.RequestURI != "/api/rest/services/s1/untrustedredirecturis" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.RequestURI, got.Header)
	}
	tests := []struct {
		answer string
		status int
		want   string
	}{
		{"", 204, ""}, {"", 201, ""}, {"<html>", 200, "HTML page"}, {"", 403, "permission to update services"}, {"", 303, "redirects"}, {"", 503, "503"},
	}
	for _, test := range tests {
		answer, status = test.answer, test.status
		if err := hub.ReportUntrusted(t.Context(), "s1", "https://a/", ""); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d %s: %v", test.status, test.answer, err)
		}
	}
}
