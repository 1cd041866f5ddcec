package authorize

import (
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// extensions are the single-valued parameters that other standards than RFC 6749 define here. resource and audience may repeat.
var extensions = rule.RelevantNames(rule.Authorize) &^ scan.NamesOf(scan.ResponseType, scan.ClientID, scan.RedirectURI, scan.Scope, scan.State,
	scan.ResponseMode, scan.Resource, scan.Audience, scan.RequestCredentials)

// Parameters are the rules about the other parameters of RFC 6749, RFC 8707 and RFC 9396.
var Parameters = []rule.Rule{
	repeated("authorize.scope.repeated", scan.Scope, "Servers take the first, the last or all.", "RFC 6749 section 3.1 with erratum 5708", "A-05"),
	{
		ID: "authorize.extension.repeated", Endpoints: here, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceEverywhere, OwnForms: true, When: rule.When{Traits: rule.Repeating},
		Title:       "A single-valued parameter of an extension occurs more than once, such as nonce, prompt or code_challenge",
		Why:         "Which of them counts differs; a second code_challenge undoes the first.",
		Source:      "RFC 7636, OpenID Connect Core section 3.1.2.1, RFC 9101; RFC 8707 lets resource repeat",
		Covers:      []string{"A-06"},
		Description: "a parameter must occur once",
		Check:       func(c *rule.Case) bool { return c.Repeated(extensions) != 0 },
		Subject:     func(c *rule.Case) scan.Name { return c.Repeated(extensions).First() },
	},
	{
		ID: "authorize.scope.malformed", Endpoints: requests, Error: "invalid_scope", Delivery: rule.Redirect, Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddScope},
		Title:       "scope is not a list of printable ASCII words, without quotes and backslashes, with single blanks between",
		Why:         "The grammar keeps scopes comparable. Names of Hub services may hold other characters.",
		Source:      "RFC 6749 section 3.3 and appendix A.4",
		Covers:      []string{"A-30"},
		Description: "scope is malformed",
		Check:       func(c *rule.Case) bool { return !rule.Scope(c.Get(scan.Scope)) },
	},
	{
		ID: "authorize.scope.missing", Endpoints: requests, Error: "invalid_scope", Delivery: rule.Redirect, Modes: rule.OnRequest, When: rule.When{Lacks: scan.NamesOf(scan.Scope)},
		Title:       "scope is missing",
		Why:         "For servers without a default scope. Off by default: a server may have one.",
		Source:      "RFC 6749 section 3.3",
		Covers:      []string{"A-31"},
		Description: "scope is missing",
		Check:       func(c *rule.Case) bool { return !c.Has(scan.Scope) && !c.RequestObject() },
	},
	{
		ID: "authorize.scope.not_allowed", Endpoints: requests, Error: "invalid_scope", Delivery: rule.Redirect, Modes: rule.ReportEverywhere, When: rule.When{Traits: rule.Limited},
		Title:       "scope holds a word that the client's record does not list",
		Why:         "Servers may ignore such a word instead, so the finding is only reported.",
		Source:      "RFC 6749 sections 3.3 and 4.1.2.1, RFC 7591 section 2",
		Covers:      []string{"A-32"},
		Description: "the client may not ask for this scope",
		Check: func(c *rule.Case) bool {
			client, standing := c.Client()
			return standing == rule.Known && ScopeBeyond(c.Get(scan.Scope), client.Scopes)
		},
	},
	{
		ID: "authorize.scope.unregistered_service", Endpoints: requests, Error: "invalid_scope", Delivery: rule.Redirect, Modes: rule.Modes{Hub: rule.Report}, When: rule.When{Traits: rule.OtherScope},
		Title:       "No word of scope names a registered service",
		Why:         "Hub's scopes are services. Only judged when the source holds all services of a Hub.",
		Source:      "Hub documentation, OAuth 2.0 Errors: \"does not match any registered service\"",
		Description: "the scope does not match any registered service",
		Check:       NoServiceNamed,
	},
	{
		ID: "authorize.state.malformed", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Signs: scan.NonASCII | scan.Control},
		Title:       "state holds a character that is not printable ASCII",
		Why:         "It would not come back as it was sent.",
		Source:      "RFC 6749 appendix A.5",
		Covers:      []string{"A-33"},
		Description: "state holds a character that is not allowed",
		Check:       func(c *rule.Case) bool { return !c.Printable(scan.State) },
	},
	{
		ID: "authorize.state.missing", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.OnRequest, When: withResponseType,
		Title:       "Neither state nor code_challenge nor nonce",
		Why:         "Nothing binds the response to the browser that asked. Off by default: state is optional, and many Hub clients send none.",
		Source:      "RFC 6749 section 10.12, RFC 9700 section 4.7",
		Covers:      []string{"A-34"},
		Description: "state is missing",
		Check: func(c *rule.Case) bool {
			return c.Parameters.Seen.Has(scan.ResponseType) && !c.Has(scan.State) && !c.Has(scan.CodeChallenge) && !c.Has(scan.Nonce) && !c.RequestObject()
		},
	},
	{
		ID: "authorize.state.short", Endpoints: requests, Error: "invalid_request", Delivery: rule.Redirect, Modes: rule.OnRequest,
		When:        rule.When{Names: scan.NamesOf(scan.State, scan.Nonce)},
		Title:       "state or nonce has fewer than 8 characters",
		Why:         "It can be guessed. Off by default: its length is no proof of its entropy.",
		Source:      "RFC 6749 section 10.10",
		Covers:      []string{"A-35"},
		Description: "state or nonce is too short",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.State) && len(c.Get(scan.State)) < 8 || c.Has(scan.Nonce) && len(c.Get(scan.Nonce)) < 8
		},
	},
	{
		ID: "authorize.resource.malformed", Endpoints: requests, Error: "invalid_target", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Traits: rule.OddResource},
		Title:       "resource is not an absolute URI, or has a fragment",
		Why:         "It names the audience of the token.",
		Source:      "RFC 8707 section 2",
		Covers:      []string{"A-46"},
		Description: "resource must be an absolute URI without a fragment",
		Check:       MalformedResource,
	},
	{
		ID: "authorize.authorization_details.malformed", Endpoints: requests, Error: "invalid_authorization_details", Delivery: rule.Redirect, Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.AuthorizationDetails)},
		Title:       "authorization_details is not a JSON array of objects, each with a string type",
		Why:         "A server that reads it leniently grants something else than was shown.",
		Source:      "RFC 9396 sections 2 and 5",
		Covers:      []string{"A-45"},
		Description: "authorization_details is malformed",
		Check: func(c *rule.Case) bool {
			return c.Has(scan.AuthorizationDetails) && !ValidAuthorizationDetails(c.Get(scan.AuthorizationDetails))
		},
	},
}

