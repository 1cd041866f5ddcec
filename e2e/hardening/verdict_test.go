package hardening_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quality says how an invalid request was answered. The worst comes first.
type quality int

const (
	crashed quality = iota
	accepted
	misshapen
	right
)

// String names the quality in the tables.
func (q quality) String() string { return [...]string{"crash", "accepted", "wrong shape", "right"}[q] }

// verdict is a quality with what led to it.
type verdict struct {
	quality quality
	reason  string
}

// reply is a response that was read to its end. The status 0 means that there was none.
type reply struct {
	status int
	header http.Header
	body   string
}

// question is what a reply answers.
type question struct {
	// endpoint is that of the guard: authorize, token, userinfo or resource, or another word if the path is no endpoint's.
	endpoint string
	// method is that of the request.
	method string
	// elsewhere says that the path is not literally the endpoint, so that the server may know nothing there.
	elsewhere bool
	// endpoints are the paths of all endpoints.
	endpoints []string
	// authorization says that the request had an Authorization header.
	authorization bool
	// redirectURIs are all that are registered.
	redirectURIs []string
}

// judge compares a reply to an invalid request with what the standards demand, whoever wrote it.
func judge(q question, r reply) verdict {
	switch {
	case r.status == 0:
		return verdict{crashed, "no response"}
	case r.status >= 500 && r.status != http.StatusNotImplemented:
		return verdict{crashed, fmt.Sprint(r.status)}
	case q.elsewhere && r.status == http.StatusNotFound:
		return verdict{right, "404"}
	case q.elsewhere && r.status/100 == 3 && slices.Contains(q.endpoints, pathOf(r.header.Get("Location"))):
		return verdict{right, fmt.Sprint(r.status, " to the endpoint")}
	}
	switch q.endpoint {
	case "authorize":
		return judgeAuthorize(q, r)
	case "userinfo", "resource":
		return judgeBearer(r)
	default:
		return judgeToken(q, r)
	}
}

// pathOf is the path of a Location.
func pathOf(location string) string {
	target, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return target.Path
}

// formInput is a part of a page on which the user is asked something.
var formInput = regexp.MustCompile(`(?i)<(input|button)\b`)

// judgeAuthorize expects an error page, or a redirect with an error to a registered URI: RFC 6749 section 4.1.2.1.
func judgeAuthorize(q question, r reply) verdict {
	location := r.header.Get("Location")
	switch {
	case r.status/100 == 3:
		target, err := url.Parse(location)
		if err != nil {
			return verdict{misshapen, fmt.Sprint(r.status, " to a malformed Location")}
		}
		query, _ := url.ParseQuery(target.RawQuery)
		fragment, _ := url.ParseQuery(target.EscapedFragment())
		granted := slices.ContainsFunc([]string{"code", "access_token", "id_token"}, func(name string) bool {
			return query.Has(name) || fragment.Has(name)
		})
		code := query.Get("error") + fragment.Get("error")
		base, _, _ := strings.Cut(location, "?")
		base, _, _ = strings.Cut(base, "#")
		registered := slices.ContainsFunc(q.redirectURIs, func(uri string) bool {
			uri, _, _ = strings.Cut(uri, "?")
			return uri == base
		})
		switch {
		case granted:
			return verdict{accepted, "a code or a token"}
		case code != "" && !registered:
			return verdict{misshapen, fmt.Sprint(r.status, " ", code, " to a URI that is not registered")}
		case code != "" && authorizeErrors[code]:
			return verdict{right, fmt.Sprint(r.status, " ", code)}
		case code != "":
			return verdict{misshapen, fmt.Sprint(r.status, " ", code)}
		case registered:
			return verdict{misshapen, fmt.Sprint(r.status, " to the client without an error")}
		default:
			return verdict{accepted, "login"}
		}
	case r.status/100 == 2 && (q.method == http.MethodGet || q.method == http.MethodPost) && formInput.MatchString(r.body):
		return verdict{accepted, "login"}
	case r.status/100 == 2 && q.method == http.MethodHead:
		return verdict{accepted, fmt.Sprint(r.status)}
	case r.status/100 == 2 && errorCode(r) != "":
		return verdict{misshapen, fmt.Sprint(r.status, " ", errorCode(r))}
	case r.status/100 == 2:
		return verdict{misshapen, fmt.Sprint(r.status, " without an error")}
	case r.status == http.StatusNotImplemented:
		return verdict{misshapen, "501"}
	default:
		return verdict{right, strings.TrimSpace(fmt.Sprint(r.status, " ", errorCode(r)))}
	}
}

