package wire

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Transport is the rule about how the request came. It says nothing about the bytes.
var Transport = []rule.Rule{
	{
		ID: "transport.plain_http", Endpoints: rule.Everywhere, Error: "invalid_request", Modes: rule.Modes{RFC6749: rule.Report, OAuth21: rule.Enforce, FAPI2: rule.Enforce}, Unexemptible: true, When: rule.When{Traits: rule.Insecure},
		Title:       "The request came over plain HTTP",
		Why:         "Codes, tokens and secrets can be read on the way. Loopback requests never fire; a proxy's word counts if Caddy trusts the proxy.",
		Source:      "RFC 6749 sections 3.1, 3.2 and 2.3.1, RFC 6750 section 5.2",
		Covers:      []string{"T-01"},
		Description: "TLS is required",
		Check:       func(c *rule.Case) bool { return c.Transport == rule.PlainHTTP },
	},
}

// maxConnection is how long the header Connection may be in bytes, all fields and a comma for each. It lists names of hop-by-hop headers, of which there are few.
const maxConnection = 1 << 10

// Methods are the rules about the request method and what stands in for it. Like those about paths they need no body.
var Methods = []rule.Rule{
	{
		ID: "authorize.method.unsupported", Endpoints: rule.Browsers, Error: "invalid_request", Status: 405, Modes: rule.EnforceEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddMethod},
		Title:       "The authorization endpoint, or that of the logout, is asked with another method than GET, HEAD or POST",
		Why:         "Servers differ in which parameters they read from other methods, or read them in lower case.",
		Source:      "RFC 6749 section 3.1, OpenID Connect Core section 3.1.2.1, OpenID Connect RP-Initiated Logout section 2",
		Covers:      []string{"A-01", "Z-05", "L-01"},
		Description: "the method must be GET or POST",
		Check: func(c *rule.Case) bool {
			return c.Method != "GET" && c.Method != "HEAD" && c.Method != "POST"
		},
	},
	{
		ID: "token.method.unsupported", Endpoints: rule.Backchannels, Error: "invalid_request", Status: 405, Modes: rule.EnforceEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddMethod},
		Title:       "The token endpoint, or another to which clients post a form, is asked with another method than POST",
		Why:         "A GET leaves credentials in logs and caches; a PUT form is read by some servers and not by others.",
		Source:      "RFC 6749 section 3.2, RFC 7009 section 2.1, RFC 7662 section 2.1, RFC 8628 section 3.1, RFC 9126 section 2",
		Covers:      []string{"K-01", "K-34", "Z-05", "V-01", "O-01", "I-01", "R-02"},
		Description: "the method must be POST",
		Check:       func(c *rule.Case) bool { return c.Method != "POST" },
	},
	{
		ID: "registration.method.unsupported", Endpoints: rule.At(rule.Registration), Error: "invalid_request", Status: 405, Modes: rule.EnforceEverywhere, Unexemptible: true, When: rule.When{Traits: rule.OddMethod},
		Title:       "The registration endpoint is asked with another method than POST, or than GET, PUT or DELETE, by which registrations are managed",
		Why:         "What is not judged must not be taken for a registration.",
		Source:      "RFC 7591 section 3.1, RFC 7592 section 2",
		Covers:      []string{"N-01", "Z-05"},
		Description: "the method must be POST",
		Check: func(c *rule.Case) bool {
			switch c.Method {
			case "POST", "GET", "HEAD", "PUT", "DELETE":
				return false
			}
			return true
		},
	},
	{
		ID: "wire.connection.nominates", Endpoints: rule.Everywhere, Error: "invalid_request", Modes: rule.EnforceEverywhere, Preflights: true, When: rule.When{Traits: rule.Nominating},
		Title: "The Connection header names a header that the guard judges, such as Authorization or Content-Type, or has more than 1 KiB",
		Why: "A proxy removes every header that Connection names. What was judged would not be what the server gets: a client that authenticated here would arrive there " +
			"without credentials.",
		Source:      "RFC 9110 section 7.6.1",
		Covers:      []string{"T-02"},
		Description: "the Connection header must not name end-to-end headers",
		Check: func(c *rule.Case) bool {
			size := 0
			for _, value := range c.Header["Connection"] {
				if size += 1 + len(value); size > maxConnection {
					return true
				}
				for name := range strings.SplitSeq(value, ",") {
					switch strings.ToLower(strings.Trim(name, " \t")) {
					case "authorization", "content-type", "content-encoding", "content-length", "transfer-encoding", "dpop", "origin", "cookie", "host":
						return true
					}
				}
			}
			return false
		},
	},
	{
		ID: "wire.method_override", Endpoints: rule.Forms | rule.At(rule.Registration), Error: "invalid_request", Modes: rule.EnforceEverywhere, Preflights: true, When: rule.When{Traits: rule.Overriding},
		Title: "A method override: X-HTTP-Method-Override, X-HTTP-Method, X-Method-Override, or _method at the token endpoint",
		Why: "Frameworks execute the overriding method, so that the server judges another request than the guard. At the authorization " +
			"endpoint _method is left alone: consent forms send it.",
		Source:      "Behaviour of Rack, Laravel, Spring and others; RFC 6749 section 3.2",
		Covers:      []string{"Z-02"},
		Description: "the method must not be overridden",
		Check: func(c *rule.Case) bool {
			return len(c.Header["X-Http-Method-Override"])+len(c.Header["X-Http-Method"])+len(c.Header["X-Method-Override"]) > 0 ||
				c.Parameters.Seen.Has(scan.MethodOverride)
		},
	},
}
