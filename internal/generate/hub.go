package main

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// hubReason is one reason that Hub's page "OAuth 2.0 Errors" gives for an error code.
type hubReason struct {
	// says is the reason in the words of the page, or close to them.
	says string
	// rules are patterns. Of the rules that answer with the row's code, each goes to the first reason that names it.
	rules []string
	// also are patterns of rules that belong here and answer with another code.
	also []string
	// own is what only Hub can judge.
	own string
}

// hubRow is one row of that page.
type hubRow struct {
	endpoint rule.Endpoint
	code     string
	reasons  []hubReason
}

var hubRows = []hubRow{
	{rule.Authorize, "invalid_request", []hubReason{
		{says: "is missing a required parameter", rules: []string{"authorize.*.missing"}},
		{says: "includes a parameter more than once", rules: []string{"authorize.*.repeated"}},
		{says: "check that provided service_id exists", rules: []string{"authorize.client_id.unknown"}, also: []string{"authorize.client_id.unjudged"},
			own: "a client_id that is an https URL: its registration is a document that Hub fetches"},
		{says: "includes an invalid parameter value, or is otherwise malformed", rules: []string{"*"}},
	}},
	{rule.Authorize, "unauthorized_client", []hubReason{
		{says: "the redirect_URI is not provided", rules: []string{"authorize.redirect_uri.missing*"}},
		{says: "make sure your service provides at least one redirect_uri", rules: []string{"authorize.redirect_uri.none_registered"}},
		{says: "the redirect_URI is incorrect", rules: []string{"authorize.redirect_uri.*"},
			own: "how relative redirect URIs are joined; the guard lets every plausible join pass"},
		{says: "is not authorized to request an authorization code using this method", rules: []string{"*"}},
	}},
	{rule.Authorize, "unsupported_response_type", []hubReason{
		{says: "does not support obtaining an authorization code using this method (spelled unsupported_responce_type there)", rules: []string{"*"},
			own: "flows that the administrator switched off for a service, unless its record lists response_types"},
	}},
	{rule.Authorize, "invalid_scope", []hubReason{
		{says: "does not match any registered service", rules: []string{"*.unregistered_service"}},
		{says: "make sure that request is correct", rules: []string{"*"}, own: "which services a user may reach"},
	}},
	{rule.Token, "invalid_request", []hubReason{
		{says: "a parameter may be missing", rules: []string{"token.*.missing", "token.client_id.not_identified", "token.client_secret.orphan"}},
		{says: "repeats a parameter", rules: []string{"token.parameter.repeated", "token.extension.repeated", "token.unknown.repeated"}},
		{says: "includes multiple credentials, utilizes more than one mechanism for authenticating the client",
			rules: []string{"token.authentication.*", "token.client_id.mismatch", "wire.authorization.repeated"}},
		{says: "Authorization header is not of the Bearer type (at requests with an access token, not here)", also: []string{"bearer.*"},
			own: "whether a token is genuine, expired or sufficient"},
		{says: "includes an unsupported parameter value, or is otherwise malformed", rules: []string{"*"}},
	}},
	{rule.Token, "invalid_client", []hubReason{
		{says: "the client is unknown", rules: []string{"token.client_id.*"}, also: []string{"token.client_id.unjudged"}},
		{says: "no client authentication included", rules: []string{"token.client_authentication.missing"}},
		{says: "authentication method is unsupported; Authorization header of invalid format", rules: []string{"*"}, own: "whether the secret is right"},
	}},
	{rule.Token, "invalid_grant", []hubReason{
		{says: "refresh token was issued to another client, or is unknown", rules: []string{"token.refresh_token.*"}, own: "who owns a refresh token, and whether it still exists"},
		{says: "authorization code is unknown or of invalid format", rules: []string{"*"}, own: "whether a code exists, is used or expired, and fits its code_verifier"},
		{says: "service secret is of invalid format", also: []string{"wire.control_character", "wire.utf8.invalid"}, own: "every other form of a secret"},
		{says: "credentials of the service owner are invalid", own: "all of it"},
		{says: "requested scope does not match the one allowed by the access token", own: "all of it"},
	}},
	{rule.Token, "unauthorized_client", []hubReason{
		{says: "the service is not verified", rules: []string{"*"}},
	}},
	{rule.Token, "unsupported_grant_type", []hubReason{
		{says: "the grant type is not supported by Hub", rules: []string{"*"}, own: "extension grants, which administrators name as they like"},
	}},
	{rule.Token, "invalid_scope", []hubReason{
		{says: "does not match any registered service", rules: []string{"*"}, own: "which services a user may reach"},
	}},
}