// judgeToken expects the error of RFC 6749 section 5.2.
func judgeToken(q question, r reply) verdict {
	code := errorCode(r)
	text := strings.TrimSpace(fmt.Sprint(r.status, " ", code))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	_ = json.Unmarshal([]byte(r.body), &token)
	switch {
	case token.AccessToken != "":
		return verdict{accepted, "a token"}
	case r.status == http.StatusMethodNotAllowed && q.method != http.MethodPost && r.header.Get("Allow") != "":
		return verdict{right, text}
	case r.status == http.StatusBadRequest && tokenErrors[code]:
		return verdict{right, text}
	case r.status == http.StatusUnauthorized && code == "invalid_client":
		if q.authorization && r.header.Get("WWW-Authenticate") == "" {
			return verdict{misshapen, text + " without WWW-Authenticate"}
		}
		return verdict{right, text}
	case code == "":
		return verdict{misshapen, text + " without an error"}
	default:
		return verdict{misshapen, text}
	}
}

// judgeBearer expects the error of RFC 6750 section 3: a challenge, which names the error unless the request had no token. For a token that is bound to a key, RFC 9449 section 7.1
// has a challenge of its own.
func judgeBearer(r reply) verdict {
	challenge := r.header.Get("WWW-Authenticate")
	scheme, _, _ := strings.Cut(challenge, " ")
	known := strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP")
	code := ""
	if found := challengeError.FindStringSubmatch(challenge); found != nil {
		code = found[1]
	}
	text := strings.TrimSpace(fmt.Sprint(r.status, " ", code))
	switch {
	case r.status/100 == 2:
		return verdict{accepted, fmt.Sprint(r.status)}
	case !known:
		return verdict{misshapen, text + " without a challenge"}
	case bearerStatus[code] != r.status:
		return verdict{misshapen, text}
	default:
		return verdict{right, text}
	}
}

// challengeError finds the error in a challenge.
var challengeError = regexp.MustCompile(`\berror="?([a-z_]+)`)

// errorCode is the error of a JSON body, if it has one.
func errorCode(r reply) string {
	var message struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal([]byte(r.body), &message)
	return message.Error
}

// bearerStatus is the status of each error of RFC 6750 section 3.1, and of a bare challenge.
var bearerStatus = map[string]int{
	"": http.StatusUnauthorized, "invalid_request": http.StatusBadRequest, "invalid_token": http.StatusUnauthorized, "insufficient_scope": http.StatusForbidden,
	"invalid_dpop_proof": http.StatusUnauthorized,
}

// authorizeErrors are the error codes for redirects of RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8707 section 2 and RFC 9396
// section 5.
var authorizeErrors = set(
	"invalid_request", "unauthorized_client", "access_denied", "unsupported_response_type", "invalid_scope", "server_error", "temporarily_unavailable",
	"interaction_required", "login_required", "account_selection_required", "consent_required", "invalid_request_uri", "invalid_request_object",
	"request_not_supported", "request_uri_not_supported", "registration_not_supported", "invalid_target",
	"invalid_authorization_details",
)

// tokenErrors are the error codes of RFC 6749 section 5.2, RFC 8707 section 2, RFC 9396 section 6 and RFC 9449 section 5.
var tokenErrors = set(
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target",
	"invalid_authorization_details", "invalid_dpop_proof", "use_dpop_nonce",
)

// set makes a set of names.
func set(names ...string) map[string]bool {
	made := make(map[string]bool)
	for _, name := range names {
		made[name] = true
	}
	return made
}

