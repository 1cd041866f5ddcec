// Package backchannel holds the rules of the backchannel authentication endpoint: OpenID Connect Client-Initiated Backchannel Authentication (CIBA) Core section 7. What it has
// in common with the token endpoint is judged by package token.
package backchannel

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

var (
	here = rule.At(rule.Backchannel)
	// hints say who is to be asked; exactly one is required.
	hints = scan.NamesOf(scan.LoginHint, scan.LoginHintToken, scan.IDTokenHint)
	// signed are the parameters that belong into a signed request if there is one.
	signed = hints | scan.NamesOf(scan.Scope, scan.ClientNotificationToken, scan.ACRValues, scan.BindingMessage, scan.UserCode, scan.RequestedExpiry)
)

// maxBindingMessage is a number of characters that no device shows as one message.
const maxBindingMessage = 1024

// Rules are the rules about authentication requests. What stands in a signed request is not missing in the form.
var Rules = []rule.Rule{
	{
		ID: "backchannel.client_authentication.missing", Endpoints: here, Error: "invalid_client", Modes: rule.EnforceEverywhere, When: rule.When{Traits: rule.Unproven},
		Title:       "The client does not authenticate: no Basic, no secret, no assertion, no certificate",
		Why:         "Anybody could make the devices of other people ask for their consent.",
		Source:      "CIBA Core section 7.1",
		Covers:      []string{"C-01", "K-26"},
		Description: "the client must authenticate",
		Check:       (*rule.Case).Unauthenticated,
	},
	{
		ID: "backchannel.request.mixed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.Request)},
		Title:       "A parameter of the request beside a signed request",
		Why:         "One is signed, the other is used.",
		Source:      "CIBA Core section 7.1.1",
		Covers:      []string{"C-01"},
		Description: "beside request there must be no other parameter of the request",
		Check:       func(c *rule.Case) bool { return c.Has(scan.Request) && c.Parameters.Present&signed != 0 },
		Subject:     func(c *rule.Case) scan.Name { return (c.Parameters.Present & signed).First() },
	},
	{
		ID: "backchannel.hint.missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		Title:       "None of login_hint, login_hint_token and id_token_hint",
		Why:         "Nobody knows who is to be asked.",
		Source:      "CIBA Core section 7.1",
		Covers:      []string{"C-01"},
		Description: "one of login_hint, login_hint_token and id_token_hint is required",
		Check:       func(c *rule.Case) bool { return c.Parameters.Present&hints == 0 && !c.Has(scan.Request) },
	},
	{
		ID: "backchannel.hint.several", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceEverywhere,
		When:        rule.When{Names: hints},
		Title:       "More than one of login_hint, login_hint_token and id_token_hint",
		Why:         "One person is meant, another one is asked.",
		Source:      "CIBA Core section 7.1",
		Covers:      []string{"C-01"},
		Description: "only one of login_hint, login_hint_token and id_token_hint is allowed",
		Check:       func(c *rule.Case) bool { return bits.OnesCount64(uint64(c.Parameters.Present&hints)) > 1 },
	},
	{
		ID: "backchannel.id_token_hint.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.IDTokenHint)},
		Title:       "id_token_hint is not a compact JWT",
		Why:         "It cannot be a token that the server issued.",
		Source:      "CIBA Core section 7.1, RFC 7515 section 7.1, RFC 7516 section 7.1",
		Covers:      []string{"C-01"},
		Description: "id_token_hint is malformed",
		Check:       func(c *rule.Case) bool { return c.Has(scan.IDTokenHint) && !rule.CompactJWT(c.Get(scan.IDTokenHint)) },
	},
	{
		ID: "backchannel.scope.openid_missing", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		Title:       "scope is missing, or lacks openid",
		Why:         "What is asked for is an authentication, whose result is an ID token.",
		Source:      "CIBA Core section 7.1",
		Covers:      []string{"C-01"},
		Description: "scope must contain openid",
		Check:       func(c *rule.Case) bool { return !rule.HasWord(c.Get(scan.Scope), "openid") && !c.Has(scan.Request) },
	},
	{
		ID: "backchannel.requested_expiry.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.RequestedExpiry)},
		Title:       "requested_expiry is not a positive number of seconds",
		Why:         "A server that reads it otherwise waits for ever, or not at all.",
		Source:      "CIBA Core section 7.1",
		Covers:      []string{"C-01"},
		Description: "requested_expiry must be a positive integer",
		Check: func(c *rule.Case) bool {
			value := c.Get(scan.RequestedExpiry)
			return value != "" && (len(value) > 18 || strings.Trim(value, "0123456789") != "" || strings.Trim(value, "0") == "")
		},
	},
	{
		ID: "backchannel.binding_message.too_long", Endpoints: here, Error: "invalid_binding_message", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.BindingMessage)},
		Title:       "binding_message has more than 1024 characters",
		Why:         "A person compares it on two devices. The standard wants it short and sets no limit; servers set lower ones.",
		Source:      "CIBA Core sections 7.1 and 13",
		Covers:      []string{"C-01"},
		Description: "binding_message is too long",
		Check:       func(c *rule.Case) bool { return utf8.RuneCountInString(c.Get(scan.BindingMessage)) > maxBindingMessage },
	},
	{
		ID: "backchannel.client_notification_token.malformed", Endpoints: here, Error: "invalid_request", Modes: rule.EnforceStandard,
		When:        rule.When{Names: scan.NamesOf(scan.ClientNotificationToken)},
		Title:       "client_notification_token has more than 1024 characters, or is not of the form of a bearer token",
		Why:         "The server sends it in an Authorization header.",
		Source:      "CIBA Core section 7.1, RFC 6750 section 2.1",
		Covers:      []string{"C-01"},
		Description: "client_notification_token is malformed",
		Check: func(c *rule.Case) bool {
			token := c.Get(scan.ClientNotificationToken)
			return token != "" && (len(token) > 1024 || !rule.B64Token(token))
		},
	},
}
