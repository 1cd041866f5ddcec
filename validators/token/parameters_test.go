package token

import (
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
	"pgregory.net/rapid"
)

// TestMentions compares with a search for each name.
func TestMentions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"co", "de", "client_", "id", "sco", "pe", "to", "ken", "grant", "_type", "=", "&", "as", "sertion", "user", "name", "C", "é", "resource"}), 0, 6).Draw(t, "pieces")
		query, want := strings.Join(pieces, ""), false
		for _, name := range scan.AllNames() {
			want = want || (rule.RelevantNames(rule.Token)&^rule.RepeatableNames).Has(name) && strings.Contains(query, name.String())
		}
		if mentions(query) != want {
			t.Errorf("%q: %v", query, !want)
		}
	})
	for _, name := range scan.AllNames() {
		if want := (rule.RelevantNames(rule.Token) &^ rule.RepeatableNames).Has(name); want && !mentions("x"+name.String()) {
			t.Errorf("%s is not found", name)
		}
	}
}
