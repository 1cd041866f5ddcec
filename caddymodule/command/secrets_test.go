package command_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// marker stands in every place of a request where a secret can stand. No command may print or store it.
const marker = "M4rk3r-Th4t-N0b0dy-M4y-S33"

// targets are targets of requests with the marker in them: where it belongs, and where people and attackers put it by mistake.
func targets() []string {
	const auth, token = "/api/rest/oauth2/auth", "/api/rest/oauth2/token"
	good := auth + "?response_type=code&client_id=tracker&redirect_uri=https%3A%2F%2Ftracker.example%2Fcb"
	list := []string{
		good + "&" + marker, good + "&" + marker + "=x", good + ";" + marker, good + "#" + marker, good + "&=" + marker, good + "&%zz" + marker,
		auth + "?response_type=code&client_id=tracker%26state%3D" + marker, auth + "?response_type=code&client_id=tracker;code=" + marker, auth + "?response_type=code&client_id=tracker%3F" + marker,
		auth + "?response_type=code&client_id=https%3A%2F%2Fjane%3A" + marker + "%40app.example%2F", auth + "?scope=a%26code%3D" + marker, auth + "?response_type=code;" + marker,
		auth + ";code=" + marker + "?client_id=tracker", auth + "&code=" + marker, auth + "%3Fcode=" + marker, auth + "%3bx=" + marker, auth + "/" + marker, token + "/" + marker, token + "?" + marker,
		"/api//rest/oauth2/auth;" + marker + "?code=" + marker, "/other/oauth2/token;x=" + marker + "?code=" + marker, "/static/app.js?access_token=" + marker,
		"/api/rest/users/me?access_token=" + marker, "https://jane:" + marker + "@hub.example.com" + good, "//" + marker + "@hub.example.com" + good,
	}
	for _, name := range []string{
		"code", "state", "nonce", "access_token", "refresh_token", "id_token", "id_token_hint", "client_secret", "password", "username", "assertion", "client_assertion", "code_verifier",
		"code_challenge", "device_code", "user_code", "request", "request_uri", "login_hint", "token", "subject_token", "ticket", "Client_Secret", "client_secret[]", "client.secret", "unknown",
	} {
		list = append(list, good+"&"+name+"="+marker, good+"&"+name+"="+marker+"&"+name+"="+marker, token+"?"+name+"="+marker, auth+"?client_id=nobody&"+name+"="+marker)
	}
	for _, uri := range []string{
		"https://tracker.example/cb?code=" + marker, "https://tracker.example/cb#" + marker, "https://jane:" + marker + "@tracker.example/cb", "https://tracker.example/cb;" + marker,
		"https://tracker.example/cb%3F" + marker, "https://tracker.example/cb%253F" + marker, "https://tracker.example/cb&x=" + marker, marker + "@tracker.example", "//" + marker + "@x/",
		"javascript:alert(1)//?" + marker,
	} {
		list = append(list, auth+"?response_type=code&client_id=tracker&redirect_uri="+url.QueryEscape(uri), auth+"?response_type=token&client_id=nobody&redirect_uri="+url.QueryEscape(uri))
	}
	return list
}

// logsWithMarkers writes logs of all formats, and returns their names.
func logsWithMarkers(t *testing.T, folder string) []string {
	t.Helper()
	var caddy, combined, haproxy strings.Builder
	var entries []map[string]any
	for i, target := range targets() {
		status := 302 - 302*(i%2) + 400*(i%2)
		location := "https://tracker.example/cb?code=" + marker
		if i%3 == 0 {
			location = "https://jane:" + marker + "@other.example/cb;" + marker + "#access_token=" + marker
		}
		request := map[string]any{
			"method": "GET", "host": "hub.example.com", "uri": target, "tls": map[string]any{},
			"headers": map[string][]string{"Authorization": {"Bearer " + marker}, "Cookie": {"session=" + marker}, "Referer": {"https://x.example/?code=" + marker}, "Dpop": {marker}, "X-" + marker: {marker}},
		}
		line, err := json.Marshal(map[string]any{"ts": 1767258000 + i, "logger": "http.log.access", "request": request, "status": status, "user_id": marker, "resp_headers": map[string][]string{"Location": {location}, "Set-Cookie": {marker}}})
		if err != nil {
			t.Fatal(err)
		}
		caddy.WriteString(string(line) + "\n")
		fmt.Fprintf(&combined, "10.0.0.1 - %s [01/Jan/2026:09:00:00 +0000] \"GET %s HTTP/1.1\" %d 0 \"https://x.example/?code=%s\" \"%s\"\n", marker, target, status, marker, marker)
		fmt.Fprintf(&haproxy, "10.0.0.1:1 [01/Jan/2026:09:00:00.000] https~ hub/hub 0/0/0/1/1 %d 0 %s %s ---- 1/1/0/0/0 0/0 {%s} \"GET %s HTTP/1.1\"\n", status, marker, marker, marker, target)
		if strings.HasPrefix(target, "/api") {
			header := []map[string]string{{"name": "Authorization", "value": "Bearer " + marker}, {"name": "Content-Type", "value": "application/x-www-form-urlencoded"}}
			entries = append(entries, map[string]any{
				"startedDateTime": "2026-01-01T09:00:00Z", "comment": marker,
				"request":  map[string]any{"method": "POST", "url": "https://hub.example.com" + target, "headers": header, "cookies": marker, "postData": map[string]any{"mimeType": "application/x-www-form-urlencoded", "text": "grant_type=password&password=" + marker + "&code=" + marker + "&" + marker + "&client_secret=" + marker}},
				"response": map[string]any{"status": status, "headers": []map[string]string{{"name": "Location", "value": location}}, "content": map[string]any{"text": `{"access_token":"` + marker + `"}`}},
			})
		}
	}
	archive, err := json.Marshal(map[string]any{"log": map[string]any{"entries": entries}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, text := range map[string]string{"caddy.log": caddy.String(), "combined.log": combined.String(), "haproxy.log": haproxy.String(), "trace.har": string(archive)} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, path)
	}
	return names
}

