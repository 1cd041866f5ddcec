package hardening_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// row is what became of one sample at one server.
type row struct {
	sample
	alone, behind verdict
}

// report is what became of all samples at one server.
type report struct {
	title string
	rows  []row
}

// count counts the rows with a quality.
func (r report) count(q quality, of func(row) verdict) int {
	count := 0
	for _, row := range r.rows {
		if of(row).quality == q {
			count++
		}
	}
	return count
}

// Both columns of a table.
func alone(r row) verdict  { return r.alone }
func behind(r row) verdict { return r.behind }

// introduction is the text above the tables.
const introduction = `<!-- Written by the end-to-end tests ("make e2e"). Do not edit. -->

# Hardening

What real authorization servers do with invalid requests, alone and with OAuth Guard in front of them. The requests are the
[test vectors](vectors.md) of all [rules](rules.md) that the profile %[1]s enforces at the endpoints that all these servers have, without those that depend on a clock
or a certificate, %[2]d for each server, with real codes and tokens where a
vector needs them: the server has nothing to complain about but what the rule names. The servers are set up as the documentation of their libraries
shows it, behind the same Caddy, once without the guard and once with it. The tests write this page anew each time, and fail if it changed.

* **right**: refused as the standards demand. At the authorization endpoint a page with an error status, or a redirect with an error code of the
  standard to a URI that is registered; at the token endpoint the JSON of RFC 6749 section 5.2 with its status; at a protected resource the challenge of
  RFC 6750 section 3 with its status. Where the path is not the endpoint's, 404 is right too.
* **wrong shape**: refused, but not so that a standard client would understand it.
* **accepted**: the request is served: a login page, a code, a token, the resource.
* **crash**: an error 5xx, or no response at all.

A server that accepts such a request is not always open to an attack: many of these requests matter because the next parser, proxy or
server reads them otherwise. What each one is about stands in the [list of rules](rules.md).

With the guard in front, none of these requests reaches the server.

| Server | | right | wrong shape | accepted | crash |
|---|---|---:|---:|---:|---:|
`

// document writes the page.
func document(reports []report) string {
	var text strings.Builder
	fmt.Fprintf(&text, introduction, "`rfc6749`", len(reports[0].rows))
	for _, r := range reports {
		for _, side := range []struct {
			title string
			of    func(row) verdict
		}{{"alone", alone}, {"with the guard", behind}} {
			fmt.Fprintf(&text, "| %s | %s |", r.title, side.title)
			for _, q := range []quality{right, misshapen, accepted, crashed} {
				fmt.Fprintf(&text, " %d |", r.count(q, side.of))
			}
			text.WriteString("\n")
		}
	}
	for _, r := range reports {
		fmt.Fprintf(&text, "\n## %s\n\nThe worst first.\n\n| Rule | Request | Alone | With the guard |\n|---|---|---|---|\n", r.title)
		rows := slices.Clone(r.rows)
		slices.SortStableFunc(rows, func(a, b row) int { return int(a.alone.quality - b.alone.quality) })
		for _, row := range rows {
			fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", row.rule.ID, escape(row.Name), row.alone, row.behind.reason)
		}
	}
	return text.String()
}

// String writes a verdict as the tables show it.
func (v verdict) String() string { return fmt.Sprintf("%s: %s", v.quality, escape(v.reason)) }

// escape writes text so that Markdown shows it as it is.
func escape(text string) string {
	var escaped strings.Builder
	for _, r := range text {
		if strings.ContainsRune("\\`*{}[]<>#!|~&", r) {
			escaped.WriteByte('\\')
		}
		escaped.WriteRune(r)
	}
	return escaped.String()
}

// publish writes docs/hardening.md, and fails if that changes it.
func publish(t *testing.T, reports []report) {
	t.Helper()
	path := filepath.Join(root, "docs", "hardening.md")
	before, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	after := document(reports)
	if after == string(before) {
		return
	}
	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Errorf("docs/hardening.md has changed: read the difference, and commit it if that is how the servers are now")
}