// ScopeBeyond reports whether a scope has a word that is not among the allowed ones, or more than 512 words; nil allows all.
func ScopeBeyond(scope string, allowed []string) bool {
	if allowed == nil {
		return false
	}
	among := func(word string) bool { return slices.Contains(allowed, word) }
	if len(scope) > longScope && len(allowed) > fewScopes {
		set := make(map[string]struct{}, len(allowed))
		for _, word := range allowed {
			set[word] = struct{}{}
		}
		among = func(word string) bool { _, found := set[word]; return found }
	}
	beyond, words := false, 0
	rule.Words(scope, func(word string) bool {
		words++
		beyond = words > maxWords || !among(word)
		return !beyond
	})
	return beyond
}

// longScope in bytes and fewScopes are from where on looking for each word in a list takes longer than making a set of it.
const (
	longScope = 1 << 10
	fewScopes = 8
)

// maxWords is how many words of a scope are looked at. No client has as many; what is behind them counts as not registered.
const maxWords = 512

// NoServiceNamed reports whether a directory that knows every service of a Hub knows none of the first 512 words of the scope. OpenID Connect's own scopes are no services.
func NoServiceNamed(c *rule.Case) bool {
	if c.Directory == nil || !c.Has(scan.Scope) {
		return false
	}
	// The first word mostly says it, and needs no decoding.
	raw, _ := c.Parameters.Raw(scan.Scope)
	if word := plainWord(raw); word != "" && mayServe(c.Directory, word) {
		return false
	}
	none, words := true, 0
	rule.Words(c.Get(scan.Scope), func(word string) bool {
		words++
		none = !mayServe(c.Directory, word)
		return none && words < maxWords
	})
	return none
}

// plainWord is the first word of a form-encoded text, empty if it needs decoding.
func plainWord(raw string) string {
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '+':
			return raw[:i]
		case '%', ' ':
			return ""
		}
	}
	return raw
}

// mayServe reports whether a word is a scope of OpenID Connect, or names a service, for all that the directory knows.
func mayServe(directory rule.Directory, word string) bool {
	switch word {
	case "openid", "profile", "email", "address", "phone", "offline_access":
		return true
	}
	known, complete := directory.Service(word)
	return known || !complete
}

// MalformedResource reports whether some resource parameter is not an absolute URI without a fragment, RFC 8707 section 2.
func MalformedResource(c *rule.Case) bool {
	for i := range c.Parameters.List {
		item := &c.Parameters.List[i]
		if item.Name != scan.Resource {
			continue
		}
		value := c.Parameters.Value(item)
		if value != "" && (!redirecturi.Absolute(value) || !strings.Contains(value, ":")) {
			return true
		}
	}
	return false
}