// hubPage maps the rows of Hub's page to rules.
func (p *page) hubPage() error {
	p.WriteString(hubText)
	told := make(map[*rule.Rule]bool)
	for i := range hubRows {
		row := &hubRows[i]
		placed := make(map[*rule.Rule]bool)
		for j := range row.reasons {
			reason := &row.reasons[j]
			rules := row.claim(reason, placed)
			others, err := matching(reason.also)
			if err != nil {
				return fmt.Errorf("hub page, %s %s: %w", row.endpoint, row.code, err)
			}
			for _, pattern := range reason.rules {
				if len(validators.Matching(pattern)) == 0 {
					return fmt.Errorf("hub page, %s %s: no rule matches %s", row.endpoint, row.code, pattern)
				}
			}
			for _, r := range append(rules, others...) {
				told[r] = true
			}
			p.print("| %s `%s` | %s | %s | %s |\n", row.endpoint, row.code, prose(reason.says), row.cell(rules, others), prose(reason.own))
		}
	}
	p.print("\nThese rules answer with codes that are younger than the page, or guard what it does not mention: %s.\n", ruleLinks(untold(told)))
	return nil
}

// claim finds the rules of a row that no earlier reason has claimed.
func (row *hubRow) claim(reason *hubReason, placed map[*rule.Rule]bool) []*rule.Rule {
	var rules []*rule.Rule
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		if !r.Endpoints.Has(row.endpoint) || hubCode(r) != row.code || placed[r] {
			continue
		}
		for _, pattern := range reason.rules {
			if rule.MatchID(pattern, r.ID) {
				placed[r] = true
				rules = append(rules, r)
				break
			}
		}
	}
	return rules
}

// cell lists the rules of one reason. Where all rules of a group that apply are among them, the group stands for them.
func (row *hubRow) cell(rules, others []*rule.Rule) string {
	var parts []string
	for _, group := range []string{"path", "wire", "transport"} {
		var rest, members []*rule.Rule
		for _, r := range rules {
			if groupOf(r.ID) == group {
				members = append(members, r)
			} else {
				rest = append(rest, r)
			}
		}
		if len(members) > 1 {
			parts = append(parts, fmt.Sprintf("%d rules of [`%s.*`](#%s)", len(members), group, group))
			rules = rest
		}
	}
	for _, r := range append(rules, others...) {
		parts = append(parts, ruleLink(r.ID)+row.remark(r))
	}
	return strings.Join(parts, ", ")
}

// remark says in brackets what is not usual about a rule in this row: its mode, and its answer.
func (row *hubRow) remark(r *rule.Rule) string {
	var remarks []string
	if mode := r.Modes.In(rule.Hub); mode != rule.Enforce {
		remarks = append(remarks, mode.String())
	}
	switch answer := hubCode(r); answer {
	case row.code:
	case "":
		remarks = append(remarks, "bare challenge")
	default:
		remarks = append(remarks, "answers "+code(answer))
	}
	if len(remarks) == 0 {
		return ""
	}
	return " (" + strings.Join(remarks, ", ") + ")"
}

// hubCode is the error code of a rule in the profile hub.
func hubCode(r *rule.Rule) string {
	if r.Error == rule.RedirectURIError {
		return validators.DefaultRedirectURIError(rule.Hub)
	}
	return r.Error
}

// matching lists the rules that patterns match; each must match one.
func matching(patterns []string) ([]*rule.Rule, error) {
	var rules []*rule.Rule
	for _, pattern := range patterns {
		ids := validators.Matching(pattern)
		if len(ids) == 0 {
			return nil, fmt.Errorf("no rule matches %s", pattern)
		}
		for _, id := range ids {
			r, _ := validators.Lookup(id)
			rules = append(rules, r)
		}
	}
	return rules, nil
}

func untold(told map[*rule.Rule]bool) []*rule.Rule {
	var rules []*rule.Rule
	for i := range validators.Catalogue() {
		if r := &validators.Catalogue()[i]; !told[r] {
			rules = append(rules, r)
		}
	}
	return rules
}
