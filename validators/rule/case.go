package rule

import (
	"fmt"
	"math"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Options is what the configuration says to the rules themselves, beside their modes.
type Options struct {
	// Profile is the profile in force.
	Profile Profile
	// RequestObjects says how the server treats request and request_uri.
	RequestObjects RequestObjects
	// Limits bounds the request.
	Limits scan.Limits
	// Issuer is the server's issuer identifier (RFC 8414 section 2), for the audience of what clients sign; empty if it is not known.
	Issuer string
	// Signatures verifies what clients sign; nil leaves signatures to the server.
	Signatures Signatures
}

// RequestObjects says what a server does with the parameters request and request_uri (RFC 9101, RFC 9126).
type RequestObjects uint8

const (
	// RequestObjectsIgnored servers do not know them: everything is judged as if they were not there, except for the name of a pushed request.
	RequestObjectsIgnored RequestObjects = iota
	// RequestObjectsUnknown servers may know them: one of the two excuses missing parameters other than client_id.
	RequestObjectsUnknown
	// RequestObjectsUsed servers know them: what stands in the object counts, and the other parameters beside it do not.
	RequestObjectsUsed
)

var requestObjectsNames = [...]string{RequestObjectsIgnored: "ignored", RequestObjectsUnknown: "unknown", RequestObjectsUsed: "used"}

// ParseRequestObjects returns what a server does with request objects, as it is written in the configuration.
func ParseRequestObjects(name string) (RequestObjects, error) {
	for r, known := range requestObjectsNames {
		if known == name {
			return RequestObjects(r), nil
		}
	}
	return RequestObjectsIgnored, fmt.Errorf("unknown value %q: use ignored, unknown or used", name)
}

// Case is one request under judgement: the request, what the scan read in it, and what is known about its client, found out when a rule first asks.
// It is made to be used again, and not safe for concurrent use.
type Case struct {
	Request
	// Endpoint is what the request was sent to.
	Endpoint Endpoint
	// AmbiguousPath says that the path is the endpoint's only for some servers.
	AmbiguousPath bool
	// BelowEndpoint says that the path is a sub-path of an endpoint that is not configured.
	BelowEndpoint bool
	// RewriteHeaders says that there are headers that ask the server to take another path.
	RewriteHeaders bool
	// RewriteHeader says that a header asks the server to take another path, and that this path is an endpoint.
	RewriteHeader bool
	// Services says that the path is, or can be taken for, the one where a JetBrains Hub has its services, and that a rule wants to know.
	Services bool
	// Options is the configuration.
	Options *Options
	// Directory holds the registered clients as they are during this request; nil if no source is configured.
	Directory Directory
	// AuthorizationHeader are the Authorization fields of the request, which many rules look at.
	AuthorizationHeader []string
	// ProofHeader are the DPoP fields of the request (RFC 9449 section 4.1).
	ProofHeader []string
	// Object is the request object whose claims count instead of the parameters beside it; nil if there is none, or it cannot be read.
	Object *RequestObject
	// Findings are the rules that fired, in the order of evaluation.
	Findings []Finding
	// Askable are the client identifiers that the directory called so, one for each reading of the request that names another.
	Askable []string
	// Parameters is what the scan read.
	Parameters scan.Parameters
	// Traits are the properties that make rules relevant, see [Case.Note].
	Traits Traits
	// OwnForm says that this is a POST to the authorization endpoint without response_type: a login or consent form of the server's own.
	OwnForm bool

	contentTypeHeader []string

	contentType    ContentType
	contentTyped   bool
	client         *Client
	standing       Standing
	clientAsked    bool
	redirectAsked  bool
	redirectMatch  redirecturi.Match
	redirectFlaws  redirecturi.Flaws
	authentication Authentication
	metadata       *Metadata
	grant          string
	grantAsked     bool
	tokens         *readToken

	credentials                 string
	presented, credentialsAsked bool

	rooms rooms
}

// Finding is one rule that fired, and what that means for the request.
type Finding struct {
	Rule *Rule
	// Index is the place of the rule in the catalogue.
	Index int
	// Mode is what the finding does.
	Mode Mode
	// Would is what it would do if the guard were not in report mode.
	Would Mode
}

// Open begins a case. The request is copied; its strings must stay valid until the case is opened again. It is not inlined for the
// reason that [Case.authenticate] is not.
//
//go:noinline
func (c *Case) Open(request *Request, endpoint Endpoint, options *Options, directory Directory) {
	c.Request, c.Endpoint, c.Options, c.Directory = *request, endpoint, options, directory
	c.readHeader()
	c.Findings, c.Askable = c.Findings[:0], c.Askable[:0]
	c.AmbiguousPath, c.BelowEndpoint, c.RewriteHeader, c.Services, c.OwnForm = false, false, false, false, false
	c.contentTyped = false
	c.client, c.standing, c.clientAsked, c.redirectAsked = nil, NotAsked, false, false
	if c.rooms.lent > 0 {
		c.rooms.empty()
	}
	c.authentication.reset()
	c.metadata, c.tokens, c.Object, c.grantAsked, c.credentialsAsked = nil, nil, nil, false, false
}

// Scan reads the parameters.
func (c *Case) Scan() {
	body := c.Body
	if !c.readableBody() {
		body = ""
	}
	limits := &c.Options.Limits
	if c.Endpoint == Resource {
		// A resource may have any parameters; only its token is looked for, wherever it stands.
		limits = &scan.Limits{Query: math.MaxInt, Body: limits.Body, Parameters: limits.Parameters, Value: math.MaxInt, Only: scan.AccessToken}
	}
	if c.Endpoint == Registration {
		// A registration has no parameters: it is JSON.
		c.Parameters.Scan("", "", 0, limits)
	} else {
		c.Parameters.Scan(c.Query, body, RelevantNames(c.Endpoint), limits)
	}
	if c.BodyState == BodyTooLong || c.Endpoint == Registration && len(c.Body) > limits.Body {
		c.Parameters.Signs |= scan.TooLongBody
	}
	switch {
	case c.Options.RequestObjects != RequestObjectsUsed:
	case c.Has(scan.Request):
		c.openObject()
	case c.Endpoint == Authorize && c.Pushed():
		// What was pushed counts, and nothing beside its name (RFC 9126 section 4, RFC 9101 section 6.3).
		c.Parameters.Drop(objectNames)
	}
	c.OwnForm = c.Endpoint == Authorize && c.Method == "POST" && !c.Has(scan.ResponseType) && !c.Parameters.Repeated.Has(scan.ResponseType)
}

// Unread reports whether the list of parameters is not complete, so that nothing can be said about what is missing in it.
func (c *Case) Unread() bool {
	return c.Parameters.Signs&scan.Unread != 0 || c.BodyState == BodyBroken
}

// readableBody reports whether a body is read as a form: bytes of another type are no parameters, and have a rule of their own.
func (c *Case) readableBody() bool {
	return c.BodyState == BodyRead && c.ContentType().Form && c.Method != "GET" && c.Method != "HEAD"
}

// Has reports whether the parameter is there with a value; one without a value counts as omitted (RFC 6749 section 3.1).
func (c *Case) Has(name scan.Name) bool { return c.Parameters.Present.Has(name) }

// Get is the decoded value of a parameter, empty if there is none.
func (c *Case) Get(name scan.Name) string { return c.Parameters.Get(name) }

// Printable reports whether the value of a parameter consists of printable ASCII, see [Printable].
func (c *Case) Printable(name scan.Name) bool {
	return c.Parameters.Class(name)&unprintable == 0
}

// Single is the value of a parameter that occurs once, or with equal values once in the query and once in the body.
func (c *Case) Single(name scan.Name) (string, bool) {
	return c.Get(name), c.Has(name) && !c.Repeats(name)
}

// Repeats reports whether the parameter has more than one meaning: repeated in one place, or with different values in two.
func (c *Case) Repeats(name scan.Name) bool {
	p := &c.Parameters
	return p.Repeated.Has(name) || p.In[scan.Query].Has(name) && p.In[scan.Body].Has(name) && c.conflicts(name)
}

// Repeated is the subset of names that repeat.
func (c *Case) Repeated(names scan.Names) scan.Names {
	repeated := c.Parameters.Repeated & names
	for both := c.Parameters.In[scan.Query] & c.Parameters.In[scan.Body] & names &^ repeated; both != 0; both &= both - 1 {
		if name := both.First(); c.conflicts(name) {
			repeated |= 1 << name
		}
	}
	return repeated
}

// conflicts reports whether a name that stands in both places has different values there.
func (c *Case) conflicts(name scan.Name) bool {
	first, have := "", false
	for i := range c.Parameters.List {
		item := &c.Parameters.List[i]
		if item.Name != name {
			continue
		}
		value := c.Parameters.Value(item)
		if have && value != first {
			return true
		}
		first, have = value, true
	}
	return false
}

// RequestObject reports whether request or request_uri may stand for the other parameters: exactly one of them is there, and the server may know it. The name of a pushed
// request (RFC 9126 section 2.2) can only come from a server that knows it, so it counts even if request objects are said to be ignored. An object that counts
// and can be read stands for nothing: what it holds is judged.
func (c *Case) RequestObject() bool {
	if c.Has(scan.Request) == c.Has(scan.RequestURI) || c.Object != nil {
		return false
	}
	return c.Options.RequestObjects != RequestObjectsIgnored || c.Pushed()
}

// Pushed reports whether request_uri is the name of a pushed request, RFC 9126 section 2.2.
func (c *Case) Pushed() bool {
	return strings.HasPrefix(c.Get(scan.RequestURI), "urn:ietf:params:oauth:request_uri:")
}

// Grant is the grant_type as a server reads it that trims.
func (c *Case) Grant() string {
	if !c.grantAsked {
		c.grant, c.grantAsked = strings.TrimSpace(c.Get(scan.GrantType)), true
	}
	return c.grant
}

// ContentType is the parsed Content-Type.
func (c *Case) ContentType() ContentType {
	if !c.contentTyped {
		c.contentType = ParseContentType(c.contentTypeHeader)
		c.contentTyped = true
	}
	return c.contentType
}

// ClientIDIsURL reports whether a client_id is an https URL: a client ID metadata document, whose redirect URIs no directory holds.
func ClientIDIsURL(clientID string) bool {
	return len(clientID) > len("https://") && strings.HasPrefix(clientID, "https://")
}

// Client is the client that an authorization request names, if it names exactly one. A pushed request may name it by its authentication alone, a
// logout by its hint.
func (c *Case) Client() (*Client, Standing) {
	if !c.clientAsked {
		c.askClient()
	}
	return c.client, c.standing
}

func (c *Case) askClient() {
	c.clientAsked = true
	if !Browsers.Has(c.Endpoint) {
		if a := c.Authentication(); len(a.Clients()) == 1 {
			c.client, c.standing = a.Clients()[0], Known
		} else if a.Standing != Known {
			c.standing = a.Standing
		}
	} else if id, ok := c.Single(scan.ClientID); ok {
		c.client, c.standing = c.find(id)
	} else if id := c.Hinted(); id != "" && !c.Repeats(scan.ClientID) {
		c.client, c.standing = c.find(id)
	}
}

// find asks the directory. In the hub profile a metadata document's URL is beyond it.
func (c *Case) find(id string) (*Client, Standing) {
	if c.Directory == nil {
		return nil, NotAsked
	}
	var client *Client
	var standing Standing
	if directory, takes := c.Directory.(RoomFinder); takes {
		client, standing = c.rooms.find(directory, id)
	} else {
		client, standing = c.Directory.Find(id)
	}
	if standing != Known && c.Options.Profile == Hub && ClientIDIsURL(id) {
		return nil, NotAsked
	}
	if standing == Askable {
		c.Askable = append(c.Askable, id)
		standing = Unjudged
	}
	return client, standing
}
