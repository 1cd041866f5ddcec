package clients

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

const servicesPage = `{"skip":0,"top":100,"total":3,"services":[
	{"id":"0-0-0-0-0","name":"Hub","key":"hub","homeUrl":"https://hub.example","baseUrls":[],"redirectUris":[],"trusted":true,"secret":"TOPSECRET"},
	{"id":"98071167-004c-4ddf-ba37-5d4599fdf319","name":"YouTrack Slack Integration","key":"slack","aliasIds":["old-slack",""],"aliases":["Slack Bot"],
	 "homeUrl":"https://slack.example/app/","baseUrls":["http://10.0.0.1:8080"],"redirectUris":["oauth","ytoauth://landing.url"],"trusted":false},
	{"id":"guest","name":"G\u00c4STE","trusted":null}
]}`

func load(t *testing.T, text string) (*Snapshot, *Directory) {
	t.Helper()
	snapshot, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	directory, err := NewDirectory(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot, directory
}

func TestServicesPage(t *testing.T) {
	snapshot, directory := load(t, servicesPage)
	if snapshot.Partial || snapshot.Unnamed || !snapshot.Services || directory.Len() != 3 {
		t.Errorf("got partial %v, unnamed %v, services %v, %d clients", snapshot.Partial, snapshot.Unnamed, snapshot.Services, directory.Len())
	}
	if strings.Contains(fmt.Sprintf("%+v", snapshot), "TOPSECRET") {
		t.Error("the secret was read")
	}
	hub, _ := directory.Find("0-0-0-0-0")
	if hub == nil || hub.Trust != rule.Trusted || hub.Operator || hub.RedirectURIs == nil || len(hub.RedirectURIs) != 0 {
		t.Errorf("Hub itself: %+v", hub)
	}
	slack, _ := directory.Find("98071167-004c-4ddf-ba37-5d4599fdf319")
	if alias, standing := directory.Find("old-slack"); standing != rule.Known || alias != slack {
		t.Errorf("alias ID: %v, %v", alias, standing)
	}
	if slack.Trust != rule.Untrusted || slack.AuthMethod != "" || slack.Confidential() || slack.Public() {
		t.Errorf("nothing is known about the authentication of an untrusted service: %+v", slack)
	}
	want := []redirecturi.Registered{
		{URI: "ytoauth://landing.url"},
		{URI: "https://slack.example/app/oauth"},
		{URI: "http://10.0.0.1:8080/oauth"},
	}
	for _, uri := range want {
		if match := redirecturi.Compare(uri.URI, slack.RedirectURIs); match != redirecturi.Exact {
			t.Errorf("%s: match %v in %v", uri.URI, match, slack.RedirectURIs)
		}
	}
	guest, _ := directory.Find("guest")
	if guest.RedirectURIs != nil || guest.Trust != rule.TrustUnknown {
		t.Errorf("absent members must stay unknown: %+v", guest)
	}
	if client, standing := directory.Find(""); client != nil || standing != rule.Absent {
		t.Errorf("an empty alias must not be found: %v, %v", client, standing)
	}
}

func TestPageIsWholeOnlyIfHubSaysSo(t *testing.T) {
	const one = `"services":[{"id":"a","name":"A","key":"a"}]`
	tests := []struct {
		name, text string
		partial    bool
	}{
		{"whole", `{"skip":0,"top":100,"total":1,` + one + `}`, false},
		{"no skip", `{"total":1,` + one + `}`, false},
		{"more elsewhere", `{"skip":0,"top":1,"total":2,` + one + `}`, true},
		{"the last page", `{"skip":1,"top":1,"total":2,` + one + `}`, true},
		{"the first service skipped", `{"skip":1,"total":1,` + one + `}`, true},
		{"no total", `{"skip":0,"top":1,` + one + `}`, true},
		{"total unknown to Hub", `{"total":-1,` + one + `}`, true},
		{"alias IDs of another form", `{"total":1,"services":[{"id":"a","name":"A","key":"a","aliasIds":[{"id":"b"}]}]}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, directory := load(t, test.text)
			want := rule.Absent
			if test.partial {
				want = rule.Unjudged
			}
			if _, standing := directory.Find("b"); standing != want {
				t.Errorf("standing %v, want %v", standing, want)
			}
			if _, standing := directory.Find("a"); standing != rule.Known {
				t.Errorf("the listed client has standing %v", standing)
			}
			if known, complete := directory.Service("nobody"); known || complete == test.partial {
				t.Errorf("known %v, complete %v", known, complete)
			}
			if directory.Partial() != test.partial {
				t.Error("Partial")
			}
		})
	}
}

func TestNamesThatWereNotAskedForMakeServicesIncomplete(t *testing.T) {
	tests := []struct{ name, services string }{
		{"no names", `{"id":"a","key":"a"},{"id":"b","key":"b"}`},
		{"one without a name", `{"id":"a","name":"A","key":"a"},{"id":"b","key":"b"}`},
		{"no keys", `{"id":"a","name":"A"},{"id":"b","name":"B"}`},
		{"aliases of another form", `{"id":"a","name":"A","key":"a","aliases":{"x":1}},{"id":"b","name":"B"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, directory := load(t, `{"total":2,"services":[`+test.services+`]}`)
			if _, complete := directory.Service("x"); complete {
				t.Error("complete")
			}
			if _, standing := directory.Find("x"); standing != rule.Absent {
				t.Error("the IDs are complete all the same")
			}
		})
	}
}

func TestRelativeRedirectURIsWithoutBases(t *testing.T) {
	tests := []struct {
		name, services string
		unknown        bool
	}{
		{"both bases asked for", `{"id":"a","homeUrl":"https://a","redirectUris":["/cb"]},{"id":"b","baseUrls":[]}`, false},
		{"base URLs not asked for", `{"id":"a","homeUrl":"https://a","redirectUris":["/cb"]},{"id":"b","homeUrl":"https://b"}`, true},
		{"home URLs not asked for", `{"id":"a","baseUrls":["https://a"],"redirectUris":["/cb"]},{"id":"b"}`, true},
		{"absolute ones need no base", `{"id":"a","redirectUris":["https://a/cb"]},{"id":"b"}`, false},
		{"nothing to join with", `{"id":"a","homeUrl":"","baseUrls":[],"redirectUris":["/cb"]},{"id":"b"}`, true},
		{"a base without a scheme", `{"id":"a","homeUrl":"a.example","baseUrls":[],"redirectUris":["/cb"]},{"id":"b"}`, true},
		{"none registered", `{"id":"a","redirectUris":[]},{"id":"b"}`, false},
		{"not asked for", `{"id":"a"},{"id":"b"}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, directory := load(t, `{"total":2,"services":[`+test.services+`]}`)
			client, _ := directory.Find("a")
			if (client.RedirectURIs == nil) != test.unknown {
				t.Errorf("got %#v", client.RedirectURIs)
			}
		})
	}
}

func TestHostileAliases(t *testing.T) {
	// Anybody could register a service in an old Hub.
	_, directory := load(t, `{"total":4,"services":[
		{"id":"evil","name":"E","key":"e","aliasIds":["victim","shared","evil","own","own"],"redirectUris":["https://evil/"]},
		{"id":"victim","name":"V","redirectUris":["https://victim/"]},
		{"id":"other","name":"O","aliasIds":["shared"]},
		{"id":"third","name":"T","aliasIds":["shared","victim"]}]}`)
	for id, want := range map[string]string{"victim": "victim", "evil": "evil", "own": "evil", "other": "other"} {
		if client, standing := directory.Find(id); standing != rule.Known || client.ID != want {
			t.Errorf("%s: %v, %v", id, client, standing)
		}
	}
	if client, standing := directory.Find("shared"); client != nil || standing != rule.Unjudged {
		t.Errorf("an alias of several: %v, %v", client, standing)
	}
}

func TestPagesThatAreNone(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an error of Hub", `{"error":"unauthorized","error_code":401}`, `no member "services"`},
		{"a single record", `{"client_id":"a"}`, "put a single record in [ ]"},
		{"services null", `{"total":0,"services":null}`, `no member "services"`},
		{"service without an ID", `{"total":1,"services":[{"name":"A"}]}`, `service 1 of the page (name "A"): id is missing`},
		{"service null", `{"total":1,"services":[null]}`, "id is missing"},
		{"trusted as text", "{\"services\":[\n{\"id\":\"a\",\"trusted\":\"yes\"}]}", "line 2, column 25: services.trusted: found string where true or false belongs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot, err := parse([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v; want %q", snapshot, err, test.want)
			}
		})
	}
}

func TestNoFieldOfAServiceHoldsASecret(t *testing.T) {
	for field := range reflect.TypeFor[hubService]().Fields() {
		if strings.EqualFold(field.Tag.Get("json"), "secret") || strings.EqualFold(field.Name, "secret") {
			t.Error("the member secret would be decoded")
		}
	}
}
