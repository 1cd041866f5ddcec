package rule

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Traits are the facts about a request that make rules relevant. They are found out once, so that a rule is only called for requests that may break it. Ordinary requests have few of them.
type Traits uint32

// The traits of path, connection and header.
const (
	// OddPath is a path that is the endpoint's for some servers only, or below it, or named by a header, or that of a Hub's services.
	OddPath Traits = 1 << iota
	// Insecure is a request over plain HTTP.
	Insecure
	// OddMethod is another method than GET, HEAD and POST, and at an endpoint to which a client posts a form, another one than POST.
	OddMethod
	// Querying is a request with a query.
	Querying
	// OddBody is a body of a GET or HEAD request, or one that could not be read.
	OddBody
	// OddType is another Content-Type than that of a form, or one with another charset than UTF-8, of a request that is neither GET nor HEAD.
	OddType
	// Nominating is a header Connection that says more than keep-alive or close.
	Nominating
	// Compressed is a header Content-Encoding.
	Compressed
	// Overriding is a method override, in a header or as a parameter.
	Overriding
	// Proving is a header DPoP.
	Proving
	// Anonymous is a request without a header Authorization.
	Anonymous
	// OddAuthorization is a header Authorization that is not written as the endpoint expects: more than one; where a client authenticates, one that is not Basic as it should be; where
	// an access token is due, none of at most MaxToken characters of RFC 6750 section 2.1 with the scheme Bearer.
	OddAuthorization
	// Readable is an access token that may be a JWT, or one in a parameter.
	Readable
	// Certified is a request with a client's certificate, Uncertified one without, whose TLS connection ends here.
	Certified
	Uncertified
)

// The traits of parameters, and of the client that they name.
const (
	// Repeating is a request in which a recognised parameter occurs more than once.
	Repeating Traits = 1 << (iota + 15)
	// Unregistered is a client that is absent from the directory, or not to be judged.
	Unregistered
	// Limited is a registered client whose record says what it may do, or must: see limited.
	Limited
	// Unproven is a request without client authentication by form or Authorization, at an endpoint where clients authenticate; Secret is one with a secret in either.
	Unproven
	Secret
	// Mismatching is a client_id or an assertion beside a Basic header that names, in its first reading, another client.
	Mismatching
	// OddRedirect is a redirect URI that is not registered, or that runs a script.
	OddRedirect
	// PlainRedirect is a redirect URI that is registered and does not begin with https.
	PlainRedirect
	// OddResponse is a response_type other than code.
	OddResponse
	// OddChallenge is a code_challenge or code_challenge_method, unless both are there, with S256 and as long as it has to be.
	OddChallenge
	// OddScope is a scope with characters or blanks that RFC 6749 does not allow there.
	OddScope
	// OtherScope is a scope that does not begin with openid.
	OtherScope
	// CodeGrant is the grant authorization_code, as a server reads it that trims; EmptyGrant is this one without a code, or refresh_token without one; OtherGrant is every other one, and
	// one of the two with blanks.
	CodeGrant
	EmptyGrant
	OtherGrant
	// OddVerifier is a code_verifier that may be malformed.
	OddVerifier
	// OddResource is a resource that may be no absolute URI, or more than one.
	OddResource
)

// Note finds out the traits, when header, path and parameters are known.
func (c *Case) Note() {
	traits := c.Traits | c.messageTraits()
	if c.AmbiguousPath || c.BelowEndpoint || c.RewriteHeader || c.Services {
		traits |= OddPath
	}
	if p := &c.Parameters; p.Repeated|p.In[scan.Query]&p.In[scan.Body] != 0 {
		traits |= Repeating
	}
	c.Traits = traits
	switch {
	case c.Endpoint == Authorize:
		c.noteClient()
		c.noteAuthorization()
	case Protected.Has(c.Endpoint):
		c.noteToken()
		return
	case Backchannels.Has(c.Endpoint):
		c.noteAuthentication()
		switch c.Endpoint {
		case PAR:
			c.noteAuthorization()
		case Token:
			c.noteGrant()
		}
	case c.Endpoint == Logout:
		c.noteClient()
		return
	}
	if c.Parameters.Seen.Has(scan.Scope) {
		c.noteScope()
	}
	if c.Parameters.Seen.Has(scan.Resource) {
		c.noteResource()
	}
}

