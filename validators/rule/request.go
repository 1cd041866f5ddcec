package rule

import "time"

// Request is what the guard knows of one HTTP request. Its strings are the bytes as the upstream will receive them.
type Request struct {
	// Method is the method as sent; case matters.
	Method string
	// Path is the escaped path, after rewrites of earlier handlers.
	Path string
	// Query is the raw query without the question mark.
	Query string
	// Header holds the header fields under their canonical names, as net/http does.
	Header map[string][]string
	// Body is the body if it was read, see BodyState.
	Body string
	// BodyState says what is known of the body.
	BodyState BodyState
	// Transport says how the request arrived.
	Transport Transport
	// Scheme, Host and Target are those of the URL that the client asked for, which DPoP proofs name: "https", for example "hub.example.com:8443", and the escaped path. An
	// empty scheme or host is not known, an empty target is Path. They are only needed beside the header DPoP.
	Scheme, Host, Target string
	// EndsTLS says that the client's TLS connection ends here, so that a certificate that is not in Certificate does not exist.
	EndsTLS bool
	// Certificate is the client's certificate of mutual TLS that ends here, in DER; nil if there is none.
	Certificate []byte
	// Time is when the request arrived. The zero time is not known, and switches off the rules that need it.
	Time time.Time
}

// BodyState says what is known of a request's body.
type BodyState uint8

// The states of a body.
const (
	// NoBody is a request without a body, or with one of no bytes.
	NoBody BodyState = iota
	// BodyRead is a body that was read whole.
	BodyRead
	// BodyUnread is a body that is there and was not looked at, because nothing in it is judged.
	BodyUnread
	// BodyTooLong is a body beyond the limit.
	BodyTooLong
	// BodyBroken is a body whose end could not be read.
	BodyBroken
)

// Transport says how a request arrived.
type Transport uint8

// The transports.
const (
	// Secure is TLS, here or, by the word of a trusted proxy, before.
	Secure Transport = iota
	// PlainLoopback is HTTP that did not leave the machine.
	PlainLoopback
	// PlainHTTP is HTTP over a network.
	PlainHTTP
)

// Preflight reports whether the request is a CORS preflight, which browsers send without credentials or parameters.
func (r *Request) Preflight() bool {
	return r.Method == "OPTIONS" && r.BodyState == NoBody && len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1
}
