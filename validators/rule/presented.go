package rule

import "strings"

// Presented is what the first Authorization field presents as an access token, with whatever makes it malformed; presented is false for other schemes. It is found out when a
// rule first asks.
func (c *Case) Presented() (credentials string, presented bool) {
	if !c.credentialsAsked {
		c.credentialsAsked = true
		c.credentials, c.presented = "", false
		if fields := c.AuthorizationHeader; len(fields) > 0 {
			c.credentials, c.presented = accessToken(fields[0])
		}
	}
	return c.credentials, c.presented
}

// accessToken reads RFC 6750 section 2.1 and RFC 9449 section 7.1.
func accessToken(field string) (credentials string, presented bool) {
	if token, found := strings.CutPrefix(field, "Bearer "); found && token != "" && token[0] > ' ' {
		return token, true // as nearly all of them are written
	}
	value := field
	if value != "" && (value[0] == ' ' || value[0] == '\t') {
		value = strings.TrimLeft(value, " \t")
	}
	end := 0
	for end < len(value) && value[end] != ' ' && value[end] != '\t' {
		end++
	}
	scheme, rest := value[:end], value[end:]
	// HTTP/2 can carry blanks before the value, which some servers trim; and some look for the word alone, and then cut at its length. Both count as a
	// malformed token.
	switch {
	case len(scheme) > len("Bearer") && strings.EqualFold(scheme[:len("Bearer")], "Bearer"):
		return " " + value, true
	case !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP"):
		return "", false
	case len(value) != len(field):
		return field, true
	}
	return strings.TrimLeft(rest, " "), true
}
