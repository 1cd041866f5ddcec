package peers

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func testSite(t *testing.T) Site {
	t.Helper()
	clients, err := ReadClients("../../validators/testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	return Site{Authorize: []string{"/oauth2/auth"}, Token: []string{"/oauth2/token"}, Clients: clients}
}

// TestPatterns tries the regular expressions that stand for the clients.
func TestPatterns(t *testing.T) {
	site := testSite(t)
	for _, test := range []struct {
		name, pattern string
		fits, fails   []string
	}{
		{"repeated", repeated([]string{"code", "state"}), []string{"code=1&code=2", "a=b&state=&x=y&state=", "code=1&x&code=1"},
			[]string{"", "code=1", "code=1&state=2", "xcode=1&code=2", "code=1&codex=2"}},
		{"pairs", pairs(site), []string{"app https://app.example/cb", "app ", "native http://127.0.0.1:1234/cb", "native http://127.0.0.1/cb", "trusted-service https://any.example/"},
			[]string{"app https://app.example/cb2", "app https://two.example/a", "two ", "nobody https://app.example/cb", "native http://127.0.0.1:/cb", "app https://appxexample/cb"}},
		{"uris", "^(?:" + uris(site) + ")$", []string{"https://app.example/cb", "http://127.0.0.1:1/cb"}, []string{"", "https://evil.example/cb"}},
		{"formIDs", formIDs(site), []string{"client_id=app", "a=b&client_id=app&c=d", "client_id=odd%3Aid%2Fwith+space%2Bplus"}, []string{"client_id=ap", "client_id=app2", "xclient_id=app"}},
		{"formURIs", formURIs(site), []string{"redirect_uri=https%3A%2F%2Fapp.example%2Fcb", "a=b&redirect_uri=https%3a%2f%2fapp.example%2fcb&c=d", "redirect_uri=https://app.example/cb",
			"redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fcb"}, []string{"redirect_uri=https%3A%2F%2Fevil.example%2Fcb", "redirect_uri=https%3A%2F%2Fapp.example%2Fcb2"}},
	} {
		pattern, err := regexp.Compile(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for _, text := range test.fits {
			if !pattern.MatchString(text) {
				t.Errorf("%s does not fit %q", test.name, text)
			}
		}
		for _, text := range test.fails {
			if pattern.MatchString(text) {
				t.Errorf("%s fits %q", test.name, text)
			}
		}
	}
}

// TestClientsJSON expects that a record is written as it was read.
func TestClientsJSON(t *testing.T) {
	site := testSite(t)
	text, err := site.ClientsJSON()
	if err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile("../../validators/testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var got, all []map[string]any
	if json.Unmarshal([]byte(text), &got) != nil || json.Unmarshal(original, &all) != nil {
		t.Fatalf("no JSON: %s", text)
	}
	if len(got) < 5 || len(got) >= len(all) || strings.Contains(text, `"redirect_uris":["javascript:`) || got[0]["client_id"] != all[0]["client_id"] || len(got[0]) != len(all[0]) {
		t.Errorf("%s", text)
	}
}

func TestSelect(t *testing.T) {
	names := func(list string) []string {
		selected, err := Select(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
		}
		var names []string
		for _, peer := range selected {
			names = append(names, peer.Name)
		}
		return names
	}
	if got := names(""); len(got) != len(All()) {
		t.Errorf("all peers are %v", got)
	}
	if got, want := names("nginx-lua,caddy-guard"), []string{Guard, Caddy, "nginx", "nginx-lua"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v: with the bare ones, in the order of the document", got, want)
	}
	if _, err := Select("nginx-lua,unknown"); err == nil {
		t.Error("no error for an unknown name")
	}
}

// TestAll expects every peer to have a bare one, which is its own.
func TestAll(t *testing.T) {
	bare := make(map[string]bool)
	for _, peer := range All() {
		if peer.IsBare() {
			bare[peer.Name] = true
		}
	}
	for _, peer := range All() {
		if !bare[peer.Bare] {
			t.Errorf("%s is compared with %q", peer.Name, peer.Bare)
		}
	}
}
