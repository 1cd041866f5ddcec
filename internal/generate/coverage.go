package main

import (
	_ "embed" // for the text
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

//go:embed text/coverage.md
var coverageText string

// sections are the parts of the standards matrix, by the letter of their rows.
var sections = []struct{ letter, title string }{
	{"T", "Transport and parsing"},
	{"A", "Authorization endpoint"},
	{"P", "PKCE"},
	{"K", "Token endpoint"},
	{"B", "Access tokens"},
	{"D", "DPoP"},
	{"M", "Mutual TLS"},
	{"J", "Request objects"},
	{"R", "Pushed authorization requests"},
	{"V", "Device authorization"},
	{"O", "Revocation"},
	{"I", "Introspection"},
	{"E", "Assertions"},
	{"X", "Token exchange"},
	{"C", "Backchannel authentication"},
	{"N", "Registration"},
	{"L", "Logout"},
	{"W", "Applications in browsers"},
	{"F", "FAPI 2.0 and conformance"},
	{"Z", "Paths and methods"},
}

// classes explain the letters of the rows.
var classes = map[string]string{
	"S": "request", "C": "configuration", "T": "time", "K": "keys", "R": "answer", "B": "must pass", "X": "server's memory",
}

// renderCoverage makes docs/coverage.md. The error lists the rows about which too little is said; the document is complete apart from these.
func renderCoverage(root string) ([]byte, error) {
	files, err := vectors.Load(filepath.Join(root, "validators"))
	if err != nil {
		return nil, err
	}
	p := &page{files: files}
	covering := make(map[string][]*rule.Rule)
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		for _, id := range r.Covers {
			covering[id] = append(covering[id], r)
		}
	}
	p.WriteString(coverageText)
	p.print("\n%s\n", summary(covering))
	var problems []error
	listed := 0
	for _, section := range sections {
		p.print("\n## %s: %s\n\n| Row | About | Source | Needs | Rules | Remark |\n|---|---|---|---|---|---|\n", section.letter, section.title)
		for i := range rows {
			if strings.HasPrefix(rows[i].id, section.letter+"-") {
				listed++
				problems = append(problems, p.row(&rows[i], covering[rows[i].id]))
			}
		}
	}
	if listed != len(rows) {
		problems = append(problems, fmt.Errorf("%d rows belong to no section", len(rows)-listed))
	}
	known := func(id string) bool { return slices.ContainsFunc(rows, func(r row) bool { return r.id == id }) }
	for id, rules := range covering {
		if !known(id) {
			problems = append(problems, fmt.Errorf("%s covers row %s, which does not exist", rules[0].ID, id))
		}
	}
	for id := range notes {
		if !known(id) {
			problems = append(problems, fmt.Errorf("there is a note on row %s, which does not exist", id))
		}
	}
	return p.Bytes(), errors.Join(problems...)
}

// summary counts the rows.
func summary(covering map[string][]*rule.Rule) string {
	ruled, passing, memory, answers, otherwise := 0, 0, 0, 0, 0
	for i := range rows {
		switch {
		case rows[i].class == "B":
			passing++
		case len(covering[rows[i].id]) > 0:
			ruled++
		case rows[i].class == "X":
			memory++
		case rows[i].class == "R":
			answers++
		default:
			otherwise++
		}
	}
	return fmt.Sprintf("Of %d rows, %d have rules, %d must pass, %d are about what only the server remembers, %d about answers, and %d are met in another way, which the remark tells.",
		len(rows), ruled, passing, memory, answers, otherwise)
}

// row writes one line, and reports what it lacks. What must pass needs near misses that do; everything else needs a rule, or a reason why there is none.
func (p *page) row(r *row, rules []*rule.Rule) error {
	said := notes[r.id]
	var problem error
	switch {
	case r.class == "B" && len(said.passes) == 0:
		problem = fmt.Errorf("row %s must pass, and no near miss shows it", r.id)
	case len(rules) == 0 && said.text == "":
		problem = fmt.Errorf("row %s has neither a rule that covers it nor a note that says why", r.id)
	}
	remark := said.text
	for i, miss := range said.passes {
		if !slices.ContainsFunc(p.files[miss.rule].Vectors, func(v vectors.Vector) bool { return v.Name == miss.name && !v.Fires }) {
			problem = errors.Join(problem, fmt.Errorf("row %s: %s has no near miss %q", r.id, miss.rule, miss.name))
		}
		separator := ","
		if i == 0 {
			separator = " Tested by"
		}
		remark += fmt.Sprintf("%s “%s” of %s", separator, prose(miss.name), ruleLinkFrom(miss.rule))
	}
	links := make([]string, len(rules))
	for i := range rules {
		links[i] = ruleLinkFrom(rules[i].ID)
	}
	p.print("| <a id=\"%s\"></a>%s | %s | %s | %s | %s | %s |\n", rowAnchor(r.id), r.id, prose(r.about), r.source, classes[r.class], strings.Join(links, ", "), remark)
	return problem
}

// ruleLinkFrom is the link to a rule from another document than rules.md.
func ruleLinkFrom(id string) string { return fmt.Sprintf("[`%s`](rules.md#%s)", id, id) }

func rowAnchor(row string) string { return "row-" + strings.ToLower(row) }

// rowLinks are links from rules.md.
func rowLinks(ids []string) []string {
	links := make([]string, len(ids))
	for i, id := range ids {
		links[i] = fmt.Sprintf("[%s](coverage.md#%s)", id, rowAnchor(id))
	}
	return links
}
