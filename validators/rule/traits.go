package rule

import "github.com/oauthguard/caddy-oauth-guard/validators/scan"

// Traits are the properties of a request, apart from its parameters, that make rules relevant.
type Traits uint16

// The traits.
const (
	// OddPath is a path that is the endpoint's for some servers only, or below it, or named by a header, or that of a Hub's services.
	OddPath Traits = 1 << iota
	// Insecure is a request over plain HTTP.
	Insecure
	// Sending is a method other than GET and HEAD.
	Sending
	// Querying is a request with a query.
	Querying
	// Bodied is a request with a body, read or not.
	Bodied
	// Proving is a request with a header DPoP.
	Proving
	// Authorizing is a request with a header Authorization.
	Authorizing
	// Repeating is a request in which a recognised parameter occurs more than once.
	Repeating
)

// Note finds out the traits, when path and parameters are known.
func (c *Case) Note() {
	c.Traits = 0
	if c.AmbiguousPath || c.BelowEndpoint || c.RewriteHeader || c.Services {
		c.Traits |= OddPath
	}
	if c.Transport == PlainHTTP {
		c.Traits |= Insecure
	}
	if c.Method != "GET" && c.Method != "HEAD" {
		c.Traits |= Sending
	}
	if c.Query != "" {
		c.Traits |= Querying
	}
	if c.BodyState != NoBody {
		c.Traits |= Bodied
	}
	if len(c.ProofHeader) > 0 {
		c.Traits |= Proving
	}
	if len(c.AuthorizationHeader) > 0 {
		c.Traits |= Authorizing
	}
	if p := &c.Parameters; p.Repeated|p.In[scan.Query]&p.In[scan.Body] != 0 {
		c.Traits |= Repeating
	}
}
