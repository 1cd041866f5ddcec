package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/google/go-cmp/cmp"
)

func init() { caddy.RegisterModule(new(recorder)) }

// recorder is a subscriber that keeps what it hears.
type recorder struct{}

// heard is what all recorders heard.
var heard struct {
	sync.Mutex
	events []caddy.Event
	// before, if set, is called first.
	before func(caddy.Event)
}

func (*recorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.test_recorder", New: func() caddy.Module { return new(recorder) }}
}

func (*recorder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

// Handle implements the interface of subscribers.
func (*recorder) Handle(_ context.Context, event caddy.Event) error {
	heard.Lock()
	before := heard.before
	heard.Unlock()
	if before != nil {
		before(event)
	}
	heard.Lock()
	defer heard.Unlock()
	heard.events = append(heard.events, event)
	return nil
}

// takeEvents returns what was heard since the last call.
func takeEvents() []caddy.Event {
	heard.Lock()
	defer heard.Unlock()
	taken := heard.events
	heard.events = nil
	return taken
}

// subscribe is the global option that lets the recorder hear of the guard.
const subscribe = "events {\non oauth_guard_rejected test_recorder\non oauth_guard_source_changed test_recorder\n}\n"

func TestRejectedEvent(t *testing.T) {
	takeEvents()
	guarded, up := freeAddress(t), newUpstream(t)
	load(t, subscribe, site(guarded, guard("profile rfc6749\n"+endpointLines+clientLines)+up.proxy()))
	const valid = "/oauth2/auth?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s3cret"
	send(t, guarded, get(valid))
	if events := takeEvents(); len(events) != 0 {
		t.Errorf("a valid request causes %+v", events)
	}
	send(t, guarded, get(valid+"&scope=a&scope=b"))
	send(t, guarded, form("/oauth2/token", "grant_type=authorization_code&code=s3cret&code=x&client_id=stranger"))
	events := takeEvents()
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	for i, want := range []map[string]any{
		{"endpoint": "authorize", "rule": "authorize.scope.repeated", "error": "invalid_request", "status": 400, "answer": "redirection", "client_id": "app"},
		{"endpoint": "token", "rule": "token.parameter.repeated", "error": "invalid_request", "status": 400, "answer": "json", "client_id": ""},
	} {
		event := events[i]
		if id, _ := event.Data["request_id"].(string); len(id) != 36 {
			t.Errorf("request_id %v", event.Data["request_id"])
		}
		delete(event.Data, "request_id")
		if difference := cmp.Diff(want, event.Data); difference != "" || event.Name() != "oauth_guard_rejected" {
			t.Errorf("%s (-want +got):\n%s", event.Name(), difference)
		}
		if origin := event.Origin().CaddyModule().ID; origin != "http.handlers.oauth_guard" {
			t.Errorf("it comes from %s", origin)
		}
	}
}

// TestSourceChangedEvent hears of a source that breaks. The subscriber asks for the state of the sources meanwhile, and then hangs, which holds up nobody.
func TestSourceChangedEvent(t *testing.T) {
	takeEvents()
	file := writeClients(t, filepath.Join(t.TempDir(), "clients.json"), "app")
	guarded, address, up := freeAddress(t), freeAddress(t), newUpstream(t)
	lines := "profile rfc6749\n" + endpointLines + "clients file " + file + " {\nrefresh 20ms\n}\n"
	config := adminConfig(t, address, subscribe, site(guarded, guard(lines)+up.proxy()))
	hang, released := make(chan struct{}), make(chan struct{})
	var asked atomic.Bool
	heard.Lock()
	heard.before = func(caddy.Event) {
		var states []sourceState
		asked.Store(admin(t, address, "GET", "/oauth_guard/sources", &states) == 200 && len(states) == 1)
		<-hang
		close(released)
	}
	heard.Unlock()
	defer func() {
		heard.Lock()
		heard.before = nil
		heard.Unlock()
	}()
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopAdministered)
	if err := os.WriteFile(file, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the subscriber asks", asked.Load)
	writeClients(t, file, "app", "two")
	until(t, "the source goes on", func() bool {
		var states []sourceState
		admin(t, address, "GET", "/oauth_guard/sources", &states)
		return states[0].State == "fresh" && states[0].Clients == 2
	})
	heard.Lock()
	heard.before = nil
	heard.Unlock()
	close(hang)
	<-released
	var events []caddy.Event
	until(t, "both changes are heard of", func() bool {
		events = append(events, takeEvents()...)
		return len(events) >= 2
	})
	broken, repaired := events[0].Data, events[len(events)-1].Data
	if broken["source"] != "file:"+file || broken["state"] != "failing" || broken["clients"] != 1 || !strings.Contains(broken["error"].(string), file) {
		t.Errorf("%+v", broken)
	}
	if repaired["state"] != "fresh" || repaired["clients"] != 2 || repaired["error"] != "" {
		t.Errorf("%+v", repaired)
	}
	if _, err := time.Parse(time.RFC3339, repaired["last_success"].(string)); err != nil {
		t.Error(err)
	}
}

// accessLines are the lines of an access log.
func accessLines(t *testing.T, file string, count int) []map[string]any {
	t.Helper()
	var lines []map[string]any
	until(t, "the access log is written", func() bool {
		lines = nil
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(text)) {
			entry := make(map[string]any)
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				return false
			}
			lines = append(lines, entry)
		}
		return len(lines) == count
	})
	return lines
}

// TestAccessLogFields looks at the fields that the access log gets: of judged requests only, and with two guards of the last one that judged.
func TestAccessLogFields(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	guarded, quiet, up := freeAddress(t), freeAddress(t), newUpstream(t)
	lines := guard("profile rfc6749\n" + endpointLines + clientLines)
	log := "log {\noutput file " + file + " {\nroll_disabled\n}\nformat json\n}\n"
	second := guard("profile rfc6749\nmode report\nendpoint token /oauth2/token /oauth2/other\n")
	load(t, "", site(guarded, log+"route {\n"+lines+second+up.proxy()+"}\n")+site(quiet, lines+up.proxy()))
	const valid = "/oauth2/auth?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=s"
	requests := []string{
		get(valid), get(valid + "&scope=a&scope=b"), get("/elsewhere"), get("/api/users", "Authorization: Bearer x"),
		form("/oauth2/token", "grant_type=authorization_code&code=x&code=y"), form("/oauth2/token", "grant_type=authorization_code&code=x&client_id=native&scope=a+%22"), form("/oauth2/other", "grant_type=x&grant_type=y"),
	}
	for _, raw := range requests {
		send(t, guarded, raw)
		send(t, quiet, raw)
	}
	entries := accessLines(t, file, len(requests))
	for i, want := range []string{
		"authorize pass <nil> <nil> app",
		"authorize reject authorize.scope.repeated invalid_request app",
		"<nil> <nil> <nil> <nil> <nil>",
		"resource pass <nil> <nil> <nil>",
		"token reject token.parameter.repeated invalid_request <nil>",
		"token reject token.scope.malformed invalid_scope native",
		"token report token.parameter.repeated invalid_request <nil>",
	} {
		e := entries[i]
		got := fmt.Sprint(e["oauth_guard_endpoint"], " ", e["oauth_guard_decision"], " ", e["oauth_guard_rule"], " ", e["oauth_guard_error"], " ", e["oauth_guard_client_id"])
		if got != want {
			t.Errorf("request %d: %s, want %s", i, got, want)
		}
	}
}
