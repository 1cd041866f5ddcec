package main

import (
	"bytes"
	_ "embed" // for the texts
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// The texts that introduce the parts of the document.
var (
	//go:embed text/intro.md
	introText string
	//go:embed text/sections.md
	sectionsText string
	//go:embed text/hub.md
	hubText string
)

// groups are the tables: the first word of the rules in them, and what they are about.
var groups = []struct{ name, title, about string }{
	{"path", "Paths", "Spellings of a path that lead a server to an endpoint, although the path is not literally that endpoint."},
	{"wire", "Bytes", "What two parsers could read in two ways: methods, types, encodings, names and sizes. They apply where parameters are read, " +
		"which is everywhere but at `resource` and `registration`."},
	{"transport", "Transport", "How the request arrived."},
	{"authorize", "Authorization endpoint", "What a browser brings to the authorization endpoint."},
	{"token", "Token endpoint", "What a client sends to the token endpoint. The rules about client authentication and repeated parameters hold wherever a client posts a form itself."},
	{"par", "Pushed authorization requests", "What a client pushes to the PAR endpoint. The parameters are those of an authorization request, and judged by the rules of the authorization endpoint; the " +
		"client authenticates as at the token endpoint, and is judged by its rules."},
	{"request_object", "Request objects", "Requests in a JWT (RFC 9101), at the authorization endpoint and pushed, and the addresses that stand for them."},
	{"device", "Device authorization", "What a device sends to get a code that a person types in elsewhere."},
	{"backchannel", "Backchannel authentication", "What a client sends to have a person asked on another device (CIBA)."},
	{"revocation", "Revocation", "What a client sends to give a token back."},
	{"introspection", "Introspection", "What a protected resource sends to ask about a token."},
	{"registration", "Registration", "The metadata with which a client registers itself."},
	{"logout", "Logout", "What a browser brings to the end session endpoint."},
	{"bearer", "Access tokens", "How a request to `userinfo` or `resource` presents its access token, and how one to `introspection` may."},
	{"dpop", "DPoP", "Proofs that the sender has the key that a token is bound to (RFC 9449)."},
	{"mtls", "Mutual TLS", "Certificates of clients (RFC 8705), if their TLS connection ends here."},
	{"hub", "JetBrains Hub", "What Hub itself should refuse. Only in the profile `hub`, and only if switched on."},
}

// page collects the text of the document.
type page struct {
	bytes.Buffer
	files map[string]vectors.File
}

func (p *page) print(format string, arguments ...any) { fmt.Fprintf(p, format, arguments...) }

// render makes the whole document.
func render(root string) ([]byte, error) {
	files, err := vectors.Load(filepath.Join(root, "validators"))
	if err != nil {
		return nil, err
	}
	p := &page{files: files}
	p.WriteString(introText)
	if err := p.tables(); err != nil {
		return nil, err
	}
	p.WriteString(sectionsText)
	for i := range validators.Catalogue() {
		if err := p.section(&validators.Catalogue()[i]); err != nil {
			return nil, err
		}
	}
	if err := p.hubPage(); err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}

func (p *page) tables() error {
	listed := 0
	for _, group := range groups {
		p.print("\n<a id=\"%s\"></a>\n## %s: `%s.*`\n\n%s\n\n", group.name, group.title, group.name, group.about)
		p.print("| ID | Title | Error | Status | Delivery | hub | rfc6749 | oauth21 | fapi2 |\n|---|---|---|---|---|---|---|---|---|\n")
		for i := range validators.Catalogue() {
			r := &validators.Catalogue()[i]
			if groupOf(r.ID) != group.name {
				continue
			}
			listed++
			p.print("| %s | %s | %s | %d | %s | %s | %s | %s | %s |\n", ruleLink(r.ID), prose(r.Title), errorCode(r), r.HTTPStatus(), r.Delivery,
				r.Modes.Hub, r.Modes.RFC6749, r.Modes.OAuth21, r.Modes.FAPI2)
		}
	}
	if listed != len(validators.Catalogue()) {
		return fmt.Errorf("%d rules belong to no table: add their first word to groups", len(validators.Catalogue())-listed)
	}
	return nil
}

func groupOf(id string) string {
	name, _, _ := strings.Cut(id, ".")
	return name
}

func errorCode(r *rule.Rule) string {
	switch r.Error {
	case "":
		return "none"
	case rule.RedirectURIError:
		return "see `redirect_uri_code`"
	}
	if r.FAPIError != "" {
		return code(r.Error) + ", in `fapi2` " + code(r.FAPIError)
	}
	return code(r.Error)
}

// section describes one rule.
func (p *page) section(r *rule.Rule) error {
	p.print("\n<a id=\"%s\"></a>\n### `%s`\n\n%s.\n\n", r.ID, r.ID, prose(r.Title))
	p.print("* Why: %s\n", prose(r.Why))
	p.print("* Source: %s\n", prose(r.Source))
	p.print("* Where: %s\n", strings.Join(endpointNames(r), ", "))
	if r.Delivery == rule.Bare {
		p.print("* Answer: a %d challenge without an error code\n", r.HTTPStatus())
	} else {
		p.print("* Answer: %s, status %d, “%s”, %s\n", errorCode(r), r.HTTPStatus(), description(r), r.Delivery)
	}
	p.print("* Mode: `%s` in `hub`, `%s` in `rfc6749`, `%s` in `oauth21`, `%s` in `fapi2`\n", r.Modes.Hub, r.Modes.RFC6749, r.Modes.OAuth21, r.Modes.FAPI2)
	if r.Exemptible() {
		p.print("* A client can be exempted.\n")
	} else {
		p.print("* No client can be exempted.\n")
	}
	if len(r.Covers) > 0 {
		p.print("* Rows of the matrix: %s\n", strings.Join(rowLinks(r.Covers), ", "))
	}
	fires, misses := first(p.files[r.ID].Vectors, true), first(p.files[r.ID].Vectors, false)
	if fires == nil || misses == nil {
		return fmt.Errorf("%s: validators/*/testdata/%s.json needs a vector that fires and one that does not", r.ID, r.ID)
	}
	p.example("Fires", fires)
	p.example("Does not fire", misses)
	return nil
}

// description is the error_description. Rules about several parameters append the name of the one at fault.
func description(r *rule.Rule) string {
	if r.Subject != nil {
		return prose(r.Description) + ": *name*"
	}
	return prose(r.Description)
}

// endpointNames lists where a rule looks.
func endpointNames(r *rule.Rule) []string {
	var names []string
	for _, endpoint := range rule.AllEndpoints() {
		if r.Endpoints.Has(endpoint) {
			names = append(names, code(endpoint.String()))
		}
	}
	if r.Endpoints.Has(rule.NoEndpoint) {
		names = append(names, "paths that are no endpoint")
	}
	return names
}

func first(list []vectors.Vector, fires bool) *vectors.Vector {
	for i := range list {
		if list[i].Fires == fires {
			return &list[i]
		}
	}
	return nil
}

func (p *page) example(title string, v *vectors.Vector) {
	p.print("\n%s: %s%s\n\n```http\n", title, prose(v.Name), circumstances(v))
	for _, line := range v.Request {
		p.print("%s\n", exampleLine(line))
	}
	p.print("```\n")
}

// circumstances are what the lines of a request do not show.
func circumstances(v *vectors.Vector) string {
	var list []string
	if v.Profile != "" {
		list = append(list, "profile "+v.Profile)
	}
	switch v.Directory {
	case "none":
		list = append(list, "no source of clients")
	case "unjudged":
		list = append(list, "the source of clients has not delivered")
	case "services":
		list = append(list, "the clients are all services of a Hub")
	}
	switch v.Transport {
	case "http":
		list = append(list, "over plain HTTP")
	case "loopback":
		list = append(list, "over HTTP from the same machine")
	}
	switch v.BodyState {
	case "broken":
		list = append(list, "the connection ends inside the body")
	case "too_long":
		list = append(list, "with a body over the limit")
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}
