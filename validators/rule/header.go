package rule

// fewFields is up to how many names of header fields it takes less time to go through all than to look for each that matters.
const fewFields = 8

// readHeader looks at the header once, and keeps or notes what rules ask for. It is not inlined for the reason that [Case.authenticate] is not.
//
//go:noinline
func (c *Case) readHeader() {
	c.AuthorizationHeader, c.ProofHeader, c.contentTypeHeader = nil, nil, nil
	c.Traits, c.RewriteHeaders = 0, false
	if len(c.Header) > fewFields || c.Endpoint == NoEndpoint { // where only two matter
		c.findFields()
		return
	}
	left := len(c.Header)
	if left == 0 {
		return
	}
	for name, fields := range c.Header {
		switch name {
		case "Authorization":
			c.AuthorizationHeader = fields
		case "Content-Type":
			c.contentTypeHeader = fields
		case "Dpop":
			c.ProofHeader = fields
		case "Connection":
			c.noteConnection(fields)
		case "Content-Encoding":
			c.noteField(fields, Compressed)
		case "X-Http-Method-Override", "X-Http-Method", "X-Method-Override":
			c.noteField(fields, Overriding)
		case "X-Original-Url", "X-Rewrite-Url":
			c.RewriteHeaders = true
		}
		if left--; left == 0 {
			return // to see that there is no other takes as long as to find one
		}
	}
}

// findFields is readHeader for a header with many names. It does not look for fields that no rule of the endpoint asks for.
func (c *Case) findFields() {
	c.RewriteHeaders = len(c.Header["X-Original-Url"]) > 0 || len(c.Header["X-Rewrite-Url"]) > 0
	if c.Endpoint == NoEndpoint {
		return
	}
	c.AuthorizationHeader = c.Header["Authorization"]
	c.noteConnection(c.Header["Connection"])
	if !Browsers.Has(c.Endpoint) {
		c.ProofHeader = c.Header["Dpop"]
	}
	if c.Endpoint != Resource {
		c.noteField(c.Header["Content-Encoding"], Compressed)
		c.noteField(c.Header["X-Http-Method-Override"], Overriding)
		c.noteField(c.Header["X-Http-Method"], Overriding)
		c.noteField(c.Header["X-Method-Override"], Overriding)
	}
	if c.BodyState != NoBody || c.Method != "GET" && c.Method != "HEAD" {
		c.contentTypeHeader = c.Header["Content-Type"]
	}
}

func (c *Case) noteField(fields []string, trait Traits) {
	if len(fields) > 0 {
		c.Traits |= trait
	}
}

func (c *Case) noteConnection(fields []string) {
	if len(fields) > 1 || len(fields) == 1 && fields[0] != "keep-alive" && fields[0] != "close" {
		c.Traits |= Nominating
	}
}
