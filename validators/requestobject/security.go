package requestobject

import (
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Security are the rules about who made the object, for whom, and when. That of its time comes into force again and again while a person logs in, if the server posts its
// login form to the authorization endpoint, so it does not judge a POST there.
var Security = []rule.Rule{
	object(rule.Rule{
		ID: "request_object.unsigned", Error: "invalid_request_object",
		Modes:       rule.Modes{Hub: rule.Report, RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce},
		Title:       "The request object is not signed",
		Why:         "RFC 9101 wants a signature, OpenID Connect does not, so only the profile fapi2 refuses.",
		Source:      "RFC 9101 sections 4 and 10.2, OpenID Connect Core section 6.1",
		Covers:      []string{"J-03", "E-05"},
		Description: "the request object must be signed",
	}, func(_ *rule.Case, o *jwt.Token) bool { return o.Unsigned() }),
	object(rule.Rule{
		ID: "request_object.algorithm.not_allowed", Error: "invalid_request_object",
		Title:       "The request object is signed with another algorithm than the client registered, or not signed although it must be",
		Why:         "A weaker algorithm, or none, undoes the signature. The client's request_object_signing_alg and require_signed_request_object say what is right.",
		Source:      "RFC 9101 sections 6.2, 10.2 and 10.5, OpenID Connect Dynamic Client Registration section 2",
		Covers:      []string{"J-03"},
		Description: "the request object is signed in a way that is not allowed",
	}, func(c *rule.Case, o *jwt.Token) bool {
		client, standing := c.Client()
		if standing != rule.Known {
			return false
		}
		if o.Unsigned() {
			return client.SignedRequests || client.RequestObjectAlgorithm != "" && client.RequestObjectAlgorithm != "none"
		}
		return client.RequestObjectAlgorithm != "" && client.RequestObjectAlgorithm != o.Algorithm()
	}),
	object(rule.Rule{
		ID: "request_object.algorithm.weak", Error: "invalid_request_object", Modes: rule.EnforceFAPI2,
		Title:       "The request object is signed with another algorithm than PS256, ES256 or EdDSA",
		Why:         "The profile fapi2 allows no others; elsewhere the rule is off.",
		Source:      "FAPI 2.0 Security Profile section 5.4.1",
		Covers:      []string{"J-03", "F-01"},
		Description: "the algorithm of the request object is not allowed",
	}, func(_ *rule.Case, o *jwt.Token) bool { return !o.Unsigned() && !rule.FAPIAlgorithm(o.Algorithm()) }),
	object(rule.Rule{
		ID: "request_object.audience.wrong", Error: "invalid_request_object",
		Modes:       rule.Modes{Hub: rule.Report, RFC6749: rule.Report, OAuth21: rule.Report, FAPI2: rule.Enforce},
		Title:       "aud of the request object is not the server's issuer",
		Why:         "An object for one server must not work at another. The option issuer says what is right. The standards only recommend it, so only the profile fapi2 refuses.",
		Source:      "RFC 9101 section 4, FAPI 2.0 Message Signing section 5.3.1",
		Covers:      []string{"J-06"},
		Description: "the request object is for another server",
	}, func(c *rule.Case, o *jwt.Token) bool {
		values, _ := o.Audience()
		return o.Has("aud") && c.Options.Issuer != "" && !slices.Contains(values, c.Options.Issuer)
	}),
	object(rule.Rule{
		ID: "request_object.audience.missing", Error: "invalid_request_object", Modes: rule.EnforceFAPI2,
		Title:       "The request object does not say for which server it is",
		Why:         "It works at every server that knows the client. The profile fapi2 demands aud; elsewhere the rule is off.",
		Source:      "FAPI 2.0 Message Signing section 5.3.1, RFC 9101 section 4",
		Covers:      []string{"J-06"},
		Description: "the request object lacks aud",
	}, func(_ *rule.Case, o *jwt.Token) bool { return !o.Has("aud") }),
	object(rule.Rule{
		ID: "request_object.expired", Error: "invalid_request_object",
		Title:       "The request object is expired, or not valid yet",
		Why:         "An old object was meant for another moment. Clocks may differ by a minute. At the authorization endpoint a POST is not judged: it may be a login form that comes late.",
		Source:      "RFC 9101 section 6.2, RFC 7519 sections 4.1.4 and 4.1.5",
		Covers:      []string{"J-06"},
		Description: "the request object is expired or not valid yet",
	}, func(c *rule.Case, o *jwt.Token) bool { return timed(c) && c.OutOfTime(o) }),
	object(rule.Rule{
		ID: "request_object.lifetime.too_long", Error: "invalid_request_object", Modes: rule.EnforceFAPI2,
		Title:       "The request object has no exp or nbf, lasts for more than an hour, or began more than an hour ago",
		Why:         "A stolen object can be used as long as it lasts. The profile fapi2 demands it; elsewhere the rule is off.",
		Source:      "FAPI 2.0 Message Signing section 5.3.1",
		Covers:      []string{"J-06"},
		Description: "the lifetime of the request object is not limited",
	}, func(c *rule.Case, o *jwt.Token) bool {
		const hour = 3600
		end, ends := o.Seconds("exp")
		begin, begins := o.Seconds("nbf")
		return !ends || !begins || end-begin > hour || timed(c) && !c.Time.IsZero() && c.Seconds()-begin > hour+rule.ClockSkew
	}),
}

// timed reports whether the time of a request says something about its object.
func timed(c *rule.Case) bool { return c.Endpoint != rule.Authorize || c.Method != "POST" }

// Signature is the rule that takes longest, so it comes last of all.
var Signature = []rule.Rule{
	object(rule.Rule{
		ID: "request_object.signature.invalid", Error: "invalid_request_object", Costly: true,
		Title:       "The signature of the request object does not verify with the client's keys",
		Why:         "Somebody else wrote it, or changed it. Only judged for clients whose jwks are known.",
		Source:      "RFC 9101 section 6.2",
		Covers:      []string{"J-05"},
		Description: "the signature of the request object is not valid",
	}, func(c *rule.Case, _ *jwt.Token) bool { return c.ObjectSignature() == rule.SignatureInvalid }),
}
