package rule

import "strings"

// Endpoint is a kind of endpoint of an authorization server or of what it protects.
type Endpoint uint8

// The endpoints whose requests are judged.
const (
	// NoEndpoint is every path that is not configured as an endpoint.
	NoEndpoint Endpoint = iota
	// Authorize is the authorization endpoint, RFC 6749 section 3.1.
	Authorize
	// Token is the token endpoint, RFC 6749 section 3.2.
	Token
	// PAR is the pushed authorization request endpoint, RFC 9126 section 2.
	PAR
	// Device is the device authorization endpoint, RFC 8628 section 3.1.
	Device
	// Backchannel is the backchannel authentication endpoint, OpenID CIBA Core section 7.
	Backchannel
	// Revocation is the token revocation endpoint, RFC 7009 section 2.
	Revocation
	// Introspection is the token introspection endpoint, RFC 7662 section 2.
	Introspection
	// Registration is the client registration endpoint, RFC 7591 section 3.
	Registration
	// Logout is the end session endpoint, OpenID Connect RP-Initiated Logout section 2.
	Logout
	// Userinfo is the UserInfo endpoint, OpenID Connect Core section 5.3.
	Userinfo
	// Resource is a path whose requests carry bearer tokens, RFC 6750.
	Resource

	// EndpointCount is the number of endpoints, NoEndpoint included.
	EndpointCount
)

var endpointNames = [EndpointCount]string{
	"none", "authorize", "token", "par", "device", "backchannel", "revocation", "introspection", "registration", "logout", "userinfo", "resource",
}

// String returns the endpoint's name as it is written in the configuration; "none" for other paths.
func (e Endpoint) String() string { return endpointNames[e] }

// ParseEndpoint returns the endpoint of that name.
func ParseEndpoint(name string) (Endpoint, bool) {
	for e := Authorize; e < EndpointCount; e++ {
		if endpointNames[e] == name {
			return e, true
		}
	}
	return NoEndpoint, false
}

// EndpointNames lists the names of all endpoints, for messages: "authorize, token, …".
func EndpointNames() string { return strings.Join(endpointNames[1:], ", ") }

// AllEndpoints lists every endpoint that is judged, in the order of the documentation.
func AllEndpoints() []Endpoint {
	all := make([]Endpoint, 0, EndpointCount-1)
	for e := Authorize; e < EndpointCount; e++ {
		all = append(all, e)
	}
	return all
}

// Endpoints is a set of endpoints.
type Endpoints uint16

// At is the set of the given endpoints.
func At(endpoints ...Endpoint) Endpoints {
	var set Endpoints
	for _, e := range endpoints {
		set |= 1 << e
	}
	return set
}

// Has reports whether the set holds the endpoint.
func (s Endpoints) Has(e Endpoint) bool { return s&(1<<(e&15)) != 0 }

// Sets of endpoints whose requests have something in common.
const (
	// AuthorizationRequests take the parameters of an authorization request.
	AuthorizationRequests Endpoints = 1<<Authorize | 1<<PAR
	// Backchannels take a form that the client posts itself, and at which it authenticates as at the token endpoint (RFC 6749 section 2.3).
	Backchannels Endpoints = 1<<Token | 1<<PAR | 1<<Device | 1<<Backchannel | 1<<Revocation | 1<<Introspection
	// Browsers are endpoints to which a person's browser is sent, so that errors are pages.
	Browsers Endpoints = 1<<Authorize | 1<<Logout
	// Protected requests carry an access token.
	Protected Endpoints = 1<<Userinfo | 1<<Resource
	// Forms are endpoints whose parameters are in a form or in the query.
	Forms = Backchannels | Browsers | 1<<Userinfo
	// Everywhere is all of them.
	Everywhere = Forms | 1<<Registration | 1<<Resource
)
