package rule

import (
	"strings"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
)

// Metadata is what a registration request says about a client, RFC 7591 section 2. A member that is null counts as omitted.
type Metadata struct {
	// Malformed says that the body is not one JSON object that every parser reads alike.
	Malformed bool
	// Misspelt says that a member is named like a known one in other letters: parsers that ignore case take it for that one.
	Misspelt bool
	// Mistyped says that a known member has another type than the standard gives it. Its value is not kept.
	Mistyped bool
	// RedirectURIs, PostLogoutRedirectURIs, GrantTypes and ResponseTypes are nil if they are omitted.
	RedirectURIs, PostLogoutRedirectURIs, GrantTypes, ResponseTypes []string
	// ApplicationType is "web", "native", or empty if it is omitted (OpenID Connect Dynamic Client Registration section 2).
	ApplicationType string
	// Keys and KeysURI say that jwks and jwks_uri are there.
	Keys, KeysURI bool
	// Statement says that there is a software_statement, which may hold any other member.
	Statement bool
}

// metadataMembers are the members that are read.
var metadataMembers = []string{"redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "application_type", "jwks", "jwks_uri", "software_statement"}

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

// Metadata reads the body of a registration request.
func (c *Case) Metadata() *Metadata {
	if c.metadata == nil {
		c.metadata = readMetadata(c.Body)
	}
	return c.metadata
}

func readMetadata(text string) *Metadata {
	m := new(Metadata)
	members, ok := ijson.Members(text, func(name string) bool {
		known := likeKnown(name)
		m.Misspelt = m.Misspelt || name != known && known != ""
		return name == known
	})
	if !ok {
		return &Metadata{Malformed: true}
	}
	m.RedirectURIs = m.list(members["redirect_uris"])
	m.PostLogoutRedirectURIs = m.list(members["post_logout_redirect_uris"])
	m.GrantTypes = m.list(members["grant_types"])
	m.ResponseTypes = m.list(members["response_types"])
	m.ApplicationType = m.text(members["application_type"])
	m.KeysURI = m.text(members["jwks_uri"]) != ""
	m.Statement = m.text(members["software_statement"]) != ""
	if keys := members["jwks"]; keys != nil {
		_, m.Keys = keys.(map[string]any)
		m.Mistyped = m.Mistyped || !m.Keys
	}
	return m
}

// likeKnown is the member that a name is in some case, as encoding/json of Go compares names; empty if there is none.
func likeKnown(name string) string {
	if name == "" || !metadataInitials[name[0]] {
		return ""
	}
	for _, known := range metadataMembers {
		// A letter beyond ASCII takes more bytes than that for which it can stand.
		if len(name) >= len(known) && strings.EqualFold(name, known) {
			return known
		}
	}
	return ""
}

// list reads an array of strings.
func (m *Metadata) list(value any) []string {
	if value == nil {
		return nil
	}
	elements, ok := value.([]any)
	if !ok {
		m.Mistyped = true
		return nil
	}
	list := make([]string, 0, len(elements))
	for _, element := range elements {
		text, ok := element.(string)
		if !ok {
			m.Mistyped = true
			return nil
		}
		list = append(list, text)
	}
	return list
}

// text reads a string.
func (m *Metadata) text(value any) string {
	text, ok := value.(string)
	if value != nil && !ok {
		m.Mistyped = true
	}
	return text
}
