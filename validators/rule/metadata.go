package rule

import (
	"strings"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Metadata is what a registration request says about a client, RFC 7591 section 2, as far as rules ask for it. A member that is null counts as omitted.
type Metadata struct {
	// Malformed says that the body is not one JSON object that every parser reads alike.
	Malformed bool
	// Misspelt says that a member is named like a known one in other letters: parsers that ignore case take it for that one.
	Misspelt bool
	// Mistyped says that a known member has another type than the standard gives it. It counts as omitted.
	Mistyped bool
	// RedirectURIs and PostLogoutRedirectURIs are what is known of these URIs.
	RedirectURIs, PostLogoutRedirectURIs URIs
	// GrantTypes and ResponseTypes are what is known of these lists.
	GrantTypes, ResponseTypes Flows
	// Native says that application_type is "native" (OpenID Connect Dynamic Client Registration section 2).
	Native bool
	// Keys and KeysURI say that jwks and jwks_uri are there.
	Keys, KeysURI bool
	// Statement says that there is a software_statement, which may hold any other member.
	Statement bool
}

// Metadata reads the body of a registration request.
func (c *Case) Metadata() *Metadata {
	if c.metadata == nil {
		c.metadata = readMetadata(c.Body)
	}
	return c.metadata
}

func readMetadata(text string) *Metadata {
	reader := new(metadataReader)
	if !ijson.Walk(text, reader.visit) {
		return &Metadata{Malformed: true}
	}
	return &reader.Metadata
}

// metadataReader puts together what is said in a registration, value by value.
type metadataReader struct {
	Metadata
	// uris or flows is the list whose elements are visited, if it is one of them.
	uris  *URIs
	flows *Flows
}

func (r *metadataReader) visit(depth int, name string, kind byte, content string) bool {
	switch depth {
	case 0:
		return kind == '{'
	case 1:
		r.uris, r.flows = nil, nil
		if known := likeKnown(name); known == name {
			r.member(name, kind, content)
		} else if known != "" {
			r.Misspelt = true
		}
	case 2:
		r.element(kind, content)
	}
	return true
}

// member reads a member that may be known.
func (r *metadataReader) member(name string, kind byte, content string) {
	if kind == 'n' {
		return
	}
	wanted := byte('"')
	switch name {
	case "redirect_uris":
		wanted, r.uris = '[', &r.RedirectURIs
	case "post_logout_redirect_uris":
		wanted, r.uris = '[', &r.PostLogoutRedirectURIs
	case "grant_types":
		wanted, r.flows = '[', &r.GrantTypes
	case "response_types":
		wanted, r.flows = '[', &r.ResponseTypes
	case "application_type":
		r.Native = content == "native"
	case "jwks":
		wanted, r.Keys = '{', kind == '{'
	case "jwks_uri":
		r.KeysURI = content != ""
	case "software_statement":
		r.Statement = content != ""
	default:
		return
	}
	switch {
	case kind != wanted:
		r.Mistyped = true
		r.uris, r.flows = nil, nil
	case r.flows != nil:
		*r.flows = Listed
	}
}

// element reads an element of a list, if it is in one that is read.
func (r *metadataReader) element(kind byte, content string) {
	switch {
	case r.uris == nil && r.flows == nil:
	case kind != '"' && r.uris != nil:
		r.Mistyped, *r.uris, r.uris = true, URIs{}, nil
	case kind != '"':
		r.Mistyped, *r.flows, r.flows = true, 0, nil
	case r.uris != nil:
		r.uris.add(content)
	case r.flows == &r.GrantTypes:
		*r.flows |= grantType(content)
	default:
		*r.flows |= responseType(content)
	}
}

// metadataMembers are the members that are read.
var metadataMembers = []string{"redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "application_type", "jwks", "jwks_uri", "software_statement"}

// metadataBySize are the members that are read, by the sizes of their names, which all differ.
var metadataBySize = func() (members [len("post_logout_redirect_uris") + 1]string) {
	for _, name := range metadataMembers {
		members[len(name)] = name
	}
	return members
}()

// metadataInitials are the bytes that the name of one of them may begin with, in any case.
var metadataInitials = func() (initials [256]bool) {
	for _, name := range metadataMembers {
		initials[name[0]], initials[name[0]&^0x20] = true, true
	}
	for c := utf8.RuneSelf; c < len(initials); c++ {
		initials[c] = true
	}
	return initials
}()

// likeKnown is the member that a name is in some case, as encoding/json of Go compares names; empty if there is none.
func likeKnown(name string) string {
	if name == "" || len(name) > len(metadataBySize)+maxBeyondASCII || !metadataInitials[name[0]] {
		return ""
	}
	if len(name) < len(metadataBySize) && strings.EqualFold(name, metadataBySize[len(name)]) {
		return metadataBySize[len(name)]
	}
	if scan.ClassOf(name)&scan.NonASCIIBytes == 0 {
		return ""
	}
	var room [len(metadataBySize) - 1]byte
	letters := room[:0]
	for _, c := range name {
		switch c {
		case longS:
			c = 's'
		case kelvin:
			c = 'k'
		}
		if c >= utf8.RuneSelf || len(letters) == len(room) {
			return ""
		}
		letters = append(letters, byte(c))
	}
	return likeKnown(string(letters))
}

// longS and kelvin are the only characters beyond ASCII that are letters of ASCII in another case.
const longS, kelvin = '\u017f', '\u212a'

// maxBeyondASCII is how many bytes more a name may have that is written with them.
const maxBeyondASCII = 3
