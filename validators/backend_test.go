package validators

import (
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// TestBackends: a backend relaxes exactly the rules of its table, a rule line wins, and nothing else changes.
func TestBackends(t *testing.T) {
	relaxed := map[string]map[string]bool{}
	for _, relaxation := range wire.Relaxations {
		r, found := Lookup(relaxation.Rule)
		if !found || r.Exemptible() || relaxation.Evidence == "" || !wire.KnownBackend(relaxation.Backend) {
			t.Errorf("%+v: no rule about bytes, no evidence or no such backend", relaxation)
		}
		if relaxed[relaxation.Backend] == nil {
			relaxed[relaxation.Backend] = map[string]bool{}
		}
		relaxed[relaxation.Backend][relaxation.Rule] = true
	}
	for _, backend := range append([]string{""}, wire.Backends...) {
		for _, profile := range rule.Profiles() {
			config := testConfig(profile)
			config.Backend = backend
			modes, err := newEngine(t, config).modes()
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range Catalogue() {
				want := r.Modes.In(profile)
				if relaxed[backend][r.ID] && want == rule.Enforce {
					want = rule.Report
				}
				if modes[i] != want {
					t.Errorf("backend %q, %s, %s: %v, want %v", backend, profile, r.ID, modes[i], want)
				}
			}
		}
	}
	config := testConfig(rule.RFC6749)
	config.Backend, config.Overrides = "jetty", []Override{{Pattern: "wire.separator.*", Mode: rule.Enforce}}
	if verdict := decide(newEngine(t, config), authorizeRequest("response_type=code&client_id=app&redirect_uri=https://app.example/cb&state=a;b"), nil); verdict.Decision != Reject {
		t.Errorf("a rule line does not win: %v", verdict.Decision)
	}
	config.Overrides = nil
	if verdict := decide(newEngine(t, config), authorizeRequest("response_type=code&client_id=app&redirect_uri=https://app.example/cb&state=a;b"), nil); verdict.Decision != Report {
		t.Errorf("jetty reads a semicolon as the guard does: %v", verdict.Decision)
	}
	config.Backend = "cobol"
	if _, err := New(config); err == nil || !strings.Contains(err.Error(), `backend: unknown kind of server "cobol": use one of unknown, jetty`) {
		t.Errorf("error %v", err)
	}
}

// TestServicesNeedAHub: the rule about services cannot be switched on where nothing has services; a glob may mean other rules.
func TestServicesNeedAHub(t *testing.T) {
	for _, test := range []struct {
		pattern string
		mode    rule.Mode
		want    string
	}{
		{"hub.services.anonymous_registration", rule.Enforce, "only a JetBrains Hub"},
		{"hub.services.anonymous_registration", rule.Report, "only a JetBrains Hub"},
		{"hub.services.anonymous_registration", rule.Off, ""},
		{"hub.*", rule.Enforce, ""},
		{"*", rule.Enforce, ""},
	} {
		config := testConfig(rule.RFC6749)
		config.Services, config.Overrides = "", []Override{{Pattern: test.pattern, Mode: test.mode}}
		_, err := New(config)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s %v: error %v, want %q", test.pattern, test.mode, err, test.want)
		}
	}
}
