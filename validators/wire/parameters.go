package wire

import (
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Parameters are the rules about the bytes of names and values.
var Parameters = []rule.Rule{
	sign("wire.limit.query", scan.TooLongQuery, rule.EnforceEverywhere,
		"The query is over the limit (limits query, default 16KiB)",
		"Servers cut or refuse long targets at different places.",
		"RFC 9112 section 3 sets no limit", "the query of the request is too long", "T-07"),
	sign("wire.limit.parameters", scan.TooManyParameters, rule.EnforceEverywhere,
		"There are more parameters than the limit (limits parameters, default 100), or a request object that counts holds more",
		"PHP and Node drop everything behind the thousandth parameter: what they do not see must not be judged.",
		"Behaviour of PHP, Node and Jetty", "the request has too many parameters", "T-07"),
	sign("wire.limit.value", scan.TooLongValue, rule.EnforceEverywhere,
		"A value is over the limit (limits value, default 16KiB), or a name has more than 256 bytes",
		"Servers cut long values at different places.",
		"RFC 6749 appendix A sets no limit", "a parameter of the request is too long", "T-07"),
	sign("wire.percent_encoding.malformed", scan.MalformedEscape, rule.EnforceEverywhere,
		"A percent sign that two hexadecimal digits do not follow",
		"Parsers keep it, drop the pair, drop the rest or fail.",
		"RFC 3986 section 2.1, RFC 6749 appendix B", "a percent escape is malformed", "T-03"),
	sign("wire.separator.semicolon", scan.Semicolon, rule.EnforceEverywhere,
		"An unencoded semicolon",
		"Old parsers split parameters at it: a Rack server sent the code to the redirect URI behind the semicolon of a state.",
		"WHATWG URL section 5.1 against HTML 4.01 appendix B.2.2", "semicolons must be percent-encoded", "T-06"),
	sign("wire.separator.bracket", scan.BracketSeparator, rule.EnforceStandard,
		"An unencoded equals sign behind a closing bracket in the value of an OAuth parameter",
		"The library qs, which Express uses, ends the name there: scope=a]=b has no scope. Form encoding leaves neither of the two as it is, so the hub profile only reports.",
		"RFC 6749 appendix B; behaviour of qs", "equals signs in a value must be percent-encoded", "T-08"),
	sign("wire.query.raw_byte", scan.QueryRawByte, rule.EnforceEverywhere,
		"A blank, a number sign, a control or a byte above 0x7E in the query",
		"Servers cut at it, refuse it, or decode it in different charsets.",
		"RFC 3986 section 3.4", "the query holds a byte that must be percent-encoded", "T-03"),
	sign("wire.query.unsafe_character", scan.QueryUnsafeCharacter, rule.EnforceStandard,
		"One of \" < > \\ ^ ` { | } in the query",
		"RFC 3986 does not allow them; Tomcat refuses them, browsers send some of them as they are.",
		"RFC 3986 section 3.4", "the query holds a character that must be percent-encoded", "T-03"),
	sign("wire.body.unencoded", scan.BodyUnencoded, rule.ReportEverywhere,
		"A blank, one of \" < > \\ ^ ` { | } or a byte above 0x7E in a form body",
		"The client does not encode its form. Parsers agree on what these bytes mean, but the next value may hold an ampersand.",
		"RFC 6749 appendix B", "the form is not encoded", "T-03"),
	{
		ID: "wire.utf8.invalid", Endpoints: rule.Forms, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:  rule.When{Signs: scan.InvalidUTF8 | scan.InvalidUTF8Unknown},
		Title: "A name or value that is not UTF-8",
		Why: "Parsers replace, keep or drop such bytes, or take them for Latin-1. Unknown fields of the server's own login and consent forms are " +
			"left alone: the server chose their charset.",
		Source:      "RFC 6749 appendix B, RFC 3629",
		Covers:      []string{"T-04"},
		Description: "parameters must be encoded in UTF-8",
		Check: func(c *rule.Case) bool {
			return c.Parameters.Signs&scan.InvalidUTF8 != 0 || c.Parameters.Signs&scan.InvalidUTF8Unknown != 0 && !c.OwnForm
		},
	},
	sign("wire.control_character", scan.Control, rule.EnforceEverywhere,
		"A control character, such as a NUL or a line end, in the value of an OAuth parameter",
		"The grammars of RFC 6749 allow none, but for a tab in username and password. C programs cut at a NUL; line ends forge headers and logs.",
		"RFC 6749 appendix A", "a parameter holds a control character", "T-05"),
	{
		ID: "wire.parameter_name.folded", Endpoints: rule.Forms, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:  rule.When{Signs: scan.FoldedName},
		Title: "A name that some server turns into an OAuth parameter: client.id, client_id[], Client_Id, a leading blank, a NUL",
		Why: "PHP, Rack, qs, .NET and nginx fold such names into the real one, so that it has two values. In the server's own forms " +
			"only client_id, redirect_uri and response_type are looked for.",
		Source:      "RFC 6749 sections 3.1 and 3.2: no parameter more than once",
		Covers:      []string{"T-08", "T-09"},
		Description: "the name of a parameter is written in an ambiguous way",
		Check: func(c *rule.Case) bool {
			folded := c.Parameters.Folded[scan.Query] | c.Parameters.Folded[scan.Body]
			if c.OwnForm {
				folded &= scan.NamesOf(scan.ClientID, scan.RedirectURI, scan.ResponseType)
			}
			return folded != 0
		},
		Subject: func(c *rule.Case) scan.Name {
			return (c.Parameters.Folded[scan.Query] | c.Parameters.Folded[scan.Body]).First()
		},
	},
	sign("wire.parameter_name.empty", scan.EmptyName, rule.EnforceEverywhere,
		"A value without a name",
		"Some parsers drop it, others keep it under an empty name.",
		"RFC 6749 appendix A: a name has at least one character", "a parameter has no name", "T-03"),
}

// sign makes the rule that belongs to one sign of the scan.
func sign(id string, signs scan.Signs, modes rule.Modes, title, why, source, description string, covers ...string) rule.Rule {
	return rule.Rule{
		ID: id, Endpoints: rule.Forms, Error: "invalid_request", Modes: modes, When: rule.When{Signs: signs},
		Title: title, Why: why, Source: source, Description: description, Covers: covers,
		Check: func(c *rule.Case) bool { return c.Parameters.Signs&signs != 0 },
	}
}
