package clients

import (
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

var _ rule.Directory = (*Directory)(nil)

func directoryOf(t testing.TB, snapshot *Snapshot) *Directory {
	t.Helper()
	directory, err := NewDirectory(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func registered(ids ...string) []Registration {
	list := make([]Registration, 0, len(ids))
	for _, id := range ids {
		list = append(list, Registration{Client: rule.Client{ID: id}})
	}
	return list
}

func TestFind(t *testing.T) {
	tests := []struct {
		name, id string
		snapshot Snapshot
		want     rule.Standing
	}{
		{"known", "a", Snapshot{Clients: registered("a", "b")}, rule.Known},
		{"known in a partial one", "a", Snapshot{Clients: registered("a"), Partial: true}, rule.Known},
		{"absent", "c", Snapshot{Clients: registered("a", "b")}, rule.Absent},
		{"case matters", "A", Snapshot{Clients: registered("a")}, rule.Absent},
		{"partial", "c", Snapshot{Clients: registered("a"), Partial: true}, rule.Unjudged},
		{"empty refuses nobody", "c", Snapshot{}, rule.Unjudged},
		{"an ID beside its own alias", "a", Snapshot{Clients: []Registration{{Client: rule.Client{ID: "a"}, Aliases: []string{"a"}}}}, rule.Known},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, standing := directoryOf(t, &test.snapshot).Find(test.id)
			if standing != test.want || (client != nil) != (standing == rule.Known) || client != nil && client.ID != test.id {
				t.Errorf("got %v, %v; want %v", client, standing, test.want)
			}
		})
	}
}

func TestTwoClientsOfOneID(t *testing.T) {
	if _, err := NewDirectory(&Snapshot{Clients: registered("a", "twin", "twin")}); err == nil || !strings.Contains(err.Error(), `"twin"`) {
		t.Errorf("got %v", err)
	}
	if _, err := NewDirectory(&Snapshot{Clients: registered("a", "")}); err == nil || !strings.Contains(err.Error(), "no client_id") {
		t.Errorf("got %v", err)
	}
}

func TestSourceMayReuseItsSlice(t *testing.T) {
	snapshot := &Snapshot{Clients: registered("a")}
	directory := directoryOf(t, snapshot)
	snapshot.Clients[0].ID = "changed"
	if client, _ := directory.Find("a"); client == nil || client.ID != "a" {
		t.Errorf("got %+v", client)
	}
}

func TestService(t *testing.T) {
	_, directory := load(t, servicesPage)
	tests := []struct {
		name, element string
		known         bool
	}{
		{"ID", "0-0-0-0-0", true},
		{"alias ID", "old-slack", true},
		{"key", "slack", true},
		{"key in another case", "SLACK", true},
		{"name", "Hub", true},
		{"name with blanks, escaped", "YouTrack%20Slack%20Integration", true},
		{"name with blanks, as it is", "YouTrack Slack Integration", true},
		{"name in another case, escaped in lower case", "youtrack%20slack%20integration", true},
		{"alias", "slack%20bot", true},
		{"name that is not ASCII, in another case", "g\u00e4ste", true},
		{"name that is not ASCII, escaped", "g%C3%A4ste", true},
		{"Kelvin sign folds like k", "slac\u212A", true},
		{"dollar in front", "$0-0-0-0-0", false},
		{"escaped twice", "YouTrack%2520Slack%2520Integration", false},
		{"malformed escape", "%", false},
		{"malformed escape, too short", "hub%2", false},
		{"invalid UTF-8", "hub\xff", false},
		{"empty", "", false},
		{"prefix", "You", false},
		{"longer than the buffer", strings.Repeat("x%20", 400), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if known, complete := directory.Service(test.element); known != test.known || !complete {
				t.Errorf("known %v, complete %v", known, complete)
			}
		})
	}
}

func TestServiceWithALongName(t *testing.T) {
	name := strings.Repeat("Very Long ", 50) + "Service"
	_, directory := load(t, `{"total":1,"services":[{"id":"a","key":"a","name":"`+name+`"}]}`)
	if known, _ := directory.Service(strings.ReplaceAll(strings.ToUpper(name), " ", "%20")); !known {
		t.Error("not found")
	}
}

func TestServiceSaysNothingAboutOtherServers(t *testing.T) {
	_, directory := load(t, `[{"client_id":"a","client_name":"A"}]`)
	if known, complete := directory.Service("a"); known || complete {
		t.Errorf("known %v, complete %v", known, complete)
	}
	_, directory = load(t, `{"total":0,"services":[]}`)
	if known, complete := directory.Service("a"); known || complete {
		t.Errorf("a Hub without services is not complete: known %v, complete %v", known, complete)
	}
}

func TestRegisteredOrigin(t *testing.T) {
	_, directory := load(t, `[{"client_id":"a","redirect_uris":["https://APP.example:443/cb","http://app.example:8080/x?y","ytoauth://landing.url"]},{"client_id":"b"}]`)
	for origin, want := range map[string]bool{
		"https://app.example":       true,
		"http://app.example:8080":   true,
		"http://app.example":        false,
		"https://app.example:443":   false,
		"https://app.example.evil":  false,
		"https://app.example/":      false,
		"ytoauth://landing.url":     false,
		"null":                      false,
		"":                          false,
		"https://APP.example":       false,
		"https://evil.app.example ": false,
	} {
		if got := directory.RegisteredOrigin(origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
}

func TestLookupsAllocateNothing(t *testing.T) {
	_, directory := load(t, servicesPage)
	allocations := testing.AllocsPerRun(100, func() {
		directory.Find("old-slack")
		directory.Find("nobody")
		directory.Service("YouTrack%20Slack%20Integration")
		directory.Service("nobody%20at%20all")
		directory.RegisteredOrigin("https://slack.example")
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
