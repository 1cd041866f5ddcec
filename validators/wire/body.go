package wire

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// buffered are the endpoints whose bodies are read: forms, and the JSON of registrations.
var buffered = rule.Forms | rule.At(rule.Registration)

// Bodies are the rules about the body as a whole: whether it may be there, its type, charset, encoding and size.
var Bodies = []rule.Rule{
	{
		ID: "wire.body.unexpected", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddBody},
		Title:       "A GET or HEAD request with a body",
		Why:         "Some servers read the parameters of such a body and others do not.",
		Source:      "RFC 9110 section 9.3.1; read by Werkzeug, Rack and Node, not by Jetty, Tomcat and Go",
		Covers:      []string{"Z-04"},
		Description: "a GET request must not have a body",
		Check: func(c *rule.Case) bool {
			return c.BodyState != rule.NoBody && (c.Method == "GET" || c.Method == "HEAD")
		},
	},
	{
		ID: "wire.body.unreadable", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddBody},
		Title:       "The body ends before it is complete, or cannot be read",
		Why:         "What was not read cannot be judged.",
		Source:      "RFC 9112 section 8",
		Covers:      []string{"Z-03"},
		Description: "the body of the request is incomplete",
		Check:       func(c *rule.Case) bool { return c.BodyState == rule.BodyBroken },
	},
	{
		ID: "wire.limit.body", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Signs: scan.TooLongBody},
		Title:       "The body is over the limit (limits body, default 64KiB)",
		Why:         "Servers cut or refuse long bodies at different places; what one of them does not read must not be judged.",
		Source:      "RFC 6749 section 3.2 sets no limit; Jetty stops at 200,000 bytes",
		Covers:      []string{"T-07", "R-02"},
		Description: "the body of the request is too long",
		Check:       func(c *rule.Case) bool { return c.Parameters.Signs&scan.TooLongBody != 0 },
	},
	{
		ID: "wire.content_type.unsupported", Endpoints: rule.Forms, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddType},
		Title:       "The body is not application/x-www-form-urlencoded",
		Why:         "JSON, multipart and unlabelled bodies are read by some servers and ignored by others. One field with one type is understood by all.",
		Source:      "RFC 6749 sections 3.1, 3.2 and appendix B",
		Covers:      []string{"K-02", "A-02"},
		Description: "the content type must be application/x-www-form-urlencoded",
		Check: func(c *rule.Case) bool {
			if c.Method == "GET" || c.Method == "HEAD" || c.ContentType().Form {
				return false
			}
			return c.BodyState != rule.NoBody || rule.Backchannels.Has(c.Endpoint) && c.ContentType().Present
		},
	},
	{
		ID: "wire.charset.unsupported", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddType},
		Title:       "The form, or the JSON of a registration, has a charset that is not UTF-8, or more than 1 KiB of parameters in its Content-Type",
		Why:         "Jetty and Tomcat decode a form in IBM037 or UTF-16 into other parameters than everybody else sees.",
		Source:      "RFC 6749 appendix B, RFC 8259 section 8.1",
		Covers:      []string{"K-03", "A-02"},
		Description: "the charset of the body must be UTF-8",
		Check: func(c *rule.Case) bool {
			return c.Method != "GET" && c.Method != "HEAD" && (c.ContentType().Charset == rule.Foreign ||
				c.ContentType().Charset == rule.Latin && nonASCII(c))
		},
	},
	{
		ID: "wire.charset.latin", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceStandard, When: rule.When{Traits: rule.OddType},
		Title:       "The form, or the JSON of a registration, says ISO-8859-1, US-ASCII or Windows-1252, and holds nothing but ASCII",
		Why:         "The standard wants UTF-8. As long as every byte is ASCII all parsers agree, and old Java clients label their forms so.",
		Source:      "RFC 6749 appendix B, RFC 8259 section 8.1",
		Covers:      []string{"K-03"},
		Description: "the charset of the body must be UTF-8",
		Check: func(c *rule.Case) bool {
			return c.Method != "GET" && c.Method != "HEAD" && c.ContentType().Charset == rule.Latin && !nonASCII(c)
		},
	},
	{
		ID: "wire.content_encoding.present", Endpoints: buffered, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Compressed},
		Title:       "The body is compressed",
		Why:         "Some servers decompress it, others read the compressed bytes as a name.",
		Source:      "RFC 9110 section 8.4, RFC 6749 section 3.2",
		Covers:      []string{"K-04"},
		Description: "the body must not be compressed",
		Check: func(c *rule.Case) bool {
			for _, value := range c.Header["Content-Encoding"] {
				if value != "" && !strings.EqualFold(value, "identity") {
					return true
				}
			}
			return false
		},
	},
	{
		ID: "wire.authorization.repeated", Endpoints: buffered &^ rule.Protected, Error: "invalid_request", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.OddAuthorization},
		Title:       "More than one Authorization header",
		Why:         "Servers take the first, the last or both joined by a comma.",
		Source:      "RFC 9110 sections 5.3 and 11.6.2",
		Covers:      []string{"B-04"},
		Description: "there must be one Authorization header at most",
		Check:       func(c *rule.Case) bool { return len(c.AuthorizationHeader) > 1 },
	},
}

// nonASCII reports whether a charset would matter. The scan does not read the JSON of a registration.
func nonASCII(c *rule.Case) bool {
	if c.Endpoint == rule.Registration {
		return scan.ClassOf(c.Body)&scan.NonASCIIBytes != 0
	}
	return c.Parameters.Signs&scan.NonASCII != 0
}
