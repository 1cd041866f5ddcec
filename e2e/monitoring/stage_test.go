// Package monitoring_test loads what docs/monitoring holds into a real Prometheus that scrapes a real Caddy with the guard: the rules and alerts are checked and tested
// by promtool and evaluated by the server, and every expression of the dashboard is asked there. The dashboard itself is compared with the types that Grafana publishes.
package monitoring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// documents is the folder that the tests are about.
const documents = "../../docs/monitoring"

// patience is how long something may take until it is there. It is far above what it does take.
const patience = 90 * time.Second

// running is what all tests share; stop ends it.
var running struct {
	once    sync.Once
	err     error
	address string
	hub     *hubtest.Server
	site    *front.Site
	caddy   *front.Caddy
	stop    []func() error
}

// TestMain is run, below, with an exit status.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run runs the tests in an empty folder, and ends what they started.
func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "oauth-guard-monitoring-")
	if err == nil {
		err = errors.Join(os.Setenv("XDG_DATA_HOME", folder), os.Setenv("XDG_CONFIG_HOME", folder))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	status := m.Run()
	for i := len(running.stop) - 1; i >= 0; i-- {
		if err := running.stop[i](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	return status
}

// prometheus returns the address of a Prometheus that has scraped, from a Caddy with sources of all kinds, decisions of all kinds.
func prometheus(t *testing.T) string {
	t.Helper()
	running.once.Do(func() { running.err = start() })
	if running.err != nil {
		t.Fatal(running.err)
	}
	return running.address
}

// guardBlock has each kind of source.
const guardBlock = `oauth_guard {
	clients static {
		client app {
			redirect_uris https://app.example/callback
		}
	}
	clients file "%s"
	clients hub %s {
		token read-token
		refresh 2s
	}
	unknown_client reject
	rule token.authentication.repeated report
}`

func start() error {
	folder := os.Getenv("XDG_DATA_HOME")
	hub, err := hubtest.Start(hubtest.Config{Tokens: map[string]hubtest.Permission{"read-token": hubtest.ReadAll}})
	if err != nil {
		return err
	}
	running.hub = hub
	running.stop = append(running.stop, hub.Close)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "passed") }))
	running.stop = append(running.stop, func() error { server.Close(); return nil })
	clients, err := filepath.Abs("../../docs/examples/clients.json")
	if err != nil {
		return err
	}
	site, err := front.NewSite(false)
	if err != nil {
		return err
	}
	site.Directives = "metrics /metrics\n" + fmt.Sprintf(guardBlock, filepath.ToSlash(clients), hub.URL())
	site.Upstream = strings.TrimPrefix(server.URL, "http://")
	running.site = site
	running.stop = append(running.stop, func() error { return running.caddy.Stop() })
	if running.caddy, err = front.Start(folder, site); err != nil {
		return err
	}
	if running.address, err = launch(folder, site.Address); err != nil {
		return err
	}
	if _, err := wanted(running.address, `up == 1`); err != nil {
		return err
	}
	return traffic(site.URL(), 2*time.Second)
}

// traffic sends requests that are passed, reported and refused, several times so that rates can be seen.
func traffic(site string, pause time.Duration) error {
	authorize := site + "/api/rest/oauth2/auth?response_type=code&client_id=app&scope=0-0-0-0-0&redirect_uri="
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"x"}}
	for range 3 {
		for _, send := range []func() (*http.Response, error){
			func() (*http.Response, error) { return http.Get(authorize + "https%3A%2F%2Fapp.example%2Fcallback") },
			func() (*http.Response, error) { return http.Get(authorize + "https%3A%2F%2Fevil.example%2F") },
			func() (*http.Response, error) {
				request, err := http.NewRequest(http.MethodPost, site+"/api/rest/oauth2/token", strings.NewReader(form.Encode()))
				if err != nil {
					return nil, err
				}
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				request.SetBasicAuth("app", "x")
				return http.DefaultClient.Do(request)
			},
		} {
			response, err := send()
			if err != nil {
				return err
			}
			if err := response.Body.Close(); err != nil {
				return err
			}
		}
		time.Sleep(pause)
	}
	return nil
}

const configuration = `global:
  scrape_interval: 500ms
  scrape_timeout: 500ms
  evaluation_interval: 500ms
rule_files:
  - %q
scrape_configs:
  - job_name: caddy
    static_configs:
      - targets: [%q]
`

// launch runs Prometheus. It ends when its standard input does, so that it cannot outlive the tests.
func launch(folder, target string) (string, error) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		return "", fmt.Errorf("%w: run \"make prerequisites\"", err)
	}
	rules, err := filepath.Abs(documents + "/rules.yml")
	if err != nil {
		return "", err
	}
	config := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, configuration, filepath.ToSlash(rules), target), 0o600); err != nil {
		return "", err
	}
	address, err := front.FreeAddress()
	if err != nil {
		return "", err
	}
	command := exec.Command("sh", "-c", `"$@" </dev/null & cat >/dev/null; kill $!; wait $!`, "sh", program, "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(folder, "tsdb"), "--web.listen-address="+address, "--log.level=warn")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	running.stop = append(running.stop, func() error { return errors.Join(input.Close(), command.Wait()) })
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/-/ready")
		if err == nil {
			err = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return address, err
			}
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("prometheus is not ready after %s: %w", patience, err)
		}
	}
}

// sample is one element of the result of a query.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// ask asks the API of Prometheus.
func ask(address, path string, parameters url.Values, data any) error {
	response, err := http.Get("http://" + address + "/api/v1/" + path + "?" + parameters.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s %s: %s", path, parameters.Encode(), answer.Error)
	}
	return nil
}

// wanted asks for an expression until it has a result with a number in it.
func wanted(address, expression string) ([]sample, error) {
	var answer struct{ Result []sample }
	for deadline := time.Now().Add(patience); ; time.Sleep(250 * time.Millisecond) {
		if err := ask(address, "query", url.Values{"query": {expression}}, &answer); err != nil {
			return nil, err
		}
		for _, s := range answer.Result {
			if text, _ := s.Value[1].(string); text != "NaN" {
				return answer.Result, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s has no result after %s: %v", expression, patience, answer.Result)
		}
	}
}
