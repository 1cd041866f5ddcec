package hardening_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// sample is one invalid request: a vector of a rule that the profile rfc6749 enforces.
type sample struct {
	rule *rule.Rule
	*vectors.Vector
}

// left names the vectors that are not sent, with the reason.
var left = map[string]string{
	"wire.query.raw_byte: a blank":                       "a blank ends the request target",
	"bearer.header.malformed: a control":                 "net/http refuses a control in a field value before any handler",
	"authorize.redirect_uri.scheme: a registered script": "no server lets a script be registered",
}

// servedEndpoints are the endpoints that every server has.
var servedEndpoints = rule.At(rule.Authorize, rule.Token, rule.Userinfo, rule.Resource)

// sendable reports whether the request says all that matters, and goes to an endpoint that every server has, in whatever spelling. A vector with a clock or a certificate cannot be sent.
func sendable(v *vectors.Vector) bool {
	if v.Transport != "" || v.BodyState != "" || v.Time != "" || v.Origin != "" || v.Certificate != "" || v.RequestObjects != "" || v.Directory != "" && v.Directory != "none" {
		return false
	}
	_, target, _ := strings.Cut(v.Request[0], " ")
	for _, elsewhere := range []string{"/oauth2/par", "/oauth2/device", "/oauth2/bc-", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/register", "/oauth2/logout"} {
		if strings.HasPrefix(target, elsewhere) {
			return false
		}
	}
	return true
}

// samples are the vectors that fire in the profile rfc6749 because of the request alone, in the order of the catalogue. What fires without knowledge of the clients is wrong with it too.
func samples(files map[string]vectors.File) []sample {
	var chosen []sample
	catalogue := validators.Catalogue()
	for i := range catalogue {
		r := &catalogue[i]
		if r.Modes.In(rule.RFC6749) != rule.Enforce {
			continue
		}
		for j := range files[r.ID].Vectors {
			v := &files[r.ID].Vectors[j]
			if v.Fires && sendable(v) && (v.Profile == "" || v.Profile == rule.RFC6749.String()) && left[r.ID+": "+v.Name] == "" {
				chosen = append(chosen, sample{r, v})
			}
		}
	}
	return chosen
}

// What vectors write where a real request has something that the server issued. The group is replaced.
var (
	writtenCode    = regexp.MustCompile(`\bcode=(abc|a)(?:&|$)`)
	writtenRefresh = regexp.MustCompile(`\brefresh_token=(r)(?:&|$)`)
	writtenAccess  = regexp.MustCompile(`\baccess_token=(a)(?:&|$)`)
	writtenBearer  = regexp.MustCompile(`(?i)^authorization:\s*bearer[\s:]*"?(abc|a|t)\b`)
	verifier       = regexp.MustCompile(`\bcode_verifier=([^&]*)`)
)

// issuer gives what a server issues to clients and their user.
type issuer interface {
	// code returns a fresh code; the S256 challenge of PKCE can be empty.
	code(clientID, challenge string) string
	refreshToken() string
	accessToken() string
}

// message writes the sample as bytes, with real codes and tokens, so that the server has nothing to complain about but what the rule names.
func (s sample) message(host string, real issuer) string {
	request := *s.Vector
	request.Request = slices.Clone(s.Request)
	for i, line := range request.Request {
		line = strings.Replace(line, "/api/x", paths.Resource, 1)
		line = substitute(line, writtenCode, func() string { return real.code(s.client(), s.challenge()) })
		line = substitute(line, writtenRefresh, real.refreshToken)
		line = substitute(line, writtenAccess, real.accessToken)
		request.Request[i] = substitute(line, writtenBearer, real.accessToken)
	}
	return request.Message("Host: " + host)
}

// substitute replaces the group of the first match.
func substitute(line string, pattern *regexp.Regexp, value func() string) string {
	group := pattern.FindStringSubmatchIndex(line)
	if group == nil {
		return line
	}
	return line[:group[2]] + value() + line[group[3]:]
}

// client is the one that the request comes from.
func (s sample) client() string {
	if strings.Contains(s.last(), "client_id=narrow") {
		return "narrow"
	}
	return "app"
}

// challenge is the S256 challenge that belongs to the code_verifier of the request, if it has one.
func (s sample) challenge() string {
	found := verifier.FindStringSubmatch(s.last())
	if found == nil {
		return ""
	}
	value, err := url.QueryUnescape(found[1])
	if err != nil {
		return ""
	}
	return challengeOf(value)
}

// challengeOf is the S256 challenge of a verifier.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// last is the last line of the request: the body, if there is one.
func (s sample) last() string { return s.Request[len(s.Request)-1] }

// unsent are the rules that no sample is about, with the reason.
var unsent = map[string]string{
	"wire.body.unreadable":           "the client is gone before it could read an answer",
	"token.client_assertion.expired": "only a clock tells",
	"token.assertion.expired":        "only a clock tells",
}

// dated are the first words of rules whose vectors hold a time or a certificate; some of their requests can be sent all the same.
var dated = []string{"dpop", "mtls", "request_object"}

// TestSamples expects samples of every rule that is enforced, so that a new rule appears on the page.
func TestSamples(t *testing.T) {
	files, err := vectors.Load(filepath.Join(root, "validators"))
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	endpoints := make(map[rule.Endpoint]int)
	for _, s := range samples(files) {
		count[s.rule.ID]++
		for _, endpoint := range rule.AllEndpoints() {
			if s.rule.Endpoints.Has(endpoint) {
				endpoints[endpoint]++
			}
		}
	}
	catalogue := validators.Catalogue()
	for i := range catalogue {
		r := &catalogue[i]
		group, _, _ := strings.Cut(r.ID, ".")
		enforced := r.Modes.In(rule.RFC6749) == rule.Enforce && r.Endpoints&servedEndpoints != 0
		if enforced != (count[r.ID] > 0) && unsent[r.ID] == "" && !slices.Contains(dated, group) {
			t.Errorf("%s is enforced: %t, and has %d samples", r.ID, enforced, count[r.ID])
		}
		if unsent[r.ID] != "" && count[r.ID] > 0 {
			t.Errorf("%s has samples, though it should have none: %s", r.ID, unsent[r.ID])
		}
	}
	for _, endpoint := range rule.AllEndpoints() {
		if servedEndpoints.Has(endpoint) && endpoints[endpoint] == 0 {
			t.Errorf("no sample is sent to %s", endpoint)
		}
	}
	if total := len(samples(files)); total < 80 {
		t.Errorf("%d samples are too few to show anything", total)
	}
}
