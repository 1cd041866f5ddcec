package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// section is a part of the standards matrix.
type section struct {
	letter, title string
	rows          int
}

// sections are the parts of the standards matrix that this version answers for, and how many rows each has. Rows are numbered from 01.
var sections = []section{
	{"T", "Transport and parsing", 10},
	{"A", "Authorization endpoint", 57},
	{"P", "PKCE", 9},
	{"K", "Token endpoint", 35},
	{"B", "Access tokens", 15},
	{"Z", "Routing and HTTP oddities", 5},
}

// note is what is to be said about a row beside, or instead of, its rules.
type note struct {
	text string
	// passes are near misses that show that what the row allows does pass.
	passes []nearMiss
}

type nearMiss struct{ rule, name string }

// notes has an entry for each row that no rule covers, and for some others.
var notes = map[string]note{
	"T-02": {text: "Go's HTTP server decides on the framing of messages before any handler runs: see the [threat model](threat-model.md#what-is-decided-before-the-guard)."},
	"T-09": {text: "By the standard such a name is unknown and must be ignored. It is refused because some servers do not tell cases apart."},

	"A-07": mustPass("`resource` may repeat.", nearMiss{"authorize.extension.repeated", "resource may repeat"},
		nearMiss{"token.parameter.repeated", "resource may repeat"}),
	"A-08": mustPass("Unknown parameters may repeat; the token endpoint reports them.", nearMiss{"authorize.extension.repeated", "unknown ones may repeat"},
		nearMiss{"token.extension.repeated", "an unknown one twice"}),
	"A-09": mustPass("Unknown parameters are ignored.", nearMiss{"wire.utf8.invalid", "UTF-8 in an unknown parameter"}),
	"A-37": mustPass("`nonce` is optional for `response_type` `code`.", nearMiss{"authorize.nonce.missing", "code alone"}),
	"A-44": {text: "Which of these parameters a server supports is written in its metadata, which the guard does not read. The option `request_objects` says how they are treated."},
	"A-47": {text: "Delivery: an error is redirected only with proof, by status 303, according to `errors delivery` and the client's `delivery`."},
	"A-48": {text: "Delivery: the query of the redirect URI stays, the parameters of the error follow it."},
	"A-49": {text: "Delivery: query, fragment or form post, by `response_type` and `response_mode`."},
	"A-50": {text: "Delivery: `state` returns as it came, if it came once. Descriptions are texts of the catalogue, in the alphabet of the standard."},
	"A-51": {text: "Delivery: `errors issuer` adds `iss`. It must be set if the server sends `iss`."},
	"A-52": {text: "Delivery: a redirected error holds `error`, `error_description`, `error_uri`, `state` and `iss`, and nothing else."},
	"A-53": {text: "Delivery: for a `response_mode` of JARM the answer is a page, since the guard has no key to sign with."},
	"A-54": {text: "Delivery: the status of a redirection is 303, so that no browser posts the request again."},
	"A-55": {text: "Response side: pages and redirections of the guard forbid framing. Answers of the server are not changed."},
	"A-56": {text: "Response side: pages and redirections of the guard have `Referrer-Policy: no-referrer`. Answers of the server are not changed."},
	"A-57": {text: "Response side: nothing is appended to redirections, neither to the server's, which are not changed, nor to the guard's own."},

	"P-08": {text: "Not knowable from one request: it takes the authorization request that the code came from."},
	"P-09": {text: "The server's state: only the server knows the challenge."},

	"K-07": mustPass("`audience`, `resource` and `permission` may repeat.", nearMiss{"token.parameter.repeated", "audience may repeat"},
		nearMiss{"token.parameter.repeated", "permission may repeat"}),
	"K-09": {text: "A parameter without a value counts as missing in every rule."},
	"K-22": mustPass("An equal `client_id` beside Basic is legal.", nearMiss{"token.client_id.mismatch", "equal"}),
	"K-25": mustPass("Both readings of a Basic value are tried.", nearMiss{"token.client_id.mismatch", "equal, form-encoded in the header"},
		nearMiss{"token.client_id.mismatch", "equal, raw in the header, with a colon"}),
	"K-28": {text: "Delivery: every `invalid_client` after an `Authorization` header has status 401 and a `Basic` challenge."},
	"K-29": {text: "Delivery: errors of the token endpoint are JSON with `Cache-Control: no-store` and `Pragma: no-cache`."},
	"K-33": {text: "Response side: answers of the server are not changed."},
	"K-35": {text: "Response side: answers of the server are not changed."},

	"B-05": {text: "Delivery: a 401 with a bare challenge."},
	"B-10": {text: "Delivery: a challenge names `Bearer` and the realm once, and the error in the alphabet of the standard."},
	"B-11": {text: "Content of the token: the guard does not read access tokens, and Hub's are opaque."},
	"B-12": {text: "Content of the token: the guard does not read access tokens, and Hub's are opaque."},
	"B-13": {text: "Delivery: `errors resource_metadata` adds it to every challenge."},
	"B-14": {text: "Response side: answers of the server are not changed."},

	"Z-03": {text: "`TE`, `Expect` and trailers are handled by Go's HTTP server and Caddy; no parameter is read from a trailer."},

	"F-03": mustPass("The scheme is read in any case.", nearMiss{"bearer.header.malformed", "any case"}),
	"F-04": mustPass("The order of words does not matter.", nearMiss{"authorize.response_type.unsupported", "any order"}),
}

