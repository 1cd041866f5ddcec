package rule

// Signatures verifies signatures that carry their own key. Package proofs has an implementation.
type Signatures interface {
	// Embedded reports whether a JWS in compact form verifies with the public key in its own header, the jwk of RFC 7515 section 4.1.3.
	Embedded(compact string) bool
}

// Keys are the public keys of one client (RFC 7517 section 5), as package proofs reads them. They are safe for concurrent use.
type Keys interface {
	// Verify reports whether a JWS in compact form verifies with one of the keys.
	Verify(compact string) bool
}
