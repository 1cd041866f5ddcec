package authorize

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	withResponseType = rule.When{Names: scan.NamesOf(scan.ResponseType)}
	withResponseMode = rule.When{Names: scan.NamesOf(scan.ResponseMode)}
)

// Responses are the rules about how the response is chosen and delivered.
var Responses = []rule.Rule{
	repeated("authorize.state.repeated", scan.State, "One is checked by the client, the other one by nobody.", "RFC 6749 section 3.1 with erratum 5708", "A-05"),
	repeated("authorize.response_mode.repeated", scan.ResponseMode, "The answer may be delivered in either way.", "OAuth 2.0 Multiple Response Types section 2.1", "A-06"),
	repeated("authorize.response_type.repeated", scan.ResponseType, "Servers take the first or the last: a code or a token.", "RFC 6749 section 3.1 with erratum 5708", "A-05"),
	{
		ID: "authorize.response_type.missing", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Lacks: scan.NamesOf(scan.ResponseType)},
		Title:       "response_type is missing or empty",
		Why:         "The server would have to choose the flow. The error goes to the query of the redirect URI.",
		Source:      "RFC 6749 section 3.1.1",
		Covers:      []string{"A-22"},
		Description: "response_type is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.ResponseType) && !c.RequestObject() },
	},
	{
		ID: "authorize.response_type.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddResponse},
		Title:       "response_type is not a list of words of letters, digits and underscores with single blanks between",
		Why:         "Servers that trim, split or search for substrings each see something else.",
		Source:      "RFC 6749 section 3.1.1 and appendix A.3",
		Covers:      []string{"A-23"},
		Description: "response_type is malformed",
		Check: func(c *rule.Case) bool {
			value := c.Get(scan.ResponseType)
			return value != "" && !wordList(value)
		},
	},
	{
		ID: "authorize.response_type.unsupported", Endpoints: requests, Error: "unsupported_response_type", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddResponse},
		Title: "response_type holds an unknown word, a word twice, or none beside others",
		Why: "The registered types are combinations of code, token and id_token, and none. Their order does not matter. " +
			"(Hub's page spells the error unsupported_responce_type; that typo never goes on the wire.)",
		Source:      "RFC 6749 section 4.1.2.1, OAuth 2.0 Multiple Response Types sections 2 to 5",
		Covers:      []string{"A-24", "F-04"},
		Description: "the response_type is not supported",
		Check: func(c *rule.Case) bool {
			value := c.Get(scan.ResponseType)
			return wordList(value) && !knownResponseType(value)
		},
	},
	{
		ID: "authorize.response_type.not_allowed", Endpoints: requests, Error: "unauthorized_client", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Limited},
		Title:       "The client may not use this response_type",
		Why:         "A client registered for codes must not be talked into tokens in the URL.",
		Source:      "RFC 6749 section 4.1.2.1, RFC 7591 section 2",
		Covers:      []string{"A-25"},
		Description: "the client may not use this response_type",
		Check: func(c *rule.Case) bool {
			client, standing := c.Client()
			if standing != rule.Known || client.ResponseTypes == nil || !c.Has(scan.ResponseType) {
				return false
			}
			return !slices.ContainsFunc(client.ResponseTypes, func(allowed string) bool { return rule.SameWords(allowed, c.Get(scan.ResponseType)) })
		},
	},
	{
		ID: "authorize.response_type.implicit", Endpoints: requests, Error: "unsupported_response_type", Delivery: rule.Redirect, Modes: rule.EnforceOAuth21, When: rule.When{Traits: rule.OddResponse},
		Title:       "response_type asks for an access token in the URL",
		Why:         "Tokens in URLs leak through history, referrers and logs. Off by default: many clients of older servers need it.",
		Source:      "RFC 9700 section 2.1.2",
		Covers:      []string{"A-26", "W-02"},
		Description: "the implicit grant is not supported",
		Check:       func(c *rule.Case) bool { return rule.HasWord(c.Get(scan.ResponseType), "token") },
	},
	{
		ID: "authorize.response_type.not_code", Endpoints: requests, Error: "unsupported_response_type", Delivery: rule.Redirect, Modes: rule.EnforceFAPI2, When: rule.When{Traits: rule.OddResponse},
		Title:       "response_type is another than code",
		Why:         "Nothing but a code may pass through the browser. Only in the profile fapi2; OpenID Connect has other types that are legal elsewhere.",
		Source:      "FAPI 2.0 Security Profile section 5.3.2.2",
		Covers:      []string{"F-01"},
		Description: "the response_type must be code",
		Check: func(c *rule.Case) bool {
			value := c.Get(scan.ResponseType)
			return value != "" && value != "code"
		},
	},
	{
		ID: "authorize.response_mode.unsupported", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard, When: withResponseMode,
		Title:       "response_mode is unknown",
		Why:         "Known are query, fragment, form_post, web_message, and the same of JARM with jwt. Hub ignores the parameter.",
		Source:      "OAuth 2.0 Multiple Response Types section 2.1, OAuth 2.0 Form Post Response Mode, JARM section 2.3",
		Covers:      []string{"A-27"},
		Description: "the response_mode is not supported",
		Check: func(c *rule.Case) bool {
			switch c.Get(scan.ResponseMode) {
			case "", "query", "fragment", "form_post", "web_message", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt":
				return false
			}
			return true
		},
	},
	{
		ID: "authorize.response_mode.query_forbidden", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard, When: withResponseMode,
		Title:       "response_mode is query, and the response holds a token",
		Why:         "Queries are sent to servers and written to logs.",
		Source:      "OAuth 2.0 Multiple Response Types sections 3 and 5",
		Covers:      []string{"A-28"},
		Description: "response_mode query is not allowed with this response_type",
		Check: func(c *rule.Case) bool {
			return c.Get(scan.ResponseMode) == "query" && CarriesToken(c.Get(scan.ResponseType))
		},
	},
}

// repeated makes the rule that a parameter of its own occurs once. In pushed requests the rules about forms say so.
func repeated(id string, name scan.Name, why, source, covers string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: here, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere,
		OwnForms: name != scan.Scope, // a consent form may repeat scope
		When:     rule.When{Traits: rule.Repeating},
		Title:    name.String() + " occurs more than once, or with different values in query and body", Why: why, Source: source,
		Covers: []string{covers, "A-03"}, Description: name.String() + " must occur once",
		Check: func(c *rule.Case) bool { return c.Repeats(name) },
	}
}

// CarriesToken reports whether a response of that type holds a token, so that it belongs into the fragment.
func CarriesToken(responseType string) bool {
	return rule.HasWord(responseType, "token") || rule.HasWord(responseType, "id_token")
}

// wordList reports whether s matches RFC 6749 appendix A.3.
func wordList(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case c == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ':
		default:
			return false
		}
	}
	return s != ""
}

func knownResponseType(value string) bool {
	if value == "code" || value == "none" {
		return true
	}
	code, token, idToken := false, false, false
	for value != "" {
		var word string
		word, value, _ = strings.Cut(value, " ")
		var seen *bool
		switch word {
		case "code":
			seen = &code
		case "token":
			seen = &token
		case "id_token":
			seen = &idToken
		default:
			return false
		}
		if *seen {
			return false
		}
		*seen = true
	}
	return true
}
