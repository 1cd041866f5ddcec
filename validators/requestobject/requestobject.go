// Package requestobject holds the rules of request objects: RFC 9101, OpenID Connect Core section 6, FAPI 2.0 Message Signing. What an object asks for is judged by the
// ordinary rules of authorization requests, see [rule.Case.Object]. An encrypted object can only be read by the server, as one that is fetched from a request_uri.
package requestobject

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here          = rule.AuthorizationRequests
	withObject    = rule.When{Names: scan.NamesOf(scan.Request)}
	withReference = rule.When{Names: scan.NamesOf(scan.RequestURI)}
)

const onlyUsed = " Only judged with request_objects used."

// References are the rules about where a request object is.
var References = []rule.Rule{
	{
		ID: "request_object.several", Endpoints: rule.At(rule.Authorize), Error: "invalid_request", Modes: rule.EnforceEverywhere, When: withReference, OwnForms: true,
		Title:       "request and request_uri are both present",
		Why:         "Servers take either, and so different requests. Not judged with request_objects ignored.",
		Source:      "RFC 9101 section 5, OpenID Connect Core section 6",
		Covers:      []string{"J-01"},
		Description: "request and request_uri must not be used together",
		Check:       func(c *rule.Case) bool { return known(c) && c.Has(scan.Request) && c.Has(scan.RequestURI) },
	},
	{
		ID: "request_object.request_uri.malformed", Endpoints: rule.At(rule.Authorize), Error: "invalid_request_uri", Modes: rule.EnforceEverywhere, When: withReference, OwnForms: true,
		Title: "request_uri is neither an https URL nor a URN, or is written in an ambiguous way",
		Why: "The server fetches it: with other schemes, user information or odd characters it can be led to what only it may reach. Not judged with request_objects " +
			"ignored.",
		Source:      "RFC 9101 sections 5.2 and 10.4, CVE-2020-10770",
		Covers:      []string{"J-08"},
		Description: "request_uri must be an https URL or a URN",
		Check: func(c *rule.Case) bool {
			return known(c) && c.Has(scan.RequestURI) && !fetchable(c.Get(scan.RequestURI))
		},
	},
	{
		ID: "request_object.request_uri.too_long", Endpoints: rule.At(rule.Authorize), Error: "invalid_request_uri",
		Modes: rule.Modes{Hub: rule.Report, RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce}, When: withReference,
		Title:       "request_uri has more than 512 characters",
		Why:         "A recommendation, so only the profile fapi2 refuses. Not judged with request_objects ignored.",
		Source:      "RFC 9101 section 5.2",
		Covers:      []string{"J-08"},
		Description: "request_uri is too long",
		Check:       func(c *rule.Case) bool { return known(c) && len(c.Get(scan.RequestURI)) > 512 },
	},
	{
		ID: "request_object.request_uri.unregistered", Endpoints: rule.At(rule.Authorize), Error: "invalid_request_uri", Modes: rule.EnforceEverywhere, When: withReference, OwnForms: true,
		Title: "request_uri is none of the client's request_uris",
		Why: "Whoever writes the link chooses what the server fetches. Compared byte by byte, without the fragment, in which a registration may have a hash. URNs name " +
			"what the server has already. Not judged with request_objects ignored.",
		Source:      "RFC 9101 section 10.4.1, OpenID Connect Dynamic Client Registration section 2, request_uris",
		Covers:      []string{"J-08"},
		Description: "request_uri is not registered for the client",
		Check:       unregistered,
	},
}

// known reports whether the server may know request objects.
func known(c *rule.Case) bool { return c.Options.RequestObjects != rule.RequestObjectsIgnored }

// fetchable reports whether a request_uri is a URN, or an https URL that every parser reads alike. Its fragment may be the hash of the object.
func fetchable(uri string) bool {
	if rest, found := cutPrefixFold(uri, "urn:"); found {
		return rest != "" && rule.Printable(rest) && !strings.Contains(rest, " ")
	}
	if _, found := cutPrefixFold(uri, "https://"); !found {
		return false
	}
	uri, _, _ = strings.Cut(uri, "#")
	return redirecturi.Inspect(uri)&(redirecturi.Relative|redirecturi.Character|redirecturi.Authority) == 0
}

