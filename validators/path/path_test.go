package path

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	authorize = 1 + iota
	token
	resource
)

func testSet(t testing.TB) *Set {
	t.Helper()
	var set Set
	for path, tag := range map[string]uint8{"/hub/oauth2/auth": authorize, "/hub/oauth2/token": token, "/o/token/": token, "/hub/api/*": resource} {
		if err := set.Add(path, tag); err != nil {
			t.Fatal(err)
		}
	}
	set.Shape("/oauth2/token")
	return &set
}

func TestClassify(t *testing.T) {
	set := testSet(t)
	for _, test := range []struct {
		path string
		want Result
	}{
		{"/hub/oauth2/token", Result{Tag: token}},
		{"/hub/oauth2/token;jsessionid=A1.b-c_d!2", Result{Tag: token}},
		{"/hub/oauth2/token;jsessionid=", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token;JSESSIONID=A", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token;jsessionid=A;x", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token/", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token//", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/TOKEN", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token.json", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token.XML/", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token.", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/to%6ben", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/to%256ben", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2%2Ftoken", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/to%c1%aben", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/to\xc1\xaben", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2\xc0\xaftoken", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/to\xc2\xaben", Result{}},
		{"/hub/oauth2/to\xc1ken", Result{}},
		{"/hub\\oauth2\\token", Result{Tag: token, Ambiguous: true}},
		{"/hub/./oauth2/x/../token", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/x//../token", Result{Tag: token, Ambiguous: true}},
		{"/hub//x/../../oauth2/token", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/x%2f..%2ftoken", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/x/..;a=b/token;c", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/x/..%3b/token", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token%00.css", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token%09", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token;/x", Result{Tag: token, Ambiguous: true, Below: 0}},
		{"hub/oauth2/token", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/tok%C5%BFen", Result{}},
		{"/o/token/", Result{Tag: token}},
		{"/o/token", Result{Tag: token, Ambiguous: true}},
		{"/o/token//", Result{Tag: token, Ambiguous: true}},

		{"/hub/oauth2/tokens", Result{}},
		{"/hub/oauth2/keys", Result{}},
		{"/hub/oauth2/token/extra", Result{Below: token}},
		{"/hub/oauth2/token/a%2Fb", Result{Below: token}},
		{"/o/token/style.css", Result{Below: token}},
		{"/other/oauth2/token", Result{Shaped: true}},
		{"/hub/.well-known/openid-configuration", Result{}},
		{"/", Result{}},
		{"*", Result{}},
		{"", Result{}},

		{"/hub/api/users/me", Result{Tag: resource}},
		{"/hub/api/a%2Fb;v=1/c.json", Result{Tag: resource}},
		{"/hub/api/%E2%82%AC", Result{Tag: resource}},
		{"/hub/api/a/../b", Result{Tag: resource}},
		{"/hub/api", Result{}},
		{"/hub/API/users", Result{Tag: resource, Ambiguous: true}},
		{"/hub/api/../x", Result{Tag: resource, Ambiguous: true}},
		{"/hub/x/../api/users", Result{Tag: resource, Ambiguous: true}},
		{"/hub/api/../oauth2/token", Result{Tag: token, Ambiguous: true}},
		{"/" + strings.Repeat("a%20", MaxLength), Result{}},
		{"/hub/api/" + strings.Repeat("a%20", MaxLength), Result{Tag: resource}},
		{"/hub/api/" + strings.Repeat("a/../", MaxLength), Result{Tag: resource, Ambiguous: true}},
		{"/hub/oauth2/" + strings.Repeat("x/..;/", MaxLength) + "to%6Ben", Result{Tag: token, Ambiguous: true}},
		{"/" + strings.Repeat("a%20", MaxLength) + `;\..\..\hub\oauth2\token`, Result{Tag: token, Ambiguous: true}},
		{"/" + strings.Repeat("a%20", MaxLength) + `;v=1\hub\api\x`, Result{Tag: resource, Ambiguous: true}},
		{"/" + strings.Repeat("a%20", MaxLength) + `;v=1\files`, Result{}},
		{"/hub/" + strings.Repeat("a/../", MaxLength/6) + "oauth2%2Ftoken", Result{Tag: token, Ambiguous: true}},
		{"/hub" + strings.Repeat("//..", MaxLength/5) + "/oauth2/token%00x", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2" + strings.Repeat("/b/..;", MaxLength/7) + "/token", Result{Tag: token, Ambiguous: true}},
		{"/hub\\" + strings.Repeat("a\\..\\", MaxLength/6) + "oauth2/token", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/" + strings.Repeat("a/../", MaxLength/6) + "token/b%20", Result{}},
		{"/hub/./oauth2/to%E2%84%AAen.json/", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token%3Fx", Result{Tag: token, Ambiguous: true}},
		{"/hub/oauth2/token%23x", Result{Tag: token, Ambiguous: true}},
		{"/" + strings.Repeat("a", 2*MaxLength), Result{}},
	} {
		got := set.Classify(test.path)
		if got != test.want {
			t.Errorf("%.80q: %+v, want %+v", test.path, got, test.want)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	for _, path := range []string{"", "token", "/a?b", "/a#b", "/a%20b", "/a;b", "/a//b", "/a/../b", "/a/./b", "/a*", "/*/b", "/a b", "/a\\b", "/\u00e9", "/a\x00", "/a\x7f", "/\xff/*"} {
		var set Set
		if err := set.Add(path, token); err == nil {
			t.Errorf("%q is accepted", path)
		}
	}
	var set Set
	if set.Add("/a", token) != nil || set.Add("/a", authorize) == nil {
		t.Error("one path for two endpoints is accepted")
	}
}

// FuzzClassify: nothing that a plain cleaning takes for the endpoint passes as something else.
func FuzzClassify(f *testing.F) {
	for _, seed := range []string{"/hub/oauth2/token", "/hub/oauth2/token;x", "/hub/x/..;/oauth2/token", "/hub/oauth2%2ftoken", "//hub/oauth2/token/.", "\\hub/%00", "/%c0%af"} {
		f.Add(seed)
	}
	set := testSet(f)
	f.Fuzz(func(t *testing.T, escaped string) {
		got := set.Classify(escaped)
		if got.Ambiguous && got.Tag == 0 {
			t.Errorf("%q is ambiguous, but for what?", escaped)
		}
		// Tomcat: cut parameters, decode, resolve, merge.
		if servlet(new(texts).decode(new(texts).cutParameters(escaped))) == "/hub/oauth2/token" && got.Tag != token {
			t.Errorf("%q: a servlet container reads the token endpoint, the guard %+v", escaped, got)
		}
		if got.Tag == token && !got.Ambiguous && escaped != "/hub/oauth2/token" && escaped != "/o/token/" && !strings.Contains(escaped, "token;jsessionid=") && !strings.Contains(escaped, "token/;jsessionid=") {
			t.Errorf("%q passes as the token endpoint", escaped)
		}
	})
}

// servlet resolves a path as servlet containers do.
func servlet(path string) string {
	var left []string
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		switch {
		case segment == "..":
			left = left[:max(len(left)-1, 0)]
		case segment != "" && segment != ".":
			left = append(left, segment)
			continue
		}
		if i == len(segments)-1 {
			left = append(left, "")
		}
	}
	return "/" + strings.Join(left, "/")
}

// TestNear compares plain with looking at every endpoint.
func TestNear(t *testing.T) {
	for _, endpoints := range [][]string{{"/hub/oauth2/auth", "/hub/oauth2/token", "/HUB/oauth2/Token2"}, {"/"}, {"/authorize", "/token"}, {"/a", "/a/b"}, {"/a/"}, {}} {
		var set Set
		for i, endpoint := range endpoints {
			if err := set.Add(endpoint, uint8(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			path := rapid.SampledFrom(append(endpoints, "/x", "/hub", "/hub/oauth2")).Draw(t, "endpoint")
			path = path[:rapid.IntRange(1, len(path)).Draw(t, "length")] + rapid.SampledFrom([]string{"", "/", "a", "/x", ".json", ".", "TOKEN", "/b", "z"}).Draw(t, "end")
			if rapid.Bool().Draw(t, "upper") {
				path = strings.ToUpper(path)
			}
			near := set.near(path)
			for i := range set.exact {
				if !near && (set.exact[i].means(path) || set.below(path) != 0) {
					t.Errorf("%q is not near %q", path, endpoints)
				}
			}
		})
	}
}
