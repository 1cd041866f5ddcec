package jwt

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/ijson"
)

// Text is a claim that is a string; empty if there is none.
func (t *Token) Text(claim string) string {
	text, _ := t.Claims[claim].(string)
	return text
}

// Has reports whether the claim is there and not null.
func (t *Token) Has(claim string) bool { return t.Claims[claim] != nil }

// Seconds is a claim that is a NumericDate: seconds since 1970, with or without a fraction (RFC 7519 section 2). It reports false if there is none.
func (t *Token) Seconds(claim string) (seconds float64, ok bool) {
	number, ok := t.Claims[claim].(json.Number)
	if !ok {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(number.String(), 64)
	return seconds, err == nil
}

// audience is the claim aud.
type audience struct {
	values []string
	single bool
}

// Audience is the claim aud, which may be one string or an array of strings (RFC 7519 section 4.1.3); single says that it is one string. An element of
// another type reads as an empty string. The values must not be changed.
func (t *Token) Audience() (values []string, single bool) {
	if t.audience == nil {
		t.audience = new(audience)
		switch aud := t.Claims["aud"].(type) {
		case string:
			t.audience.values, t.audience.single = []string{aud}, true
		case ijson.Raw:
			if aud.IsArray() {
				values := make([]string, 0, min(strings.Count(string(aud), ",")+1, ijson.MaxValues))
				t.audience.values = slices.AppendSeq(values, aud.Strings)
			}
		}
	}
	return t.audience.values, t.audience.single
}

// Confirmation is a member of the claim cnf, which says to whose key a token is bound (RFC 7800 section 3.1); empty if there is none.
func (t *Token) Confirmation(member string) string {
	cnf, _ := t.Claims["cnf"].(ijson.Raw)
	if cnf == "" || cnf.IsArray() {
		return ""
	}
	text, _ := cnf.Members(func(name string) bool { return name == member })[member].(string)
	return text
}
