package integration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// redirectSample is one authorization request of the bypass corpus: a decoded redirect URI, or a piece of query (and of body) as it goes over the wire.
type redirectSample struct {
	URI string `json:"uri"`
	// Repeat is appended so many Times.
	Repeat string `json:"repeat"`
	Times  int    `json:"times"`
	// Client is who asks; by default app, for whom https://app.example/cb alone is registered.
	Client string  `json:"client"`
	Query  *string `json:"query"`
	Body   string  `json:"body"`
}

// requests are the ways in which the sample can be sent: by GET, by POST, and as a form of the server's own, which has no response_type.
func (s *redirectSample) requests() map[string]string {
	client := s.Client
	if client == "" {
		client = "app"
	}
	const target = "/oauth2/auth?"
	ask := "response_type=code&state=s&client_id=" + client
	if s.Query != nil {
		if s.Body != "" {
			return map[string]string{
				"POST":     form(target+ask+"&"+*s.Query, s.Body),
				"own form": form(target+"client_id="+client+"&"+*s.Query, s.Body+"&login=alice"),
			}
		}
		return map[string]string{"GET": get(target + ask + "&" + *s.Query), "POST": form(target+ask, *s.Query)}
	}
	parameter := "redirect_uri=" + strings.ReplaceAll(url.QueryEscape(s.URI+strings.Repeat(s.Repeat, s.Times)), "+", "%20")
	return map[string]string{
		"GET":      get(target + ask + "&" + parameter),
		"HEAD":     message("HEAD", target+ask+"&"+parameter, nil, ""),
		"POST":     form("/oauth2/auth", ask+"&"+parameter),
		"own form": form("/oauth2/auth", "client_id="+client+"&login=alice&"+parameter),
	}
}

func (s *redirectSample) String() string {
	if s.Query != nil {
		return *s.Query + " | " + s.Body
	}
	return fmt.Sprintf("%.60q %s", s.URI, s.Client)
}

// TestRedirectURIs sends the whole bypass corpus. Every request ends on a page with status 400: nothing is redirected, nothing reaches the server, and nothing of
// the URI is repeated on the page.
func TestRedirectURIs(t *testing.T) {
	text, err := os.ReadFile("testdata/redirect_uris.json")
	if err != nil {
		t.Fatal(err)
	}
	var categories []struct {
		Category int              `json:"category"`
		Name     string           `json:"name"`
		Samples  []redirectSample `json:"samples"`
	}
	if err := json.Unmarshal(text, &categories); err != nil {
		t.Fatal(err)
	}
	if len(categories) != 45 {
		t.Fatalf("%d categories, want all 45", len(categories))
	}
	more := "clients static {\nclient ordered {\nredirect_uris " + registeredURI + "?a=1&b=2\n}\nclient scheme {\nredirect_uris com.app:/cb\n}\n}\n"
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			p := profilePair(t, profile, more)
			// What is registered passes, so the refusals below are not for something else.
			for client, uri := range map[string]string{
				"app": registeredURI, "query": registeredURI + "?a=1", "ordered": registeredURI + "?a=1&b=2", "scheme": "com.app:/cb", "native": "http://127.0.0.1:8080/cb",
			} {
				sample := redirectSample{URI: uri, Client: client}
				for how, request := range sample.requests() {
					t.Run("registered/"+client+"/"+how, func(t *testing.T) { p.passes(t, request) })
				}
			}
			for _, category := range categories {
				for i := range category.Samples {
					sample := &category.Samples[i]
					t.Run(fmt.Sprintf("%d %s/%s", category.Category, category.Name, sample), func(t *testing.T) {
						for how, request := range sample.requests() {
							got := p.refused(t, request)
							if got.status != 400 || got.header["Location"] != nil {
								t.Errorf("%s: status %d, Location %q, want a page with status 400", how, got.status, got.header["Location"])
							}
							if content := got.header.Get("Content-Type"); !strings.HasPrefix(content, "text/html") {
								t.Errorf("%s: Content-Type %q", how, content)
							}
							if strings.Contains(strings.ToLower(got.body), "evil") || strings.Contains(got.body, "app.example") {
								t.Errorf("%s: the page repeats the URI: %s", how, got.body)
							}
						}
					})
				}
			}
		})
	}
}