// TestJudge holds one reply of every kind that was seen at real servers.
func TestJudge(t *testing.T) {
	header := func(pairs ...string) http.Header {
		made := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			made.Set(pairs[i], pairs[i+1])
		}
		return made
	}
	const registered = "https://app.example/cb"
	authorize := question{endpoint: "authorize", method: "GET", redirectURIs: []string{registered + "?keep=1"}, endpoints: []string{"/token"}}
	token := question{endpoint: "token", method: "POST", authorization: true}
	bearer := question{endpoint: "resource", method: "GET"}
	elsewhere := question{endpoint: "token", method: "POST", elsewhere: true, endpoints: []string{"/token"}}
	for _, c := range []struct {
		name string
		question
		reply
		want verdict
	}{
		{"closed connection", token, reply{}, verdict{crashed, "no response"}},
		{"exception", bearer, reply{500, nil, "boom"}, verdict{crashed, "500"}},
		{"unknown path", elsewhere, reply{404, nil, ""}, verdict{right, "404"}},
		{"cleaned path", elsewhere, reply{307, header("Location", "/token"), ""}, verdict{right, "307 to the endpoint"}},
		{"error page", authorize, reply{400, nil, "<p>no"}, verdict{right, "400"}},
		{"error redirect", authorize, reply{302, header("Location", registered+"?keep=1&error=invalid_scope"), ""}, verdict{right, "302 invalid_scope"}},
		{"error in the fragment", authorize, reply{303, header("Location", registered+"#error=invalid_scope"), ""}, verdict{right, "303 invalid_scope"}},
		{"error to a stranger", authorize, reply{302, header("Location", "https://evil.example/?error=invalid_scope"), ""}, verdict{misshapen, "302 invalid_scope to a URI that is not registered"}},
		{"error of its own", authorize, reply{302, header("Location", registered+"?error=oops"), ""}, verdict{misshapen, "302 oops"}},
		{"redirect without an error", authorize, reply{302, header("Location", registered), ""}, verdict{misshapen, "302 to the client without an error"}},
		{"code", authorize, reply{302, header("Location", registered+"?code=x"), ""}, verdict{accepted, "a code or a token"}},
		{"login by redirect", authorize, reply{302, header("Location", "/login"), ""}, verdict{accepted, "login"}},
		{"login form", authorize, reply{200, nil, "<form><input name=login>"}, verdict{accepted, "login"}},
		{"JSON error with 200", authorize, reply{200, nil, `{"error":"invalid_request"}`}, verdict{misshapen, "200 invalid_request"}},
		{"empty 204", authorize, reply{204, nil, ""}, verdict{misshapen, "204 without an error"}},
		{"token", token, reply{200, nil, `{"access_token":"x"}`}, verdict{accepted, "a token"}},
		{"token error", token, reply{400, nil, `{"error":"invalid_grant"}`}, verdict{right, "400 invalid_grant"}},
		{"token error with 200", token, reply{200, nil, `{"error":"invalid_grant"}`}, verdict{misshapen, "200 invalid_grant"}},
		{"token error with 403", token, reply{403, nil, `{"error":"invalid_grant"}`}, verdict{misshapen, "403 invalid_grant"}},
		{"invalid_client", token, reply{401, header("WWW-Authenticate", "Basic"), `{"error":"invalid_client"}`}, verdict{right, "401 invalid_client"}},
		{"invalid_client without a challenge", token, reply{401, nil, `{"error":"invalid_client"}`}, verdict{misshapen, "401 invalid_client without WWW-Authenticate"}},
		{"text", token, reply{400, nil, "bad"}, verdict{misshapen, "400 without an error"}},
		{"wrong method", question{endpoint: "token", method: "GET"}, reply{405, header("Allow", "POST"), ""}, verdict{right, "405"}},
		{"resource", bearer, reply{200, nil, "{}"}, verdict{accepted, "200"}},
		{"bare challenge", bearer, reply{401, header("WWW-Authenticate", "Bearer"), ""}, verdict{right, "401"}},
		{"challenge", bearer, reply{401, header("WWW-Authenticate", `Bearer realm="x", error="invalid_token"`), ""}, verdict{right, "401 invalid_token"}},
		{"challenge with the wrong status", bearer, reply{401, header("WWW-Authenticate", `Bearer error="invalid_request"`), ""}, verdict{misshapen, "401 invalid_request"}},
		{"no challenge", bearer, reply{400, nil, `{"error":"invalid_request"}`}, verdict{misshapen, "400 without a challenge"}},
		{"proof", bearer, reply{401, header("WWW-Authenticate", `DPoP error="invalid_dpop_proof", algs="ES256"`), ""}, verdict{right, "401 invalid_dpop_proof"}},
	} {
		if c.header == nil {
			c.header = http.Header{}
		}
		if got := judge(c.question, c.reply); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
