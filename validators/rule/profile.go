package rule

import "fmt"

// Modes is the mode of one rule in every profile.
type Modes struct {
	Hub, RFC6749, OAuth21, FAPI2 Mode
}

// In is the mode in that profile.
func (m Modes) In(p Profile) Mode {
	return [...]Mode{Hub: m.Hub, RFC6749: m.RFC6749, OAuth21: m.OAuth21, FAPI2: m.FAPI2}[p]
}

// Modes that many rules share.
var (
	// EnforceEverywhere is the mode of rules about which all profiles agree.
	EnforceEverywhere = Modes{Hub: Enforce, RFC6749: Enforce, OAuth21: Enforce, FAPI2: Enforce}
	// ReportEverywhere is the mode of rules that show something worth knowing which is legal nevertheless.
	ReportEverywhere = Modes{Hub: Report, RFC6749: Report, OAuth21: Report, FAPI2: Report}
	// EnforceStandard is the mode of rules that the standards state and that real Hub clients are known, or likely, to break.
	EnforceStandard = Modes{Hub: Report, RFC6749: Enforce, OAuth21: Enforce, FAPI2: Enforce}
	// EnforceOutsideHub is the mode of rules about what a JetBrains Hub does not know, and so ignores.
	EnforceOutsideHub = Modes{RFC6749: Enforce, OAuth21: Enforce, FAPI2: Enforce}
	// EnforceOAuth21 is the mode of what RFC 6749 allows and OAuth 2.1 does not.
	EnforceOAuth21 = Modes{OAuth21: Enforce, FAPI2: Enforce}
	// EnforceFAPI2 is the mode of what only the security profile of FAPI 2.0 demands.
	EnforceFAPI2 = Modes{FAPI2: Enforce}
	// OnRequest is the mode of rules that are a policy of their own: off until the configuration turns them on.
	OnRequest = Modes{}
)

// Profile is a named set of modes and tolerances.
type Profile uint8

const (
	// Hub is JetBrains Hub and what embeds it: strict about the bytes, tolerant about values, so that every known Hub client works.
	Hub Profile = iota
	// RFC6749 is any server: RFC 6749, 6750, 7636 and OpenID Connect Core as they are written.
	RFC6749
	// OAuth21 is RFC 9700 and OAuth 2.1: PKCE with S256, no implicit and no password grant, no token in the query, errors on a page.
	OAuth21
	// FAPI2 is the security profile of FAPI 2.0: pushed requests of confidential clients, with tokens bound by DPoP or mutual TLS.
	FAPI2

	profileCount
)

var profileNames = [profileCount]string{"hub", "rfc6749", "oauth21", "fapi2"}

// Profiles lists every profile.
func Profiles() []Profile { return []Profile{Hub, RFC6749, OAuth21, FAPI2} }

// String returns the profile as it is written in the configuration.
func (p Profile) String() string { return profileNames[p] }

// ParseProfile returns the profile of that name; the empty name is the default, hub.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return Hub, nil
	}
	for p, known := range profileNames {
		if known == name {
			return Profile(p), nil
		}
	}
	return Hub, fmt.Errorf("unknown profile %q: use hub, rfc6749, oauth21 or fapi2", name)
}