// shows fails the test if something that a command printed or stored holds the marker, or what could control a terminal.
func shows(t *testing.T, did outcome, what ...string) {
	t.Helper()
	for _, text := range []string{did.stdout, did.stderr} {
		for _, form := range []string{marker, base64.StdEncoding.EncodeToString([]byte("tracker:" + marker)), url.QueryEscape(marker + "&"), strings.ToLower(marker)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%.300q shows a secret: …%.200q…", what, text[max(0, i-100):])
				break
			}
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7F }) {
			t.Errorf("%.300q prints control characters", what)
		}
	}
}

// TestPlantedSecrets runs every command on requests with the marker in every place, and reads everything that they print and store.
func TestPlantedSecrets(t *testing.T) {
	folder := t.TempDir()
	logs := logsWithMarkers(t, folder)
	for _, log := range logs {
		page, state := filepath.Join(folder, "report.html"), filepath.Join(folder, filepath.Base(log)+".state")
		for _, arguments := range [][]string{
			{"replay", "--config", "testdata/hub.caddyfile", "--html", page, "--resume", state, log},
			{"replay", "--host", "hub.example.com", "--json", "--config", "testdata/hub.caddyfile", log},
			{"learn", log}, {"learn", "--format", "caddyfile", log},
		} {
			did := run(t, "", arguments...)
			if did.status != 0 {
				t.Errorf("%q: %s", arguments, did.stderr)
			}
			shows(t, did, arguments...)
		}
		for _, name := range []string{page, state} {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) < 1000 {
				t.Errorf("%s has only %d bytes", name, len(text))
			}
			shows(t, outcome{stdout: string(text)}, name)
		}
	}
	for _, target := range targets() {
		address := "https://hub.example.com" + target
		if strings.Contains(target, "://") && !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") {
			address = target
		}
		text := "GET " + target + " HTTP/1.1\nHost: hub.example.com\nAuthorization: Bearer " + marker + "\nDPoP: " + marker + "\nCookie: " + marker + "\n\n"
		for _, arguments := range [][]string{
			{"check", "--config", "testdata/hub.caddyfile", address}, {"check", "--json", "--config", "testdata/hub.caddyfile", address},
			{"check", "--profile", "oauth21", "--endpoint", "authorize=/api/rest/oauth2/auth", "--endpoint", "token=/api/rest/oauth2/token", "--clients", "testdata/clients.json", "-"},
		} {
			shows(t, run(t, text, arguments...), append(arguments, text)...)
		}
	}
	for _, body := range []string{
		"grant_type=password&username=" + marker + "&password=" + marker, "code=" + marker + "&code=" + marker, "client_secret=" + marker + "&client_id=tracker", `{"password":"` + marker + `"}`, marker,
		"grant_type=" + url.QueryEscape("x&"+marker), "client_assertion=" + marker + "&client_assertion_type=x", "request=" + marker,
	} {
		for _, kind := range []string{"application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=" + marker, marker} {
			text := "POST /api/rest/oauth2/token HTTP/1.1\nHost: hub.example.com\nContent-Type: " + kind + "\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("tracker:"+marker)) + "\n\n" + body
			for _, arguments := range [][]string{{"check", "--config", "testdata/hub.caddyfile", "-"}, {"check", "--json", "--config", "testdata/hub.caddyfile", "-"}} {
				shows(t, run(t, text, arguments...), append(arguments, text)...)
			}
		}
	}
	// What is wrong with arguments is said without them.
	for _, arguments := range [][]string{
		{"check", "hub.example.com/?code=" + marker}, {"check", "https://jane:" + marker + "@hub.example.com/"}, {"check", "--curl", "curl -H " + marker + " https://hub.example.com/"},
		{"check", "--curl", "curl -d @" + marker + " https://hub.example.com/"}, {"check", "--curl", "curl -u tracker:" + marker + " 'https://hub.example.com/api/rest/oauth2/token"},
		{"check", "--curl", "curl -u tracker:" + marker + " -d grant_type=x https://hub.example.com/api/rest/oauth2/token"}, {"verify", "https://x/?code=" + marker},
	} {
		shows(t, run(t, "", arguments...), arguments...)
	}
}
