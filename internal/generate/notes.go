package main

// note is what is to be said about a row beside, or instead of, its rules.
type note struct {
	text string
	// passes are near misses that show that what the row allows does pass.
	passes []nearMiss
}

type nearMiss struct{ rule, name string }

// notes has an entry for each row that no rule covers, and for some others.
var notes = map[string]note{
	"T-02": {text: "Go's HTTP server decides on the framing of messages before any handler runs: see the [threat model](threat-model.md#what-is-decided-before-the-guard)."},
	"T-09": {text: "By the standard such a name is unknown and must be ignored. It is refused because some servers do not tell cases apart."},

	"A-07": mustPass("`resource` may repeat.", nearMiss{"authorize.extension.repeated", "resource may repeat"},
		nearMiss{"token.parameter.repeated", "resource may repeat"}),
	"A-08": mustPass("Unknown parameters may repeat; the token endpoint reports them.", nearMiss{"authorize.extension.repeated", "unknown ones may repeat"},
		nearMiss{"token.extension.repeated", "an unknown one twice"}),
	"A-09": mustPass("Unknown parameters are ignored.", nearMiss{"wire.utf8.invalid", "UTF-8 in an unknown parameter"}),
	"A-37": mustPass("`nonce` is optional for `response_type` `code`.", nearMiss{"authorize.nonce.missing", "code alone"}),
	"A-44": {text: "Which of these parameters a server supports is written in its metadata, which the guard does not read. The option `request_objects` says how they are treated."},
	"A-47": {text: "Delivery: an error is redirected only with proof, by status 303, according to `errors delivery` and the client's `delivery`."},
	"A-48": {text: "Delivery: the query of the redirect URI stays, the parameters of the error follow it."},
	"A-49": {text: "Delivery: query, fragment or form post, by `response_type` and `response_mode`."},
	"A-50": {text: "Delivery: `state` returns as it came, if it came once. Descriptions are texts of the catalogue, in the alphabet of the standard."},
	"A-51": {text: "Delivery: `errors issuer` adds `iss`. It must be set if the server sends `iss`."},
	"A-52": {text: "Delivery: a redirected error holds `error`, `error_description`, `error_uri`, `state` and `iss`, and nothing else."},
	"A-53": {text: "Delivery: for a `response_mode` of JARM the answer is a page, since the guard has no key to sign with."},
	"A-54": {text: "Delivery: the status of a redirection is 303, so that no browser posts the request again."},
	"A-55": {text: "Response side: pages and redirections of the guard forbid framing. Answers of the server are not changed."},
	"A-56": {text: "Response side: pages and redirections of the guard have `Referrer-Policy: no-referrer`. Answers of the server are not changed."},
	"A-57": {text: "Response side: nothing is appended to redirections, neither to the server's, which are not changed, nor to the guard's own."},

	"P-08": {text: "Not knowable from one request: it takes the authorization request that the code came from."},
	"P-09": {text: "The server's state: only the server knows the challenge."},

	"K-07": mustPass("`audience`, `resource` and `permission` may repeat.", nearMiss{"token.parameter.repeated", "audience may repeat"},
		nearMiss{"token.parameter.repeated", "permission may repeat"}),
	"K-09": {text: "A parameter without a value counts as missing in every rule."},
	"K-22": mustPass("An equal `client_id` beside Basic is legal.", nearMiss{"token.client_id.mismatch", "equal"}),
	"K-25": mustPass("Both readings of a Basic value are tried.", nearMiss{"token.client_id.mismatch", "equal, form-encoded in the header"},
		nearMiss{"token.client_id.mismatch", "equal, raw in the header, with a colon"}),
	"K-28": {text: "Delivery: every `invalid_client` after an `Authorization` header has status 401 and a `Basic` challenge."},
	"K-29": {text: "Delivery: errors of the token endpoint are JSON with `Cache-Control: no-store` and `Pragma: no-cache`."},
	"K-33": {text: "Response side: answers of the server are not changed."},
	"K-35": {text: "Response side: answers of the server are not changed."},

	"B-05": {text: "Delivery: a 401 with a bare challenge."},
	"B-10": {text: "Delivery: a challenge names `Bearer` and the realm once, and the error in the alphabet of the standard."},
	"B-11": {text: "Content of the token: which scope is enough is for the resource to say."},
	"B-12": {text: "Access tokens are opaque, and Hub's are no JWTs, so these rules are off by default. The token's `aud`, `iss` and `typ` are for the resource to judge."},
	"B-13": {text: "Delivery: `errors resource_metadata` adds it to every challenge."},
	"B-14": {text: "Response side: answers of the server are not changed."},

	"D-15": {text: "The server's memory: nonces that it gave out, and proofs that it has seen."},

	"J-09": mustPass("With `request_objects used` the parameters beside an object are not judged.",
		nearMiss{"authorize.redirect_uri.unregistered", "beside the name of a pushed request"}),
	"J-10": mustPass("With a request object the parameters beside it may be missing.", nearMiss{"authorize.pushed_request.required", "pushed"}),

	"R-02": {text: "The status is 413 for what is over a limit. How often a client may push is a matter of rate limits."},
	"R-03": {text: "All rules of the authorization endpoint about parameters judge pushed requests, too, and the rules of the token endpoint judge how the client authenticates. Errors are JSON."},
	"R-05": {text: "With the name of a pushed request everything may be missing but `client_id`."},
	"R-06": mustPass("Such a redirect URI is reported.", nearMiss{"authorize.redirect_uri.unregistered", "pushed by a client that authenticates"},
		nearMiss{"authorize.redirect_uri.none_registered", "pushed by a client that authenticates"}),
	"R-07": {text: "The server's memory: which names it gave out, to whom, and when."},

	"V-03": {text: "The server's memory: when the device asked last."},
	"V-04": mustPass("They are unknown parameters of a device authorization request.", nearMiss{"device.client_id.missing", "response_type, redirect_uri and state have no meaning"},
		nearMiss{"token.parameter.repeated", "redirect_uri of a device is unknown"}),

	"O-02": mustPass("What the token and its hint are is not judged.", nearMiss{"revocation.token.missing", "an unknown token_type_hint is ignored"},
		nearMiss{"revocation.token.missing", "any token is accepted, as an unknown one is"}),
	"O-03": {text: "Which tokens a server revokes cannot be seen in a request, so the rule is off until it is switched on; it sees JWTs."},

	"I-03": mustPass("What the token is is not judged.", nearMiss{"introspection.token.missing", "any token may be asked about, as an inactive one may"}),

	"E-07": {text: "The server's memory: which assertions it has seen."},

	"X-02": {text: "Which audiences a server has is not configured. Of `resource` the form is judged: [`token.resource.malformed`](rules.md#token.resource.malformed)."},

	"W-01": {text: "Preflights pass. Errors carry the headers that let the origins of registered redirect URIs read them: `errors cors`."},

	"F-02": mustPass("The limits of values are far above.", nearMiss{"authorize.nonce.missing", "a nonce of 384 characters"},
		nearMiss{"authorize.code_challenge.missing", "pushed with a nonce of 64 and a state of 384 characters"}),
	"Z-03": {text: "`TE`, `Expect` and trailers are handled by Go's HTTP server and Caddy; no parameter is read from a trailer."},

	"F-03": mustPass("The scheme is read in any case.", nearMiss{"bearer.header.malformed", "any case"}),
	"F-04": mustPass("The order of words does not matter.", nearMiss{"authorize.response_type.unsupported", "any order"}),
}

func mustPass(text string, passes ...nearMiss) note {
	return note{text: "Must pass: " + text, passes: passes}
}
