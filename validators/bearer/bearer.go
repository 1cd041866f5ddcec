// Package bearer holds the rules of requests that carry access tokens: RFC 6750, at the UserInfo endpoint and at protected resources.
package bearer

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here = rule.Protected
	// inHeader are the endpoints to which an access token may be presented in the Authorization header: introspection is one way of many (RFC 7662 section 2.1).
	inHeader = here | rule.At(rule.Introspection)
)

// Rules are the rules about access tokens.
var Rules = []rule.Rule{
	{
		ID: "bearer.header.repeated", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "More than one Authorization header, or several joined by a comma",
		Why:         "Servers take the first, the last or both joined by a comma: one token is checked, another is used.",
		Source:      "RFC 9110 sections 5.3 and 11.6.2, RFC 6750 section 2",
		Covers:      []string{"B-04", "B-01"},
		Description: "there must be one Authorization header",
		Check: func(c *rule.Case) bool {
			fields := c.AuthorizationHeader
			return len(fields) > 1 || len(fields) == 1 && joined(fields[0])
		},
	},
	{
		ID: "bearer.header.malformed", Endpoints: inHeader, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title: "Bearer without a token, or with a control, a tab, a non-ASCII byte or outer blanks",
		Why: "Parsers trim, cut or join such values differently. Several blanks after Bearer are legal, and so is every case of the word. " +
			"Tokens with inner blanks, semicolons and colons are Hub's own.",
		Source:      "RFC 6750 section 2.1, RFC 9110 section 11.4; seed: Hub documentation, \"Authorization header … is not of the Bearer type\"",
		Covers:      []string{"B-02", "B-15", "F-03"},
		Description: "the Authorization header is malformed",
		Check: func(c *rule.Case) bool {
			credentials, presented := c.Presented()
			if !presented {
				return false
			}
			if strings.Trim(credentials, " ") != credentials || credentials == "" {
				return true
			}
			return !rule.Printable(credentials)
		},
	},
	{
		ID: "bearer.token.malformed", Endpoints: inHeader, Error: "invalid_request", Modes: rule.Modes{RFC6749: rule.Enforce, OAuth21: rule.Enforce, FAPI2: rule.Enforce}, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "The token is not of the b64token form",
		Why:         "Letters, digits and -._~+/ with = at the end. Off in the hub profile: Hub's tokens hold blanks, semicolons, colons and inner =.",
		Source:      "RFC 6750 section 2.1",
		Covers:      []string{"B-03", "B-04"},
		Description: "the access token is malformed",
		Check: func(c *rule.Case) bool {
			credentials, presented := c.Presented()
			return presented && credentials != "" && !rule.B64Token(credentials)
		},
	},
	{
		ID: "bearer.token.too_long", Endpoints: here, Error: "invalid_request", Modes: rule.ReportEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "The token has more than 8 KiB",
		Why:         "Servers may cut or refuse the header. Only reported: a refusal sends JetBrains' web client into a loop of logins.",
		Source:      "Jetty and Tomcat limit the header block to 8 KiB",
		Covers:      []string{"T-07"},
		Description: "the access token is too long",
		Check: func(c *rule.Case) bool {
			credentials, _ := c.Presented()
			return len(credentials) > rule.MaxToken
		},
	},
	{
		ID: "bearer.token.several_ways", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true,
		When:        withToken,
		Title:       "The token is sent in more than one way: header, body, query",
		Why:         "One is checked, another is used.",
		Source:      "RFC 6750 section 2",
		Covers:      []string{"B-01"},
		Description: "the access token must be sent in one way only",
		Check: func(c *rule.Case) bool {
			_, presented := c.Presented()
			inQuery, inBody := c.Parameters.In[scan.Query].Has(scan.AccessToken), c.Parameters.In[scan.Body].Has(scan.AccessToken)
			return presented && (inQuery || inBody) || inQuery && inBody
		},
	},
	{
		ID: "bearer.access_token.repeated", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true, When: withToken,
		Title:       "access_token occurs more than once",
		Why:         "Servers take the first, the last or a list, which some of them ignore.",
		Source:      "RFC 6750 section 3.1",
		Covers:      []string{"B-09"},
		Description: "access_token must occur once",
		Check:       func(c *rule.Case) bool { return c.Parameters.Repeated.Has(scan.AccessToken) },
	},
	{
		ID: "bearer.access_token.in_query", Endpoints: here, Error: "invalid_request", Modes: rule.Modes{RFC6749: rule.Report, OAuth21: rule.Enforce, FAPI2: rule.Enforce}, Unexemptible: true, When: withToken,
		Title:       "The token is in the query",
		Why:         "URLs are logged and remembered.",
		Source:      "RFC 6750 section 2.3, RFC 9700 section 4.3.2",
		Covers:      []string{"B-08"},
		Description: "the access token must not be sent in the query",
		Check:       func(c *rule.Case) bool { return c.Parameters.In[scan.Query].Has(scan.AccessToken) },
	},
	{
		ID: "bearer.access_token.body", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere, Unexemptible: true, When: withToken,
		Title:       "The token is in a form that is not plain ASCII",
		Why:         "A token in a body needs a form in which nothing can be read in another charset.",
		Source:      "RFC 6750 section 2.2",
		Covers:      []string{"B-07"},
		Description: "a form with an access token must be ASCII",
		Check: func(c *rule.Case) bool {
			if !c.Parameters.In[scan.Body].Has(scan.AccessToken) {
				return false
			}
			return scan.ClassOf(c.Body)&scan.NonASCIIBytes != 0 || c.ContentType().Charset == rule.Foreign
		},
	},
	{
		ID: "bearer.scheme.other", Endpoints: here, Status: 401, Delivery: rule.Bare, Modes: rule.Modes{RFC6749: rule.Enforce, OAuth21: rule.Enforce, FAPI2: rule.Enforce}, Unexemptible: true, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "An Authorization header of another scheme, and no token",
		Why:         "The resource speaks Bearer. Off in the hub profile: Hub accepts Basic.",
		Source:      "RFC 6750 section 3",
		Covers:      []string{"B-06"},
		Description: "an access token is required",
		Check: func(c *rule.Case) bool {
			_, presented := c.Presented()
			return !presented && len(c.AuthorizationHeader) > 0 && !c.Has(scan.AccessToken) && !unreadForm(c)
		},
	},
	{
		ID: "bearer.token.missing", Endpoints: here, Status: 401, Delivery: rule.Bare, Modes: rule.Modes{RFC6749: rule.Enforce, OAuth21: rule.Enforce, FAPI2: rule.Enforce}, Unexemptible: true, When: rule.When{Traits: rule.Anonymous},
		Title:       "No token at all",
		Why:         "The answer is a challenge without an error code, so that the client knows what to do. Off in the hub profile: Hub has guests.",
		Source:      "RFC 6750 section 3.1",
		Covers:      []string{"B-05"},
		Description: "an access token is required",
		Check: func(c *rule.Case) bool {
			return len(c.AuthorizationHeader) == 0 && !c.Has(scan.AccessToken) && !unreadForm(c)
		},
	},
}

var withToken = rule.When{Names: scan.NamesOf(scan.AccessToken)}

// unreadForm reports whether the token may be in a form that was too long to be read.
func unreadForm(c *rule.Case) bool {
	return c.BodyState == rule.BodyUnread && c.Method != "GET" && c.Method != "HEAD" && c.ContentType().Form
}

// joined reports whether a value holds a second scheme behind a comma, as proxies and frameworks join repeated fields. No known token holds a comma.
func joined(value string) bool {
	for {
		comma := strings.IndexByte(value, ',')
		if comma < 0 {
			return false
		}
		for value = value[comma+1:]; value != "" && (value[0] == ' ' || value[0] == '\t'); {
			value = value[1:]
		}
		if value == "" || value[0]|0x20 != 'b' && value[0]|0x20 != 'd' {
			continue
		}
		if startsWithScheme(value, "Bearer") || startsWithScheme(value, "DPoP") || startsWithScheme(value, "Basic") {
			return true
		}
	}
}

// startsWithScheme reports whether a value begins with the scheme, in any case, as a whole word.
func startsWithScheme(value, scheme string) bool {
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return false
	}
	behind := value[len(scheme):]
	return behind == "" || behind[0] == ' ' || behind[0] == '\t' || behind[0] == ','
}
