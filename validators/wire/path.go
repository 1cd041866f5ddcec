// Package wire holds the rules about bytes: paths, methods, content types, encodings and names that two programs could read differently.
// They come before every rule about meaning, and no client is exempt from them.
package wire

import "github.com/oauthguard/caddy-oauth-guard/validators/rule"

// Paths are the rules about the request path.
var Paths = []rule.Rule{
	{
		ID: "path.ambiguous", Endpoints: rule.Everywhere, Error: "invalid_request", Modes: rule.EnforceEverywhere, Preflights: true, When: rule.When{Traits: rule.OddPath},
		Title: "The path is an endpoint for some servers, but not literally one",
		Why: "Servers strip path parameters, decode twice, merge slashes and ignore case or a final slash. A spelling that only the server understands leads around every check by path. " +
			"Only a final ;jsessionid=… is ordinary; it is judged as the endpoint.",
		Source:      "RFC 3986 section 6.2.2, Servlet 4.0 section 3.5; spellings seen on Jetty, Tomcat, Rails and others",
		Covers:      []string{"Z-01"},
		Description: "the path of the request is written in an ambiguous way",
		Check:       func(c *rule.Case) bool { return c.AmbiguousPath },
	},
	{
		ID: "path.rewrite_header", Endpoints: rule.Everywhere | rule.At(rule.NoEndpoint), Error: "invalid_request", Modes: rule.EnforceEverywhere, Preflights: true, When: rule.When{Traits: rule.OddPath},
		Title:       "X-Original-URL or X-Rewrite-URL names an endpoint",
		Why:         "Some frameworks route by these headers instead of the path, so that a harmless path reaches an endpoint.",
		Source:      "Behaviour of IIS rewriting, Symfony and Zend; RFC 9110 section 7.1 knows only the target",
		Covers:      []string{"Z-01"},
		Description: "a header asks for another path",
		Check:       func(c *rule.Case) bool { return c.RewriteHeader },
	},
	{
		ID: "path.subpath", Endpoints: rule.Everywhere | rule.At(rule.NoEndpoint), Error: "invalid_request", Modes: rule.ReportEverywhere, Preflights: true, When: rule.When{Traits: rule.OddPath},
		Title: "The path lies below an endpoint",
		Why: "Pages and files below an endpoint are the server's own: oidc-provider resumes every login below its authorization endpoint, so that to enforce this rule there would " +
			"refuse everybody. A server that takes them for the endpoint itself should have that path configured as an endpoint.",
		Source:      "Design of the guard: sub-paths pass",
		Covers:      []string{"Z-01"},
		Description: "the path lies below an endpoint",
		Check:       func(c *rule.Case) bool { return c.BelowEndpoint },
	},
}
