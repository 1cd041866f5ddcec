package scan

// Name is a parameter name that some rule knows. Parameters of other names are kept, with the name [Unknown].
type Name uint8

// The recognised parameters. Where no source is given it is RFC 6749.
const (
	Unknown Name = iota

	ResponseType
	ClientID
	RedirectURI
	Scope
	State

	ResponseMode         // OAuth 2.0 Multiple Response Types
	Nonce                // OpenID Connect Core
	Display              // OpenID Connect Core
	Prompt               // OpenID Connect Core
	MaxAge               // OpenID Connect Core
	UILocales            // OpenID Connect Core
	ClaimsLocales        // OpenID Connect Core
	IDTokenHint          // OpenID Connect Core
	LoginHint            // OpenID Connect Core
	ACRValues            // OpenID Connect Core
	Claims               // OpenID Connect Core
	Registration         // OpenID Connect Core
	Request              // RFC 9101
	RequestURI           // RFC 9101
	CodeChallenge        // RFC 7636
	CodeChallengeMethod  // RFC 7636
	DPoPJKT              // RFC 9449
	AuthorizationDetails // RFC 9396
	RequestCredentials   // JetBrains Hub

	Resource   // RFC 8707
	Audience   // RFC 8693
	Permission // UMA 2.0

	GrantType
	Code
	RefreshToken
	Username
	Password
	ClientSecret
	CodeVerifier        // RFC 7636
	ClientAssertion     // RFC 7521
	ClientAssertionType // RFC 7521
	Assertion           // RFC 7521
	DeviceCode          // RFC 8628
	SubjectToken        // RFC 8693
	SubjectTokenType    // RFC 8693
	ActorToken          // RFC 8693
	ActorTokenType      // RFC 8693
	RequestedTokenType  // RFC 8693
	AuthReqID           // OpenID CIBA

	Token         // RFC 7009, RFC 7662
	TokenTypeHint // RFC 7009, RFC 7662
	Callback      // RFC 7009 section 2.3

	LoginHintToken          // OpenID CIBA
	BindingMessage          // OpenID CIBA
	UserCode                // OpenID CIBA
	RequestedExpiry         // OpenID CIBA
	ClientNotificationToken // OpenID CIBA

	PostLogoutRedirectURI // OpenID Connect RP-Initiated Logout
	LogoutHint            // OpenID Connect RP-Initiated Logout

	AccessToken    // RFC 6750
	MethodOverride // the form field that frameworks take as the request's method

	nameCount
)

// nameTexts is indexed by Name.
var nameTexts = [nameCount]string{
	"", "response_type", "client_id", "redirect_uri", "scope", "state",
	"response_mode", "nonce", "display", "prompt", "max_age", "ui_locales", "claims_locales", "id_token_hint", "login_hint",
	"acr_values", "claims", "registration", "request", "request_uri", "code_challenge", "code_challenge_method", "dpop_jkt",
	"authorization_details", "request_credentials", "resource", "audience", "permission",
	"grant_type", "code", "refresh_token", "username", "password", "client_secret", "code_verifier", "client_assertion",
	"client_assertion_type", "assertion", "device_code", "subject_token", "subject_token_type", "actor_token",
	"actor_token_type", "requested_token_type", "auth_req_id",
	"token", "token_type_hint", "callback", "login_hint_token", "binding_message", "user_code", "requested_expiry", "client_notification_token",
	"post_logout_redirect_uri", "logout_hint", "access_token", "_method",
}

// String returns the parameter's name as it is written in a request; it is empty for Unknown.
func (n Name) String() string { return nameTexts[n] }

// AllNames lists every recognised name.
func AllNames() []Name {
	all := make([]Name, 0, nameCount-1)
	for n := Unknown + 1; n < nameCount; n++ {
		all = append(all, n)
	}
	return all
}

// Names is a set of recognised names.
type Names uint64

// NamesOf is the set of the given names.
func NamesOf(names ...Name) Names {
	var set Names
	for _, n := range names {
		set |= 1 << n
	}
	return set
}

// Has reports whether the set holds the name.
func (s Names) Has(n Name) bool { return s&(1<<(n&63)) != 0 }

// First is the first name of the set in the order of the constants, or Unknown.
func (s Names) First() Name {
	for n := Unknown + 1; n < nameCount; n++ {
		if s.Has(n) {
			return n
		}
	}
	return Unknown
}
