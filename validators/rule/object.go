package rule

import (
	"encoding/json"

	"github.com/oauthguard/caddy-oauth-guard/validators/jwt"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// RequestObject is a request object that could be read (RFC 9101 section 4), and what stood beside it.
type RequestObject struct {
	// Token is the object.
	Token *jwt.Token
	// ResponseType is the response_type beside the object; empty if there is none.
	ResponseType string
	// RedirectURI says that the object has the redirect URI. If it has none, one that stands beside it is judged, for servers that merge the two.
	RedirectURI bool

	signature Signature
	verified  bool
}

// objectNames are the parameters of an authorization request that a request object has instead of the request. The client is named beside it (RFC 9101 section 5), and
// at the pushed authorization request endpoint the client authenticates beside it (RFC 9126 section 3).
var objectNames = authorizeNames &^ scan.NamesOf(scan.ClientID, scan.Request, scan.RequestURI)

// openObject puts what a request object says in the place of the parameters beside it, which do not count (RFC 9101 section 6.3). An object that cannot be read, or
// that is not the only one, changes nothing.
func (c *Case) openObject() {
	if !AuthorizationRequests.Has(c.Endpoint) || c.Has(scan.RequestURI) || c.Repeats(scan.Request) {
		return
	}
	token := c.JWT(c.Get(scan.Request))
	if token.Form != jwt.Signed {
		return
	}
	c.Object = &RequestObject{Token: token, ResponseType: c.Get(scan.ResponseType), RedirectURI: token.Has("redirect_uri")}
	dropped := objectNames
	if !c.Object.RedirectURI {
		dropped &^= scan.NamesOf(scan.RedirectURI)
	}
	c.Parameters.Drop(dropped)
	for claim, value := range token.Claims {
		if name := scan.Recognise(claim); objectNames.Has(name) {
			c.addClaim(name, value)
		}
	}
}

// addClaim adds a claim as the parameter of its name. Parameters that are JSON may be so here without being quoted, and those that may repeat may be arrays (RFC 9101 section 4,
// RFC 8707 section 2).
func (c *Case) addClaim(name scan.Name, value any) {
	switch value := value.(type) {
	case nil:
	case string:
		c.Parameters.Add(name, value)
	case json.Number:
		c.Parameters.Add(name, value.String())
	case []any:
		if !RepeatableNames.Has(name) {
			c.addJSON(name, value)
			return
		}
		for _, element := range value {
			c.addClaim(name, element)
		}
	default:
		c.addJSON(name, value)
	}
}

func (c *Case) addJSON(name scan.Name, value any) {
	text, _ := json.Marshal(value) // what was read as JSON can be written
	c.Parameters.Add(name, string(text))
}

// ObjectSignature verifies the signature of the request object with the keys of the client.
func (c *Case) ObjectSignature() Signature {
	if c.Object == nil {
		return SignatureUnknown
	}
	if !c.Object.verified {
		c.Object.verified = true
		if client, standing := c.Client(); standing == Known {
			c.Object.signature = c.Verify(client, c.Object.Token)
		}
	}
	return c.Object.signature
}

// Verify verifies the signature of a token with the keys of a client.
func (c *Case) Verify(client *Client, token *jwt.Token) Signature {
	if c.Options.Signatures == nil || client.Keys == nil || token.Form != jwt.Signed || token.Unsigned() {
		return SignatureUnknown
	}
	return c.Options.Signatures.Verify(client.Keys, token.Compact)
}

// JWT reads a token, each one once.
func (c *Case) JWT(compact string) *jwt.Token {
	token := c.tokens[compact]
	if token == nil {
		if c.tokens == nil {
			c.tokens = make(map[string]*jwt.Token)
		}
		token = jwt.Read(compact)
		c.tokens[compact] = token
	}
	return token
}
