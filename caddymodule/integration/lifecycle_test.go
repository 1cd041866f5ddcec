package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"
)

// counter reads one counter from the metrics page; zero if it is not there.
func counter(t testing.TB, address string, name string) int {
	t.Helper()
	page, _, err := insist(address, get("/metrics"))
	if err != nil || page.status != 200 {
		t.Fatalf("metrics: status %d, %v", page.status, err)
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(page.body)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(value)
}

const (
	tokenPass   = `caddy_oauth_guard_requests_total{decision="pass",endpoint="token"}`
	tokenReject = `caddy_oauth_guard_requests_total{decision="reject",endpoint="token"}`
	repeated    = `caddy_oauth_guard_findings_total{mode="enforce",rule="token.parameter.repeated"}`
)

// TestReloadUnderTraffic reloads the configuration again and again while requests run. None is answered or judged otherwise, and the counters go on.
func TestReloadUnderTraffic(t *testing.T) {
	const reloads = 20
	folder := t.TempDir()
	clientFile := writeClients(t, filepath.Join(folder, "clients.json"), "app")
	guarded, metrics, recording := freeAddress(t), freeAddress(t), newUpstream(t)
	config := func(i int) []byte {
		lines := fmt.Sprintf("profile rfc6749\n%sclients file %s {\nrefresh 20ms\n}\nerrors {\nrealm reload%d\n}\n", endpointLines, clientFile, i)
		return adapt(t, "", site(guarded, guard(lines)+recording.proxy())+site(metrics, "metrics\n"))
	}
	if err := caddy.Load(config(0), true); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = caddy.Stop() }()
	passedBefore, refusedBefore, foundBefore := counter(t, metrics, tokenPass), counter(t, metrics, tokenReject), counter(t, metrics, repeated)
	var stop atomic.Bool
	var passed, refused, lost atomic.Int64
	ask := func(body string, status int, count *atomic.Int64) {
		got, vain, err := insist(guarded, form("/oauth2/token", body))
		if err != nil || got.status != status {
			t.Errorf("a request is answered with %d, %v; want %d: %s", got.status, err, status, got.body)
		}
		lost.Add(int64(vain))
		count.Add(1)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for !stop.Load() {
				ask(validToken, 200, &passed)
				ask(invalidToken, 400, &refused)
			}
		})
	}
	last := 0
	for i := range reloads {
		before := passed.Load()
		if err := caddy.Load(config(i+1), true); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
		eventually(t, "traffic after the reload", func() bool { return passed.Load() > before+4 })
		got, _, err := insist(guarded, get("/api/users"))
		if challenge := got.header.Get("WWW-Authenticate"); err != nil || !strings.Contains(challenge, fmt.Sprintf(`"reload%d"`, i+1)) {
			t.Errorf("after reload %d the challenge is %q, %v", i+1, challenge, err)
		}
		now := counter(t, metrics, tokenPass)
		if now <= last {
			t.Errorf("after reload %d the counter stands at %d, before at %d", i+1, now, last)
		}
		last = now
	}
	stop.Store(true)
	running.Wait()
	for _, c := range []struct {
		name   string
		before int
		sent   int64
	}{{tokenPass, passedBefore, passed.Load()}, {tokenReject, refusedBefore, refused.Load()}, {repeated, foundBefore, refused.Load()}} {
		// A request whose answer was lost was sent again, and may have been counted twice.
		if grown := int64(counter(t, metrics, c.name) - c.before); grown < c.sent || grown > c.sent+lost.Load() {
			t.Errorf("%s grew by %d, want %d (or up to %d more)", c.name, grown, c.sent, lost.Load())
		}
	}
	if passed.Load() < 100 {
		t.Errorf("only %d requests ran", passed.Load())
	}
	for _, e := range recording.take() {
		if e.body != validToken {
			t.Fatalf("the upstream received %q", e.body)
		}
	}
}

