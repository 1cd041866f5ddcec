package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// renderReference writes into docs/reference.md, which people write, the tables of what the stricter profiles refuse: between two marks, which must be there.
func renderReference(root string) ([]byte, error) {
	d := document{name: "reference.md"}
	content, err := os.ReadFile(d.in(root))
	if err != nil {
		return nil, err
	}
	text := string(content)
	for _, profile := range []rule.Profile{rule.OAuth21, rule.FAPI2} {
		begin := fmt.Sprintf("<!-- Written by \"make generate\": what %s refuses beyond rfc6749. -->\n", profile)
		const end = "<!-- End of what is written. -->\n"
		before, rest, found := strings.Cut(text, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			return nil, fmt.Errorf("the marks for the profile %s are missing: %s and %s", profile, begin, end)
		}
		var table strings.Builder
		table.WriteString("| Rule | What it refuses |\n|---|---|\n")
		for _, r := range beyond(profile) {
			fmt.Fprintf(&table, "| %s | %s |\n", ruleLinkFrom(r.ID), prose(r.Title))
		}
		text = before + begin + "\n" + table.String() + "\n" + end + after
	}
	return []byte(text), nil
}

// beyond lists what a profile refuses and rfc6749 does not. What oauth21 refuses, fapi2 refuses as well, and its table does not say it again.
func beyond(profile rule.Profile) []*rule.Rule {
	var rules []*rule.Rule
	for _, r := range validators.Stricter(profile) {
		if profile == rule.OAuth21 || r.Modes.OAuth21 != rule.Enforce {
			rules = append(rules, r)
		}
	}
	return rules
}
