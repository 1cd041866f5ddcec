package validators

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// TestExplain compares what is explained with what is decided, for every vector and profile.
func TestExplain(t *testing.T) {
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	explained := 0
	for _, profile := range rule.Profiles() {
		config := testConfig(profile)
		config.Exempt = map[string][]string{"app": {"authorize.scope.*", "token.scope.*"}}
		engine := newEngine(t, config)
		for id, file := range files {
			for _, vector := range file.Vectors {
				request, err := vector.Parse()
				if err != nil {
					t.Fatal(err)
				}
				verdict, looks := engine.Explain(new(rule.Case), request, engine.Route(request.Path), testDirectory(t, vector.Directory))
				var fired []string
				for _, look := range looks {
					if look.Outcome == Fired {
						fired = append(fired, look.Rule.ID+" "+look.Mode.String())
					}
				}
				var found []string
				for _, finding := range verdict.Findings {
					found = append(found, finding.Rule.ID+" "+finding.Mode.String())
				}
				if diff := cmp.Diff(found, fired); diff != "" {
					t.Errorf("%s, %s, %s (-decided +explained):\n%s", id, vector.Name, profile, diff)
				}
				explained += len(fired)
			}
		}
	}
	if explained == 0 {
		t.Error("nothing was explained")
	}
}

// TestExplainExemption shows a rule that fires for a client that is exempted from it.
func TestExplainExemption(t *testing.T) {
	config := testConfig(rule.RFC6749)
	config.Overrides = []Override{{Pattern: "authorize.state.missing", Mode: rule.Enforce}}
	config.Exempt = map[string][]string{"app": {"authorize.state.missing"}}
	engine := newEngine(t, config)
	request := rule.Request{Method: "GET", Path: "/oauth2/auth", Query: "response_type=code&client_id=app"}
	_, looks := engine.Explain(new(rule.Case), request, engine.Route(request.Path), testDirectory(t, ""))
	for _, look := range looks {
		if look.Rule.ID == "authorize.state.missing" {
			if look.Outcome != Exempted || look.Mode != rule.Enforce {
				t.Errorf("%v %v, want exempted and enforce", look.Outcome, look.Mode)
			}
			return
		}
	}
	t.Error("the rule did not look")
}