// writeClients replaces a file of clients at once, as careful operators do.
func writeClients(t testing.TB, path string, ids ...string) string {
	t.Helper()
	var records []string
	for _, id := range ids {
		records = append(records, fmt.Sprintf(`{"client_id": %q, "redirect_uris": [%q]}`, id, registeredURI))
	}
	return replaceFile(t, path, "["+strings.Join(records, ",\n")+"]")
}

func replaceFile(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// knows reports whether the guard accepts a client.
func knows(t testing.TB, address string, id string) bool {
	t.Helper()
	got, _, err := insist(address, form("/oauth2/token", strings.Replace(validToken, "=app&", "="+id+"&", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return got.status == 200
}

// TestClientFileIsWatched changes the file of clients while Caddy runs.
func TestClientFileIsWatched(t *testing.T) {
	folder := t.TempDir()
	clientFile, log := writeClients(t, filepath.Join(folder, "clients.json"), "app"), filepath.Join(folder, "caddy.log")
	guarded, metrics, recording := freeAddress(t), freeAddress(t), newUpstream(t)
	load(t, logTo(log, "INFO"), site(guarded, guard("profile rfc6749\n"+endpointLines+"clients file "+clientFile+" {\nrefresh 20ms\n}\n")+recording.proxy())+
		site(metrics, "metrics\n"))
	state := func(name string) int {
		return counter(t, metrics, fmt.Sprintf(`caddy_oauth_guard_source_state{source="file:%s",state="%s"}`, clientFile, name))
	}
	count := func() int {
		return counter(t, metrics, fmt.Sprintf(`caddy_oauth_guard_source_clients{source="file:%s"}`, clientFile))
	}
	if !knows(t, guarded, "app") || knows(t, guarded, "other") {
		t.Fatal("the file is not read at the start")
	}
	writeClients(t, clientFile, "app", "other")
	eventually(t, "the new client", func() bool { return knows(t, guarded, "other") })
	if state("fresh") != 1 || count() != 2 {
		t.Errorf("state fresh = %d with %d clients, want 1 with 2", state("fresh"), count())
	}
	for name, content := range map[string]string{"malformed": `[{"client_id": "app",`, "empty": "", "of another kind": `{"error": "x"}`, "with a script": `[{"client_id":"app","redirect_uris":["javascript:x"]}]`} {
		t.Run(name, func(t *testing.T) {
			replaceFile(t, clientFile, content)
			eventually(t, "the failure", func() bool { return state("failing") == 1 })
			if !knows(t, guarded, "app") || !knows(t, guarded, "other") || knows(t, guarded, "third") || count() != 2 {
				t.Errorf("the last good directory of two clients is not in force")
			}
			writeClients(t, clientFile, "app", "other")
			eventually(t, "the recovery", func() bool { return state("fresh") == 1 })
		})
	}
	if err := os.Remove(clientFile); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing file is noticed", func() bool { return state("failing") == 1 })
	if !knows(t, guarded, "other") {
		t.Error("without the file the clients are gone")
	}
	writeClients(t, clientFile, "third")
	eventually(t, "the replaced file", func() bool { return knows(t, guarded, "third") })
	if knows(t, guarded, "app") {
		t.Error("a client that is no longer in the file is still known")
	}
	text := readLog(t, log)
	if !strings.Contains(text, `"level":"error"`) || !strings.Contains(text, "the last good directory stays in force") || !strings.Contains(text, "registered clients loaded") {
		t.Errorf("the log does not tell of the failures and the loads:\n%s", text)
	}
}

func readLog(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestLoggerOfTheNewConfiguration breaks the file after a reload: the failure is logged by the new configuration, not by the one that is gone.
func TestLoggerOfTheNewConfiguration(t *testing.T) {
	folder := t.TempDir()
	clientFile := writeClients(t, filepath.Join(folder, "clients.json"), "app")
	guarded, recording := freeAddress(t), newUpstream(t)
	logs := []string{filepath.Join(folder, "old.log"), filepath.Join(folder, "new.log"), filepath.Join(folder, "newest.log")}
	sites := site(guarded, guard("profile rfc6749\n"+endpointLines+"clients file "+clientFile+" {\nrefresh 20ms\n}\n")+recording.proxy())
	for i, log := range logs[:2] {
		if err := caddy.Load(adapt(t, logTo(log, "DEBUG"), sites), true); err != nil {
			t.Fatalf("configuration %d: %v", i, err)
		}
	}
	defer func() { _ = caddy.Stop() }()
	old := readLog(t, logs[0])
	replaceFile(t, clientFile, "{")
	eventually(t, "the failure is logged", func() bool { return strings.Contains(readLog(t, logs[1]), "the last good directory stays in force") })
	if now := readLog(t, logs[0]); now != old {
		t.Errorf("the configuration that is gone still logs:\n%s", strings.TrimPrefix(now, old))
	}
	// A configuration that begins while the source fails hears of it, too, and goes on with what was read last.
	if err := caddy.Load(adapt(t, logTo(logs[2], "DEBUG"), sites), true); err != nil {
		t.Fatalf("a reload while the source fails: %v", err)
	}
	if !strings.Contains(readLog(t, logs[2]), "the last good directory stays in force") {
		t.Error("the new configuration does not say that its source fails")
	}
	if !knows(t, guarded, "app") || knows(t, guarded, "other") {
		t.Error("the last good directory is lost by the reload")
	}
	writeClients(t, clientFile, "app", "other")
	eventually(t, "the recovery", func() bool { return knows(t, guarded, "other") })
	if !strings.Contains(readLog(t, logs[2]), "registered clients loaded") || strings.Contains(readLog(t, logs[1]), "registered clients loaded\",\"source\":\"file:"+clientFile+"\",\"state\":\"fresh\",\"clients\":2") {
		t.Error("the recovery is not logged by the newest configuration alone")
	}
}

// TestRejectedConfiguration loads configurations with mistakes. Each is refused with a word about the mistake, and nothing of the running one changes.
func TestRejectedConfiguration(t *testing.T) {
	folder := t.TempDir()
	clientFile, log := writeClients(t, filepath.Join(folder, "clients.json"), "app"), filepath.Join(folder, "caddy.log")
	guarded, metrics, recording := freeAddress(t), freeAddress(t), newUpstream(t)
	source := "clients file " + clientFile + " {\nrefresh 20ms\n}\n"
	build := func(lines, more string) []byte {
		return adapt(t, logTo(log, "INFO"), site(guarded, guard("profile rfc6749\n"+endpointLines+lines)+recording.proxy())+site(metrics, "metrics\n")+more)
	}
	if err := caddy.Load(build(source, ""), true); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = caddy.Stop() }()
	broken := replaceFile(t, filepath.Join(folder, "broken.json"), "[{]")
	// What the Caddyfile's adapter refuses by itself is changed in the JSON.
	for name, c := range map[string]struct{ lines, more, old, new, says string }{
		"unknown rule":    {source + "rule token.parameter.repeated off\n", "", "token.parameter.repeated", "token.parameter.repeatd", "token.parameter.repeated"},
		"unreadable file": {"clients file " + filepath.Join(folder, "missing.json") + "\n", "", "", "", "missing.json"},
		"malformed file":  {source + "clients file " + broken + "\n", "", "", "", "broken.json"},
		"endpoint twice":  {source + "endpoint token /oauth2/auth\n", "", "", "", "/oauth2/auth"},
		"second guard wrong": {source, site(freeAddress(t), guard("profile rfc6749\nendpoint token /t\n"+source+"exempt app token.scope.malformed\n")),
			"token.scope.malformed", "path.ambiguous", "path.ambiguous"},
		"other handler":  {source, site(freeAddress(t), "@x path_regexp [\nrespond @x ok\n"), "", "", "error parsing regexp"},
		"address in use": {source, site(recording.address, "respond ok\n"), "", "", "address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			before := counter(t, metrics, tokenPass)
			err := caddy.Load(bytes.ReplaceAll(build(c.lines, c.more), []byte(`"`+c.old+`"`), []byte(`"`+c.new+`"`)), true)
			if err == nil {
				t.Fatal("the configuration is accepted")
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error does not say %q: %v", c.says, err)
			}
			if !knows(t, guarded, "app") || knows(t, guarded, "other") {
				t.Error("the running configuration judges otherwise")
			}
			if now := counter(t, metrics, tokenPass); now <= before {
				t.Errorf("the counter went from %d to %d, want more", before, now)
			}
			// The source is still watched, and its state still shown.
			writeClients(t, clientFile, "app", "other")
			eventually(t, "a change of the file", func() bool { return knows(t, guarded, "other") })
			if n := counter(t, metrics, fmt.Sprintf(`caddy_oauth_guard_source_clients{source="file:%s"}`, clientFile)); n != 2 {
				t.Errorf("the gauge shows %d clients, want 2", n)
			}
			writeClients(t, clientFile, "app")
			eventually(t, "the change back", func() bool { return !knows(t, guarded, "other") })
		})
	}
}

// TestRemovedSource takes a source out of the configuration: it is no longer shown, and nothing of it is remembered.
func TestRemovedSource(t *testing.T) {
	folder := t.TempDir()
	clientFile := writeClients(t, filepath.Join(folder, "clients.json"), "app")
	guarded, metrics, recording := freeAddress(t), freeAddress(t), newUpstream(t)
	build := func(source string) []byte {
		return adapt(t, "", site(guarded, guard("profile rfc6749\n"+endpointLines+source)+recording.proxy())+site(metrics, "metrics\n"))
	}
	source := "clients file " + clientFile + " {\nrefresh 20ms\n}\n"
	shown := func() bool {
		return counter(t, metrics, fmt.Sprintf(`caddy_oauth_guard_source_clients{source="file:%s"}`, clientFile)) > 0
	}
	if err := caddy.Load(build(source), true); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = caddy.Stop() }()
	if !shown() || knows(t, guarded, "other") {
		t.Error("the source is not in force at the start")
	}
	if err := caddy.Load(build("clients static {\nclient other\n}\n"), true); err != nil {
		t.Fatal(err)
	}
	if shown() || !knows(t, guarded, "other") {
		t.Error("the source that was removed is still in force")
	}
	replaceFile(t, clientFile, "{")
	if err := caddy.Load(build(source), true); err == nil {
		t.Error("a source that cannot be read is accepted, because an earlier configuration could read it")
	}
	writeClients(t, clientFile, "other")
	if err := caddy.Load(build(source), true); err != nil {
		t.Fatal(err)
	}
	if !shown() || !knows(t, guarded, "other") || knows(t, guarded, "app") {
		t.Error("the source is not read anew")
	}
}

// TestMetricsWithoutSource counts the decisions of a guard that has no source of clients.
func TestMetricsWithoutSource(t *testing.T) {
	guarded, metrics := freeAddress(t), freeAddress(t)
	load(t, "", site(guarded, guard("profile rfc6749\n"+endpointLines)+"respond ok\n")+site(metrics, "metrics\n"))
	before := counter(t, metrics, tokenReject)
	send(t, guarded, form("/oauth2/token", invalidToken))
	if now := counter(t, metrics, tokenReject); now != before+1 {
		t.Errorf("the counter went from %d to %d, want one more", before, now)
	}
}

// TestNothingRemains starts and stops configurations with sources that are watched. No goroutine remains.
func TestNothingRemains(t *testing.T) {
	before := goleak.IgnoreCurrent()
	folder := t.TempDir()
	clientFile := writeClients(t, filepath.Join(folder, "clients.json"), "app")
	address := freeAddress(t)
	lines := "profile rfc6749\n" + endpointLines + "clients file " + clientFile + " {\nrefresh 10ms\n}\n" + clientLines
	for range 3 {
		for range 3 {
			if err := caddy.Load(adapt(t, "", site(address, guard(lines)+"respond ok\n")+site(freeAddress(t), guard(lines)+"respond ok\n")), true); err != nil {
				t.Fatal(err)
			}
			if got, _, err := insist(address, form("/oauth2/token", validToken)); err != nil || got.body != "ok" {
				t.Errorf("status %d, %v", got.status, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if err := remaining(before); err != nil {
		t.Error(err)
	}
}
