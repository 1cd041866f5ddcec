package rule

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadings: the standard's form-encoding, raw values with colons and percent signs, and Authlib's plus that stays a plus are all legal.
func TestReadings(t *testing.T) {
	for _, test := range []struct {
		credentials string
		want        []Reading
	}{
		{"app:secret", []Reading{{"app", "secret"}}},
		{"app:", []Reading{{"app", ""}}},
		{"a:b:c", []Reading{{"a", "b:c"}, {"a:b", "c"}}},
		{"a+b:p%40+", []Reading{{"a+b", "p%40+"}, {"a b", "p@ "}, {"a+b", "p@+"}}},
		{"a:100%", []Reading{{"a", "100%"}, {"a", "100%"}, {"a", "100%"}}},
	} {
		var a Authentication
		a.header("Basic " + base64.StdEncoding.EncodeToString([]byte(test.credentials)))
		if diff := cmp.Diff(test.want, a.Readings()); diff != "" || a.Malformed {
			t.Errorf("%s: malformed %v (-want +got):\n%s", test.credentials, a.Malformed, diff)
		}
	}
}

func TestAuthorizationHeader(t *testing.T) {
	for value, want := range map[string]struct {
		scheme           Scheme
		malformed, loose bool
	}{
		"Basic YTpi":             {BasicScheme, false, false},
		"bAsIc   YTpi":           {BasicScheme, false, false},
		"Basic\tYTpi":            {BasicScheme, true, false},
		" Basic YTpi":            {BasicScheme, true, false},
		"Basic YTpi ":            {BasicScheme, true, false},
		"Basic":                  {BasicScheme, true, false},
		"Basic YTpiYw":           {BasicScheme, false, true},
		"Basic YTpi\nYTpi":       {BasicScheme, false, true},
		"Basic YTpi, Basic YTpj": {BasicScheme, true, true},
		"Basic YWI=":             {BasicScheme, true, false},
		"Basic:YTpi":             {BasicScheme, true, false},
		"BasicYTpi":              {BasicScheme, true, false},
		"Basic OnNlY3JldA==":     {BasicScheme, true, false},
		"Basic YXBwAHg6cw==":     {BasicScheme, true, false},
		"Bearer x":               {TokenScheme, false, false},
		"bEARER":                 {TokenScheme, false, false},
		"DPoP x":                 {TokenScheme, false, false},
		"Bearerx":                {OtherScheme, false, false},
		"Digest x":               {OtherScheme, false, false},
		"":                       {OtherScheme, false, false},
	} {
		var a Authentication
		a.header(value)
		if a.Scheme != want.scheme || a.Malformed != want.malformed || !want.malformed && a.Loose != want.loose {
			t.Errorf("%q: %+v, want %+v", value, a, want)
		}
	}
}

func TestContentType(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		fields []string
		want   ContentType
	}{
		{nil, ContentType{}},
		{[]string{form}, ContentType{true, true, false, NoCharset}},
		{[]string{form + "; charset=UTF-8"}, ContentType{true, true, false, UTF8}},
		{[]string{form + `;charset="utf-8";x=y`}, ContentType{true, true, false, UTF8}},
		{[]string{form + ";charset=ISO-8859-1"}, ContentType{true, true, false, Latin}},
		{[]string{form + ";charset=ibm037"}, ContentType{true, true, false, Foreign}},
		{[]string{form + ";charset=utf-8;charset=utf-8"}, ContentType{true, true, false, Foreign}},
		{[]string{form + ";charset"}, ContentType{true, false, false, NoCharset}},
		{[]string{form + ";charset ="}, ContentType{true, false, false, NoCharset}},
		{[]string{form + ", text/plain"}, ContentType{true, false, false, NoCharset}},
		{[]string{form + ";a=b, text/plain"}, ContentType{true, false, false, NoCharset}},
		{[]string{form, form}, ContentType{true, false, false, NoCharset}},
		{[]string{"text/plain"}, ContentType{true, false, false, NoCharset}},
		{[]string{form + ";;"}, ContentType{true, true, false, NoCharset}},
		{[]string{form + ";x="}, ContentType{true, true, false, NoCharset}},
		{[]string{form + `; x="\"; charset=iso-2022-jp; y=\""`}, ContentType{true, false, false, NoCharset}},
		{[]string{form + `; x="charset=ibm037`}, ContentType{true, false, false, NoCharset}},
		{[]string{form + `; x="; charset=ibm037"`}, ContentType{true, true, false, Foreign}},
		{[]string{form + "; x-charset=ibm037"}, ContentType{true, true, false, Foreign}},
		{[]string{"application/json"}, ContentType{true, false, true, NoCharset}},
		{[]string{"Application/JSON ; charset=UTF-8"}, ContentType{true, false, true, UTF8}},
		{[]string{"application/json;charset=utf-16"}, ContentType{true, false, true, Foreign}},
		{[]string{"application/json, " + form}, ContentType{true, false, false, NoCharset}},
		{[]string{"application/json-patch+json"}, ContentType{true, false, false, NoCharset}},
		{[]string{"application/json", "application/json"}, ContentType{true, false, false, NoCharset}},
	} {
		if got := ParseContentType(test.fields); got != test.want {
			t.Errorf("%q: %+v, want %+v", test.fields, got, test.want)
		}
	}
}
