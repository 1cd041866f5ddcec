package monitoring_test

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// promtool runs the tool of Prometheus in the folder of the documents.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	command := exec.Command("promtool", arguments...)
	command.Dir = documents
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

func TestPromtool(t *testing.T) {
	promtool(t, "check", "config", "prometheus.yml")
	promtool(t, "check", "rules", "rules.yml")
	promtool(t, "test", "rules", "rules_test.yml", "rules_week_test.yml")
}

// group is one of a file of rules.
type group struct {
	Name  string
	Rules []struct {
		Alert, Record, Expr string
		Labels, Annotations map[string]string
	}
}

// load reads a file of YAML.
func load(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(documents, name))
	if err == nil {
		err = yaml.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func groups(t *testing.T) []group {
	t.Helper()
	var file struct{ Groups []group }
	load(t, "rules.yml", &file)
	if len(file.Groups) < 3 {
		t.Fatalf("only %d groups", len(file.Groups))
	}
	return file.Groups
}

// TestEveryAlertIsTested wants for each alert a test in which it fires, and one in which it does not; and for each recording rule a test of what it records.
func TestEveryAlertIsTested(t *testing.T) {
	fires, silent, asked := map[string]bool{}, map[string]bool{}, ""
	for _, name := range []string{"rules_test.yml", "rules_week_test.yml"} {
		var file struct {
			Tests []struct {
				Alerts []struct {
					Name     string `yaml:"alertname"`
					Expected []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
				Expressions []struct{ Expr string } `yaml:"promql_expr_test"`
			}
		}
		load(t, name, &file)
		for _, test := range file.Tests {
			for _, alert := range test.Alerts {
				if len(alert.Expected) > 0 {
					fires[alert.Name] = true
				} else {
					silent[alert.Name] = true
				}
			}
			for _, expression := range test.Expressions {
				asked += expression.Expr + "\n"
			}
		}
	}
	known := map[string]bool{}
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			switch {
			case rule.Record != "" && !strings.Contains(asked, rule.Record):
				t.Errorf("no test asks for %s", rule.Record)
			case rule.Alert == "":
			case !fires[rule.Alert] || !silent[rule.Alert]:
				t.Errorf("%s: a test in which it fires: %t; in which it does not: %t", rule.Alert, fires[rule.Alert], silent[rule.Alert])
			case !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]):
				t.Errorf("%s has the severity %q", rule.Alert, rule.Labels["severity"])
			}
			known[rule.Alert] = true
		}
	}
	for name := range silent {
		if !known[name] {
			t.Errorf("there is a test of %s, which is no alert", name)
		}
	}
}

// TestAlertsAreDocumented wants a row for each alert and each recording rule in the document.
func TestAlertsAreDocumented(t *testing.T) {
	document, err := os.ReadFile(documents + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			if name := rule.Alert + rule.Record; strings.Count(string(document), "\n| `"+name+"` |") != 1 {
				t.Errorf("docs/monitoring.md has not one row for %s", name)
			}
		}
	}
}

// TestRulesInPrometheus lets the server evaluate all rules over what a real Caddy shows.
func TestRulesInPrometheus(t *testing.T) {
	address := prometheus(t)
	type evaluated struct {
		Name, Health, LastError, State string
		Alerts                         []struct{ Labels map[string]string }
	}
	look := func() (rules map[string]evaluated, pending string) {
		var answer struct {
			Groups []struct{ Rules []evaluated }
		}
		if err := ask(address, "rules", url.Values{}, &answer); err != nil {
			t.Fatal(err)
		}
		rules = map[string]evaluated{}
		for _, group := range answer.Groups {
			for _, rule := range group.Rules {
				rules[rule.Name] = rule
				if rule.Health != "ok" {
					pending += fmt.Sprintf("%s: health %s: %s\n", rule.Name, rule.Health, rule.LastError)
				}
				// Before the first answer of Caddy something may seem to be wrong.
				if alerts := rule.State != ""; alerts && rule.State != "inactive" && rule.Name != "OAuthGuardRuleFiresFirst" && rule.Name != "OAuthGuardMostRefused" {
					pending += fmt.Sprintf("%s is %s at a healthy Caddy\n", rule.Name, rule.State)
				}
			}
		}
		if len(rules["OAuthGuardRuleFiresFirst"].Alerts) < 2 {
			pending += "OAuthGuardRuleFiresFirst does not tell of the rules that fired\n"
		}
		return rules, pending
	}
	rules, pending := look()
	for deadline := time.Now().Add(patience); pending != ""; rules, pending = look() {
		if time.Now().After(deadline) {
			t.Fatal(pending)
		}
		time.Sleep(250 * time.Millisecond)
	}
	for _, group := range groups(t) {
		for _, rule := range group.Rules {
			if _, loaded := rules[rule.Alert+rule.Record]; !loaded {
				t.Errorf("%s%s is not loaded", rule.Alert, rule.Record)
			}
			if rule.Record != "" {
				if _, err := wanted(address, rule.Record); err != nil {
					t.Error(err)
				}
			}
		}
	}
	var fired []string
	for _, alert := range rules["OAuthGuardRuleFiresFirst"].Alerts {
		fired = append(fired, alert.Labels["rule"]+" "+alert.Labels["mode"])
	}
	for _, want := range []string{"authorize.redirect_uri.unregistered enforce", "token.authentication.repeated report"} {
		if !slices.Contains(fired, want) {
			t.Errorf("OAuthGuardRuleFiresFirst tells of %q, want %s among them", fired, want)
		}
	}
}

// TestAlertsAtRealFaults makes real faults, and waits until Prometheus would alert: that the expressions fit what Caddy shows, and not only the series of the tests of promtool.
func TestAlertsAtRealFaults(t *testing.T) {
	address := prometheus(t)
	begun := func(alert, label, value string) {
		t.Helper()
		expression := fmt.Sprintf(`ALERTS{alertname=%q, %s=%q}`, alert, label, value)
		if _, err := wanted(address, expression); err != nil {
			t.Error(err)
		}
	}
	running.hub.Down()
	begun("OAuthGuardSourceFailing", "source", "hub:"+running.hub.URL())
	if err := running.hub.Up(); err != nil {
		t.Fatal(err)
	}
	if _, err := wanted(address, `caddy_oauth_guard_source_state{source=~"hub:.*", state="fresh"} == 1`); err != nil {
		t.Error(err)
	}
	// Somebody loads a configuration without the guard.
	directives := running.site.Directives
	again := func(lines string) {
		t.Helper()
		if err := running.caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		running.site.Directives = lines
		caddy, err := front.Start(os.Getenv("XDG_DATA_HOME"), running.site)
		if err != nil {
			t.Fatal(err)
		}
		running.caddy = caddy
	}
	again("metrics /metrics")
	begun("OAuthGuardGone", "instance", running.site.Address)
	begun("OAuthGuardAbsent", "severity", "critical")
	again(directives)
	if _, err := wanted(address, `absent(ALERTS{alertname="OAuthGuardGone"})`); err != nil {
		t.Error(err)
	}
}