func cutPrefixFold(s, prefix string) (rest string, found bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func unregistered(c *rule.Case) bool {
	uri := c.Get(scan.RequestURI)
	if _, urn := cutPrefixFold(uri, "urn:"); urn || uri == "" || !known(c) {
		return false
	}
	client, standing := c.Client()
	if standing != rule.Known || client.RequestURIs == nil {
		return false
	}
	uri, _, _ = strings.Cut(uri, "#")
	for _, registered := range client.RequestURIs {
		if registered, _, _ = strings.Cut(registered, "#"); registered == uri {
			return false
		}
	}
	return true
}

// Objects are the rules about the object itself, before what it asks for.
var Objects = []rule.Rule{
	{
		ID: "request_object.malformed", Endpoints: here, Error: "invalid_request_object", Modes: rule.EnforceEverywhere, When: withObject, OwnForms: true,
		Title:       "request is not a signed or encrypted JWT that every parser reads alike",
		Why:         "Parts that are not base64url, a member that occurs twice, or extensions that must be understood are read by some servers and not by others." + onlyUsed,
		Source:      "RFC 9101 section 4, RFC 7515 sections 4, 4.1.11 and 7.1, RFC 8725 section 2.4",
		Covers:      []string{"J-03", "E-05"},
		Description: "the request object is malformed",
		Check: func(c *rule.Case) bool {
			if c.Options.RequestObjects != rule.RequestObjectsUsed || !c.Has(scan.Request) {
				return false
			}
			token := c.JWT(c.Get(scan.Request))
			return token.Form == jwt.Malformed || token.Critical()
		},
	},
	object(rule.Rule{
		ID: "request_object.nested", Error: "invalid_request_object", OwnForms: true,
		Title:       "The request object holds request or request_uri",
		Why:         "Which of the two requests counts differs.",
		Source:      "RFC 9101 section 4",
		Covers:      []string{"J-04", "R-01"},
		Description: "a request object must not hold another one",
	}, func(_ *rule.Case, o *jwt.Token) bool { return o.Has("request") || o.Has("request_uri") }),
	object(rule.Rule{
		ID: "request_object.client_id.mismatch", Error: "invalid_request_object", OwnForms: true,
		Title:       "The request object is of another client than the request",
		Why:         "One is asked about, the other gets the code.",
		Source:      "RFC 9101 sections 5 and 6.3, OpenID Connect Core section 6.1",
		Covers:      []string{"J-02", "J-07"},
		Description: "client_id does not match the request object",
	}, otherClient),
	object(rule.Rule{
		ID: "request_object.client_id.missing", Error: "invalid_request_object", Modes: rule.EnforceFAPI2,
		Title:       "The request object does not name its client",
		Why:         "It could be sent by another client. OpenID Connect does not want client_id in the object, so only the profile fapi2 refuses.",
		Source:      "RFC 9101 section 5, FAPI 2.0 Message Signing section 5.3.1",
		Covers:      []string{"J-02"},
		Description: "the request object lacks client_id",
	}, func(_ *rule.Case, o *jwt.Token) bool { return !o.Has("client_id") }),
	object(rule.Rule{
		ID: "request_object.response_type.mismatch", Error: "invalid_request", Delivery: rule.Redirect,
		Title:       "response_type of the request object differs from the one beside it",
		Why:         "A server that merges the two gives a code or a token.",
		Source:      "OpenID Connect Core section 6.1",
		Covers:      []string{"J-07"},
		Description: "response_type does not match the request object",
	}, func(c *rule.Case, o *jwt.Token) bool {
		inner := o.Text("response_type")
		return c.Object.ResponseType != "" && inner != "" && !rule.SameWords(inner, c.Object.ResponseType)
	}),
}

// otherClient compares the client of the object with the one beside it, or, in a pushed request without client_id, with the one that authenticates. OpenID Connect does not want
// client_id in the object.
func otherClient(c *rule.Case, o *jwt.Token) bool {
	if !o.Has("client_id") {
		return false
	}
	inner := o.Text("client_id")
	if outer, single := c.Single(scan.ClientID); single {
		return inner != outer
	}
	client, standing := c.Client()
	return c.Endpoint == rule.PAR && standing == rule.Known && inner != client.ID
}

// object makes a rule about an object that counts and can be read.
func object(r rule.Rule, check func(*rule.Case, *jwt.Token) bool) rule.Rule {
	r.Endpoints, r.When, r.Why = here, withObject, r.Why+onlyUsed
	if r.Modes == (rule.Modes{}) {
		r.Modes = rule.EnforceEverywhere
	}
	r.Check = func(c *rule.Case) bool { return c.Object != nil && check(c, c.Object.Token) }
	return r
}
