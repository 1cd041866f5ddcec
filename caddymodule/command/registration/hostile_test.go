package registration_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives beside the guard
	"pgregory.net/rapid"

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the directive that reads what is written
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/registration"
	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// hostile draws what an attacker writes into a log.
func hostile() *rapid.Generator[string] {
	pieces := rapid.SampledFrom([]string{
		"app", "https://", "a.example", "/cb", "\n", "\r\n", "}", "{", "{$HOME}", "{env.HOME}", "import /etc/passwd", "#", `"`, `\`, "`", "<<EOF", " ", "\t", "\x1b[2J", "\u202e", "\xff", "\x00",
		"respond hacked", "client evil", "redirect_uris https://evil.example/", "trusted", "*", "@", "$", "ü", "…", "?code=", "#", ";", "%0a",
	})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), "") })
}

// TestHostile writes what poisoned logs hold as a Caddyfile and as JSON: both are read by those that they are for, and hold nothing but what the server accepted.
func TestHostile(t *testing.T) {
	t.Setenv("HOME", "/home/hacked")
	rapid.Check(t, func(t *rapid.T) {
		r := registration.New()
		proven := make(map[string][]string)
		for range rapid.IntRange(1, 8).Draw(t, "requests") {
			id, uri := rapid.OneOf(rapid.Just("app"), hostile()).Draw(t, "client"), rapid.SampledFrom([]string{"", "https://a.example/cb"}).Draw(t, "base")+hostile().Draw(t, "uri")
			location := uri
			if rapid.Bool().Draw(t, "accepted") {
				separator := "?"
				if strings.Contains(uri, "?") {
					separator = "&"
				}
				location += separator + "code=x"
				proven[id] = append(proven[id], uri)
			}
			r.Add(registration.Request{ClientID: id, RedirectURI: uri, ResponseType: "code", Location: location, Status: 302})
		}
		var text, notes bytes.Buffer
		if err := r.WriteCaddyfile(&text, &notes); err != nil {
			t.Fatal(err)
		}
		calm(t, text.String())
		config := "http://hub.example {\noauth_guard {\n" + text.String() + "}\nreverse_proxy hub:8080\n}\n"
		adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), map[string]any{"filename": "Caddyfile"})
		if err != nil {
			t.Fatalf("%v\n%s", err, config)
		}
		only(t, clientsOf(t, adapted), proven, config)
		if strings.Contains(string(adapted), "/home/hacked") || strings.Contains(string(adapted), "static_response") {
			t.Fatalf("smuggled: %s\n%s", adapted, config)
		}

		text.Reset()
		if err := r.WriteJSON(&text, &notes); err != nil {
			t.Fatal(err)
		}
		calm(t, text.String()+notes.String())
		var records []clients.Client
		if err := json.Unmarshal(text.Bytes(), &records); err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		for i := range records {
			if err := records[i].Validate(); err != nil {
				t.Fatal(err)
			}
		}
		only(t, records, proven, text.String())
	})
}

// calm fails the test for what could control a terminal.
func calm(t *rapid.T, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }); i >= 0 {
		t.Fatalf("not printable at %d: %q", i, text)
	}
}

// only fails the test for a client or URI that the server has not accepted.
func only(t *rapid.T, records []clients.Client, proven map[string][]string, text string) {
	t.Helper()
	for _, record := range records {
		for _, uri := range record.RedirectURIs {
			if !slices.Contains(proven[record.ClientID], uri) {
				t.Fatalf("client %q has %q, accepted are %q:\n%s", record.ClientID, uri, proven[record.ClientID], text)
			}
		}
		if record.Trusted != nil || len(record.Exempt) > 0 || record.Delivery != "" {
			t.Fatalf("client %+v has what nobody gave it:\n%s", record, text)
		}
	}
}

// clientsOf are the static clients of an adapted configuration.
func clientsOf(t *rapid.T, adapted []byte) []clients.Client {
	t.Helper()
	i := bytes.Index(adapted, []byte(`"clients":[`))
	if i < 0 {
		return nil
	}
	var sources []struct {
		Clients []clients.Client `json:"clients"`
	}
	if err := json.NewDecoder(bytes.NewReader(adapted[i+len(`"clients":`):])).Decode(&sources); err != nil {
		t.Fatalf("%v: %s", err, adapted)
	}
	var list []clients.Client
	for _, source := range sources {
		list = append(list, source.Clients...)
	}
	return list
}
