package validators

import (
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestBounds shows what is refused for its size alone, beside the limits that the configuration sets: one that is as large as it may be, and a larger one.
func TestBounds(t *testing.T) {
	const grant = "grant_type=client_credentials"
	withHeader := func(request rule.Request, name string, fields ...string) rule.Request {
		request.Header[name] = fields
		return request
	}
	object := func(resources int) rule.Request {
		return authorizeRequest("client_id=app&request=" + signedToken(`{"response_type":"code","resource":[`+strings.TrimSuffix(strings.Repeat(`"https://a",`, resources), ",")+"]}"))
	}
	for _, test := range []struct {
		rule           string
		largest, large rule.Request
	}{
		{
			"wire.connection.nominates",
			withHeader(tokenRequest(grant), "Connection", strings.Repeat("a,", 511)+"b"),
			withHeader(tokenRequest(grant), "Connection", strings.Repeat("a,", 511)+"bc"),
		},
		{
			"wire.connection.nominates",
			withHeader(tokenRequest(grant), "Connection", slices.Repeat([]string{"a"}, 512)...),
			withHeader(tokenRequest(grant), "Connection", slices.Repeat([]string{"a"}, 513)...),
		},
		{
			"wire.charset.unsupported",
			withHeader(tokenRequest(grant), "Content-Type", formType[0]+";"+strings.Repeat("a=b;", 256)),
			withHeader(tokenRequest(grant), "Content-Type", formType[0]+";"+strings.Repeat("a=b;", 256)+";"),
		},
		{
			"token.authorization.malformed",
			withHeader(tokenRequest(grant), "Authorization", "Basic "+strings.Repeat("YTph", 4<<10)),
			withHeader(tokenRequest(grant), "Authorization", "Basic "+strings.Repeat("YTph", 4<<10+1)),
		},
		// What the object adds are response_type and the resources.
		{"wire.limit.parameters", object(99), object(100)},
		{
			"authorize.scope.not_allowed",
			authorizeRequest("response_type=code&client_id=narrow&scope=" + strings.Repeat("read+", 511) + "read"),
			authorizeRequest("response_type=code&client_id=narrow&scope=" + strings.Repeat("read+", 512) + "read"),
		},
	} {
		config := testConfig(rule.RFC6749)
		config.RequestObjects = rule.RequestObjectsUsed
		engine, directory := newEngine(t, config), testDirectory(t, "")
		if ids, _ := findingIDs(decide(engine, test.largest, directory)); slices.Contains(ids, test.rule) {
			t.Errorf("%s: what is as large as it may be is found by %v", test.rule, ids)
		}
		if ids, _ := findingIDs(decide(engine, test.large, directory)); !slices.Contains(ids, test.rule) {
			t.Errorf("%s: what is larger is found by %v", test.rule, ids)
		}
	}
}

// TestManyWords: of a scope so many words are looked up as names of services, and no more.
func TestManyWords(t *testing.T) {
	engine, directory := newEngine(t, testConfig(rule.Hub)), testDirectory(t, "services")
	for words, named := range map[int]bool{511: true, 512: false} {
		request := authorizeRequest("response_type=code&client_id=app&scope=" + strings.Repeat("x+", words) + "app")
		if ids, _ := findingIDs(decide(engine, request, directory)); slices.Contains(ids, "authorize.scope.unregistered_service") == named {
			t.Errorf("behind %d unknown words: %v", words, ids)
		}
	}
}

// TestObjectOfJSON: JSON in a request object is judged as it is written there, and may have ends of lines, which are control characters elsewhere.
func TestObjectOfJSON(t *testing.T) {
	config := testConfig(rule.RFC6749)
	config.RequestObjects = rule.RequestObjectsUsed
	for claims, want := range map[string][]string{
		"{\"response_type\":\"code\",\n\t\"claims\" : {\r\n\t\"userinfo\": {\"email\":null} }\n, \"authorization_details\": [ {\"type\":\"a\"},\n{\"type\":\"b\\u00e9\"} ]}": nil,
		`{"response_type":"code","claims":{"userinfo":{"email":1}}}`:                                    {"authorize.claims.malformed"},
		`{"response_type":"code","authorization_details":[{"type":"a"},{}]}`:                            {"authorize.authorization_details.malformed"},
		`{"response_type":"code","authorization_details":{"type":"a"}}`:                                 {"authorize.authorization_details.malformed"},
		`{"response_type":"code","resource":["https://a",["https://b",null]]}`:                          nil,
		`{"response_type":"code","resource":["https://a",["https://b#c"]]}`:                             {"authorize.resource.malformed"},
		`{"response_type":"code","resource":[{"a":"https://b"}]}`:                                       {"authorize.resource.malformed"},
		`{"response_type":["code"]}`:                                                                    {"authorize.response_type.malformed"},
		`{"response_type":"code","max_age":true}`:                                                       {"authorize.max_age.malformed"},
		`{"response_type":"code","max_age":10}`:                                                         nil,
		`{"response_type":"co\u0064e","redirect_uri":"https:\/\/app.example\/cb","state":"a\u0000bcd"}`: {"wire.control_character"},
	} {
		request := authorizeRequest("client_id=app&request=" + signedToken(claims))
		ids, _ := findingIDs(decide(newEngine(t, config), request, testDirectory(t, "")))
		ids = slices.DeleteFunc(ids, func(id string) bool {
			return strings.HasPrefix(id, "request_object.") || strings.HasPrefix(id, "authorize.state.")
		})
		if !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", claims, ids, want)
		}
	}
}
