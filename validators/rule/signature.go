package rule

import "encoding/json"

// Signature is what is known of the signature of a JWS.
type Signature uint8

// What may be known of a signature.
const (
	// SignatureUnknown could not be verified: nobody was asked, or there is no key or algorithm that is understood here.
	SignatureUnknown Signature = iota
	// SignatureValid verifies.
	SignatureValid
	// SignatureInvalid does not verify.
	SignatureInvalid
)

// Signatures verifies signatures of JWS in compact form. It is safe for concurrent use. Package proofs has an implementation.
type Signatures interface {
	// Embedded verifies with the public key in the header itself, the jwk of RFC 7515 section 4.1.3.
	Embedded(compact string) Signature
	// Verify verifies with one of the keys of a JWK Set (RFC 7517 section 5).
	Verify(keys json.RawMessage, compact string) Signature
}