func mustPass(text string, passes ...nearMiss) note {
	return note{text: "Must pass: " + text, passes: passes}
}

// matrix lists the rows, and reports those that nothing is said about.
func (p *page) matrix() error {
	covering := make(map[string][]*rule.Rule)
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		for _, row := range r.Covers {
			covering[row] = append(covering[row], r)
		}
	}
	p.WriteString(matrixText)
	answered := make(map[string]bool)
	for _, section := range sections {
		p.print("\n### %s: %s\n\n| Row | Rules | Remark |\n|---|---|---|\n", section.letter, section.title)
		for n := 1; n <= section.rows; n++ {
			if err := p.row(fmt.Sprintf("%s-%02d", section.letter, n), covering, answered); err != nil {
				return err
			}
		}
	}
	var others []string
	for row := range covering {
		if !answered[row] {
			if slices.ContainsFunc(sections, func(s section) bool { return strings.HasPrefix(row, s.letter+"-") }) {
				return fmt.Errorf("row %s does not exist; it is named by %s", row, covering[row][0].ID)
			}
			others = append(others, row)
		}
	}
	slices.Sort(others)
	p.print("\n### Rows of other sections\n\nThese sections belong to later versions; some of their rows are covered already.\n\n| Row | Rules | Remark |\n|---|---|---|\n")
	for _, row := range others {
		if err := p.row(row, covering, answered); err != nil {
			return err
		}
	}
	for row := range notes {
		if !answered[row] {
			return fmt.Errorf("there is a note on row %s, which does not exist", row)
		}
	}
	return nil
}

func (p *page) row(row string, covering map[string][]*rule.Rule, answered map[string]bool) error {
	said, noted := notes[row]
	if len(covering[row]) == 0 && !noted {
		return fmt.Errorf("row %s has neither a rule that covers it nor a note that says why", row)
	}
	remark := said.text
	for i, miss := range said.passes {
		if !slices.ContainsFunc(p.files[miss.rule].Vectors, func(v vectors.Vector) bool { return v.Name == miss.name && !v.Fires }) {
			return fmt.Errorf("row %s: %s has no near miss %q", row, miss.rule, miss.name)
		}
		separator := ","
		if i == 0 {
			separator = " Tested by"
		}
		remark += fmt.Sprintf("%s “%s” of %s", separator, prose(miss.name), ruleLink(miss.rule))
	}
	answered[row] = true
	p.print("| <a id=\"%s\"></a>%s | %s | %s |\n", rowAnchor(row), row, ruleLinks(covering[row]), remark)
	return nil
}

func rowAnchor(row string) string { return "row-" + strings.ToLower(row) }

func rowLinks(rows []string) []string {
	links := make([]string, len(rows))
	for i, row := range rows {
		links[i] = fmt.Sprintf("[%s](#%s)", row, rowAnchor(row))
	}
	return links
}
