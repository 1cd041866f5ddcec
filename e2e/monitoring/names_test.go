package monitoring_test

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestNames compares the metrics that the documents name with those that Caddy shows.
func TestNames(t *testing.T) {
	var shown []string
	if err := ask(prometheus(t), "label/__name__/values", url.Values{}, &shown); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, name := range []string{"/rules.yml", "/rules_test.yml", "/rules_week_test.yml", "/grafana.json", ".md"} {
		content, err := os.ReadFile(documents + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?:^|[^:\w])(caddy_oauth_guard_\w+)`).FindAllStringSubmatch(string(content), -1) {
			used[match[1]] = true
			if !slices.Contains(shown, match[1]) {
				t.Errorf("docs/monitoring%s names %s, which Caddy does not show", name, match[1])
			}
		}
	}
	if encoded, err := json.Marshal(used); len(used) < 6 || err != nil {
		t.Errorf("the documents name only %s (%v)", encoded, err)
	}
}