// messageTraits are those of method, query, body and connection.
func (c *Case) messageTraits() (traits Traits) {
	posts := c.Method == "POST"
	gets := !posts && (c.Method == "GET" || c.Method == "HEAD")
	if !posts && (!gets || Backchannels.Has(c.Endpoint)) {
		traits |= OddMethod
	}
	if !gets {
		if c.ContentType(); !c.contentType.Form || c.contentType.Charset > UTF8 {
			traits |= OddType
		}
	}
	if c.Query != "" {
		traits |= Querying
	}
	if c.BodyState != NoBody && (gets || c.BodyState == BodyBroken) {
		traits |= OddBody
	}
	if c.Transport == PlainHTTP {
		traits |= Insecure
	}
	if c.Parameters.Seen.Has(scan.MethodOverride) {
		traits |= Overriding
	}
	if len(c.ProofHeader) > 0 {
		traits |= Proving
	}
	if n := len(c.AuthorizationHeader); n == 0 {
		traits |= Anonymous
	} else if n > 1 {
		traits |= OddAuthorization
	}
	if len(c.Certificate) > 0 {
		traits |= Certified
	} else if c.EndsTLS {
		traits |= Uncertified
	}
	return traits
}

// noteClient is about the client of a request that a browser brings.
func (c *Case) noteClient() {
	client, standing := c.Client()
	if standing == Absent || standing == Unjudged {
		c.Traits |= Unregistered
	}
	c.noteLimits(client)
}

// noteToken is about the access token.
func (c *Case) noteToken() {
	if credentials, presented := c.Presented(); len(c.AuthorizationHeader) > 0 {
		content := strings.TrimRight(credentials, "=")
		if !presented || content == "" || len(credentials) > MaxToken || scan.ClassBeside(content, b64TokenClasses) != 0 || UsesDPoP(c.AuthorizationHeader[0]) {
			c.Traits |= OddAuthorization
		}
		if strings.HasPrefix(credentials, "e") {
			c.Traits |= Readable
		}
	}
	if c.Parameters.Seen.Has(scan.AccessToken) {
		c.Traits |= Readable
	}
}

// noteAuthentication is about the client that authenticates.
func (c *Case) noteAuthentication() {
	a := c.Authentication()
	if a.Malformed || a.NotUTF8 || a.Loose || a.Scheme > BasicScheme {
		c.Traits |= OddAuthorization
	}
	if a.Standing == Absent || a.Standing == Unjudged {
		c.Traits |= Unregistered
	}
	secret := a.BasicSecret() || c.Has(scan.ClientSecret)
	if secret {
		c.Traits |= Secret
	} else if !c.Has(scan.ClientAssertion) {
		c.Traits |= Unproven
	}
	if c.Has(scan.ClientAssertion) || a.count > 0 && c.Has(scan.ClientID) && !a.agreed && a.readings[0].ID != c.Get(scan.ClientID) {
		c.Traits |= Mismatching
	}
	for _, client := range a.Clients() {
		c.noteLimits(client)
	}
}

// noteLimits is about the record of a client, if there is one.
func (c *Case) noteLimits(client *Client) {
	if client != nil && client.limited() {
		c.Traits |= Limited
	}
}

// limited reports whether the record names types of responses, grants or scopes, or demands pushed requests or proofs of possession, or has no redirect URI.
func (c *Client) limited() bool {
	return c.ResponseTypes != nil || c.GrantTypes != nil || c.Scopes != nil || c.PushedRequests || c.DPoPBound || c.ByCertificate() || c.RedirectURIs != nil && len(c.RedirectURIs) == 0
}

