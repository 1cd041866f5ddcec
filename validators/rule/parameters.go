package rule

import "github.com/oauthguard/caddy-oauth-guard/validators/scan"

// The parameters that each endpoint defines. Others are unknown there: they may repeat, and no spelling folds into them.
var (
	// clientNames identify and authenticate a client: RFC 6749 section 2.3, RFC 7521 section 4.2.
	clientNames    = scan.NamesOf(scan.ClientID, scan.ClientSecret, scan.ClientAssertion, scan.ClientAssertionType, scan.MethodOverride)
	authorizeNames = scan.NamesOf(scan.ResponseType, scan.ClientID, scan.RedirectURI, scan.Scope, scan.State, scan.ResponseMode, scan.Nonce,
		scan.Display, scan.Prompt, scan.MaxAge, scan.UILocales, scan.ClaimsLocales, scan.IDTokenHint, scan.LoginHint, scan.ACRValues,
		scan.Claims, scan.Registration, scan.Request, scan.RequestURI, scan.CodeChallenge, scan.CodeChallengeMethod, scan.DPoPJKT,
		scan.AuthorizationDetails, scan.RequestCredentials, scan.Resource, scan.Audience)
	relevantNames = [EndpointCount]scan.Names{
		Authorize: authorizeNames,
		PAR:       authorizeNames | clientNames,
		Token: clientNames | scan.NamesOf(scan.GrantType, scan.Code, scan.RedirectURI, scan.RefreshToken, scan.Scope, scan.Username, scan.Password,
			scan.CodeVerifier, scan.Assertion, scan.DeviceCode, scan.SubjectToken, scan.SubjectTokenType, scan.ActorToken, scan.ActorTokenType,
			scan.RequestedTokenType, scan.AuthReqID, scan.AuthorizationDetails, scan.Resource, scan.Audience, scan.Permission),
		Device: clientNames | scan.NamesOf(scan.Scope, scan.Resource, scan.Audience, scan.AuthorizationDetails),
		Backchannel: clientNames | scan.NamesOf(scan.Scope, scan.ClientNotificationToken, scan.ACRValues, scan.LoginHintToken, scan.IDTokenHint,
			scan.LoginHint, scan.BindingMessage, scan.UserCode, scan.RequestedExpiry, scan.Request, scan.AuthorizationDetails, scan.Resource, scan.Audience),
		Revocation:    clientNames | scan.NamesOf(scan.Token, scan.TokenTypeHint, scan.Callback),
		Introspection: clientNames | scan.NamesOf(scan.Token, scan.TokenTypeHint),
		Logout:        scan.NamesOf(scan.IDTokenHint, scan.LogoutHint, scan.ClientID, scan.PostLogoutRedirectURI, scan.State, scan.UILocales),
		Userinfo:      scan.NamesOf(scan.AccessToken),
		Resource:      scan.NamesOf(scan.AccessToken),
	}
)

// RelevantNames are the parameters that an endpoint defines.
func RelevantNames(e Endpoint) scan.Names { return relevantNames[e] }

// StandardNames are the parameters of RFC 6749, which must not repeat at the endpoints that know them (sections 3.1 and 3.2 with erratum 5708).
var StandardNames = scan.NamesOf(scan.ResponseType, scan.ClientID, scan.RedirectURI, scan.Scope, scan.State, scan.GrantType, scan.Code, scan.ClientSecret,
	scan.RefreshToken, scan.Username, scan.Password)

// RepeatableNames may legally repeat: RFC 8707 section 2, RFC 8693 section 2.1, UMA 2.0.
var RepeatableNames = scan.NamesOf(scan.Resource, scan.Audience, scan.Permission)
