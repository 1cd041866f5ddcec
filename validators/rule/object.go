package rule

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
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

	added     int // how many parameters it has added
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
// RFC 8707 section 2). A request object may add as many parameters as a request may have.
func (c *Case) addClaim(name scan.Name, value any) {
	if value == nil {
		return
	}
	raw, isRaw := value.(ijson.Raw)
	if isRaw && raw.IsArray() && RepeatableNames.Has(name) {
		for element := range raw.Elements {
			if c.addClaim(name, element); c.Object.added > c.Options.Limits.Parameters {
				break
			}
		}
		return
	}
	if c.Object.added++; c.Object.added > c.Options.Limits.Parameters {
		c.Parameters.Signs |= scan.TooManyParameters
		return
	}
	switch value := value.(type) {
	case string:
		c.Parameters.Add(name, value)
	case json.Number:
		c.Parameters.Add(name, value.String())
	case bool:
		c.Parameters.Add(name, strconv.FormatBool(value))
	case ijson.Raw:
		c.Parameters.Add(name, withoutBreaks(string(value)))
	}
}

// withoutBreaks is JSON without tabs and ends of lines, which can only stand where a blank could: they are no control characters of a parameter. JSON holds no others.
func withoutBreaks(text string) string {
	if strings.IndexByte(text, '\t') < 0 && strings.IndexByte(text, '\r') < 0 && strings.IndexByte(text, '\n') < 0 {
		return text
	}
	return strings.NewReplacer("\t", " ", "\r", " ", "\n", " ").Replace(text)
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

// readToken is a token that was read, and those before it.
type readToken struct {
	*jwt.Token
	before *readToken
}

// JWT reads a token, each one once. There are few in one request, and mostly it is the very same string that is asked for again, which shows at once.
func (c *Case) JWT(compact string) *jwt.Token {
	for read := c.tokens; read != nil; read = read.before {
		if read.Compact == compact {
			return read.Token
		}
	}
	c.tokens = &readToken{jwt.Read(compact), c.tokens}
	return c.tokens.Token
}