// noteAuthorization is about the parameters of an authorization request.
func (c *Case) noteAuthorization() {
	p := &c.Parameters
	if c.Has(scan.RedirectURI) {
		match, flaws := c.RedirectURI()
		if match == redirecturi.None || flaws != 0 {
			c.Traits |= OddRedirect
		}
		if raw, _ := p.Raw(scan.RedirectURI); match != redirecturi.None && !strings.HasPrefix(raw, "https") {
			c.Traits |= PlainRedirect
		}
	}
	if raw, _ := p.Raw(scan.ResponseType); raw != "" && raw != "code" {
		c.Traits |= OddResponse
	}
	if p.Seen.Has(scan.CodeChallenge) || p.Seen.Has(scan.CodeChallengeMethod) {
		method, _ := p.Raw(scan.CodeChallengeMethod)
		challenge, _ := p.Raw(scan.CodeChallenge)
		if method != "S256" || len(challenge) != sha256Length || p.Class(scan.CodeChallenge) != 0 {
			c.Traits |= OddChallenge
		}
	}
}

// sha256Length is the length of a SHA-256 hash in base64url without padding.
const sha256Length = 43

// noteGrant is about the grant and its parameters.
func (c *Case) noteGrant() {
	p := &c.Parameters
	code, refresh := false, false
	switch grant, _ := p.Raw(scan.GrantType); grant {
	case "authorization_code":
		code = true
	case "refresh_token":
		refresh = true
	case "":
	default:
		c.Traits |= OtherGrant
		code, refresh = c.Grant() == "authorization_code", c.Get(scan.GrantType) == "refresh_token"
	}
	if code {
		c.Traits |= CodeGrant
	}
	if code && !c.Has(scan.Code) || refresh && !c.Has(scan.RefreshToken) {
		c.Traits |= EmptyGrant
	}
	if p.Seen.Has(scan.CodeVerifier) {
		if raw, escaped := p.Raw(scan.CodeVerifier); escaped || !CodeVerifier(raw, p.Class(scan.CodeVerifier)) {
			c.Traits |= OddVerifier
		}
	}
	if code && c.Has(scan.RedirectURI) && !c.RedirectURIRegistered() {
		c.Traits |= OddRedirect
	}
}

// noteScope is about the scope.
func (c *Case) noteScope() {
	if c.Parameters.Class(scan.Scope)&(scan.Controls|scan.NonASCIIBytes|scan.Quotes|scan.Gaps) != 0 {
		c.Traits |= OddScope
	}
	raw, _ := c.Parameters.Raw(scan.Scope)
	if rest, found := strings.CutPrefix(raw, "openid"); !found || rest != "" && rest[0] != '+' {
		c.Traits |= OtherScope
	}
}

// noteResource is about the resource: most requests that have one have one https URL, which shows without decoding.
func (c *Case) noteResource() {
	p := &c.Parameters
	raw, _ := p.Raw(scan.Resource)
	if (p.Repeated | p.In[scan.Query]&p.In[scan.Body]).Has(scan.Resource) || !ordinaryURL(raw, p.Class(scan.Resource)) {
		c.Traits |= OddResource
	}
}

// ordinaryURL reports whether a form-encoded value of the class is an https URL with a host and without a fragment, of characters of URIs other than the percent sign.
func ordinaryURL(raw string, class scan.Class) bool {
	const odd = scan.Controls | scan.Blanks | scan.NonASCIIBytes | scan.UnsafeCharacters | scan.Percents | scan.Hashes
	host, found := strings.CutPrefix(raw, "https%3A%2F%2F")
	return found && class&odd == 0 && host != "" && (host[0]|0x20 >= 'a' && host[0]|0x20 <= 'z' || host[0] >= '0' && host[0] <= '9')
}
