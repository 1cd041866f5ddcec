package fleet_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// secretRequests are requests full of secrets of a known client: a method, a target and a body. Some are valid, the others break rules about most parameters.
func secretRequests(known string) []string {
	const auth, token = "GET /api/rest/oauth2/auth?response_type=code&", "POST /api/rest/oauth2/token "
	const code = "code=" + planted + "code"
	requests := []string{
		auth + "state=" + planted + "state&client_id=" + known + "&redirect_uri=https%3A%2F%2Fapp-1.example.com%2Fcallback",
		auth + "state=" + planted + "state&client_id=" + known + "&redirect_uri=https%3A%2F%2Fapp-1.example.com%2Fother%3Ftoken%3D" + planted + "query",
		auth + "state=" + planted + "state&client_id=" + known + "&redirect_uri=https%3A%2F%2Fuser%3A" + planted + "password%40app-1.example.com%2Fcallback",
		auth + "state=" + planted + "state&state=" + planted + "twice&client_id=" + known + "&redirect_uri=https%3A%2F%2Fapp-1.example.com%2Fcallback",
		auth + "id_token_hint=" + planted + "hint&login_hint=" + planted + "login&nonce=" + planted + "nonce&client_id=stranger&redirect_uri=https%3A%2F%2Fa.example%2F",
		auth + "scope=" + planted + "scope&client_id=" + known + "&client_secret=" + planted + "secret&redirect_uri=https%3A%2F%2Fapp-1.example.com%2Fcallback",
		"GET /api/rest/users/me?access_token=" + planted + "token",
		"GET /api/rest/users/me?access_token=" + planted + "token&access_token=" + planted + "token",
		"GET /api/rest/oauth2/token?" + code,
		token + "grant_type=authorization_code&" + code + "&client_id=" + known + "&client_secret=" + planted + "secret&redirect_uri=https%3A%2F%2Fapp-1.example.com%2Fcallback",
		token + "grant_type=authorization_code&" + code + "&" + code + "2&client_id=" + known,
		token + "grant_type=password&username=u&password=" + planted + "password&client_id=" + known,
		token + "grant_type=password&username=u&password=" + planted + "password&client_id=stranger",
		token + "grant_type=refresh_token&refresh_token=" + planted + "refresh%00&client_id=" + known,
		token + "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + planted + "assertion",
		token + "grant_type=" + planted + "grant&code_verifier=" + planted + "verifier&client_id=" + known,
		token + planted + "name=%zz",
	}
	return requests
}

// TestSecrets uses everything that could know a secret, and then looks for them wherever something was written: the storage, the log, metrics, answers, and the admin endpoint.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const basic = planted + "client-secret"
	hub := startHub(t, 10)
	storage := t.TempDir()
	c := config{hub: hub.URL, storage: files(storage), refresh: time.Second, source: "on_demand 600\nreport_untrusted {env.REPORT_TOKEN}"}
	first, second := newInstance(t, "caddy 1", c), newInstance(t, "caddy 2", c)
	encoded := base64.StdEncoding.EncodeToString([]byte(hubtest.GeneratedID(1) + ":" + basic))
	looks := func(where, text string) {
		t.Helper()
		search(t, where, strings.ReplaceAll(text, encoded, planted))
	}
	client := direct()
	defer client.CloseIdleConnections()
	for _, i := range []*instance{first, second} {
		i.start()
		i.has(10*time.Second, 10+everyHub)
		for _, text := range secretRequests(hubtest.GeneratedID(1)) {
			for _, authorization := range []string{"", "Bearer " + planted + "bearer", "Bearer  " + planted + "bearer\x80", "Basic " + encoded, planted + "scheme"} {
				parts := strings.SplitN(text, " ", 3)
				body := strings.Join(parts[2:], "")
				r, err := http.NewRequest(parts[0], "http://"+i.address+parts[1], strings.NewReader(body))
				must(t, err)
				if body != "" {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				r.Header.Set("Cookie", "session="+planted+"cookie")
				if authorization != "" {
					r.Header.Set("Authorization", authorization)
				}
				response, err := client.Do(r)
				must(t, err)
				answer, err := io.ReadAll(response.Body)
				must(t, err)
				must(t, response.Body.Close())
				// A redirect to the client has to bring its state back.
				response.Header.Del("Location")
				looks(fmt.Sprintf("the answer to %s, %s", text, authorization), fmt.Sprint(response.Header, string(answer)))
			}
		}
	}
	// What the Hub says when it refuses, and when it is gone.
	for says, fault := range map[string]hubtest.Fault{
		"401 Unauthorized": {Kind: hubtest.Status, Status: 401}, "HTML page": {Kind: hubtest.HTML}, "EOF": {Kind: hubtest.Drop},
		"/login": {Kind: hubtest.Redirect, Location: hub.URL + "/login?token=" + planted + "query#" + planted + "fragment"},
	} {
		must(t, hub.Control.SetFaults(fault))
		within(t, 10*time.Second, "the log says "+says, func() (bool, any) { return strings.Contains(first.log()+second.log(), says), first.tail(3) })
	}
	must(t, hub.Control.SetFaults())
	for _, i := range []*instance{first, second} {
		i.has(10*time.Second, 10+everyHub)
		for _, page := range []string{
			"http://" + i.address + "/metrics", "http://" + i.admin + "/metrics", "http://" + i.admin + "/config/", "http://" + i.admin + "/oauth_guard/sources",
			"http://" + i.admin + "/oauth_guard/clients?limit=100000", "http://" + i.admin + "/oauth_guard/clients/" + hubtest.GeneratedID(1),
			"http://" + i.admin + "/debug/vars", "http://" + i.admin + "/debug/pprof/goroutine?debug=2", "http://" + i.admin + "/debug/pprof/cmdline",
		} {
			text, err := fetch(page)
			must(t, err)
			if len(text) == 0 {
				t.Errorf("%s is empty", page)
			}
			looks(page, text)
		}
		response, err := http.Post("http://"+i.admin+"/oauth_guard/refresh", "application/json", nil)
		must(t, err)
		answer, err := io.ReadAll(response.Body)
		must(t, err)
		must(t, response.Body.Close())
		looks("the answer to a refresh", response.Status+string(answer))
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s\n%s", response.Status, answer)
		}
		looks("the log of "+i.name, i.log())
	}
	if count := searchFolder(t, storage); count < 2 {
		t.Errorf("only %d files are in the storage", count)
	}
	for _, i := range []*instance{first, second} {
		i.stop()
	}
	searchFolder(t, storage)
	counts, err := hub.Control.Counts()
	must(t, err)
	if counts.SecretAsked != 0 {
		t.Errorf("%+v", counts)
	}
	for _, r := range requests(t, hub) {
		if strings.Contains(r.URI, planted) {
			t.Errorf("a secret is in the request %s", r.URI)
		}
	}
}

// requests are all that came to the stand-in.
func requests(t *testing.T, hub *hubtest.Process) []hubtest.Request {
	t.Helper()
	found, err := hub.Control.Requests()
	must(t, err)
	return found
}
