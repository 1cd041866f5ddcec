package page

import (
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// formPostPage renders the form post page and returns its body and its policy.
func formPostPage(t *testing.T, uri string, parameters [][2]string) (body, policy string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	WriteFormPost(recorder, uri, parameters)
	if recorder.Code != 200 {
		t.Fatalf("status %d", recorder.Code)
	}
	for field, want := range map[string]string{
		"Content-Type":           "text/html; charset=utf-8",
		"Cache-Control":          "no-store",
		"Pragma":                 "no-cache",
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options":        "",
	} {
		if got := recorder.Header().Get(field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	return recorder.Body.String(), recorder.Header().Get("Content-Security-Policy")
}

func TestFormPostGolden(t *testing.T) {
	body, _ := formPostPage(t, "https://app.example.com/callback?tenant=1&view=a", [][2]string{
		{"error", "invalid_scope"}, {"error_description", "The scope is malformed."}, {"state", strings.Join(hostile[:6], " ")},
	})
	checkGolden(t, "form_post.html", withoutStyle(body))
}

// TestFormPostAction checks that the address arrives exactly as it was registered, in one attribute.
func TestFormPostAction(t *testing.T) {
	form := regexp.MustCompile(`<form method="post" accept-charset="utf-8" autocomplete="off" action="([^"]*)">`)
	for _, uri := range []string{
		"https://app.example.com/callback",
		"https://app.example.com/cb?a=1&b='2'&amp=3&lt;4",
		`https://app.example.com/"><script>alert(1)</script>`,
		"https://app.example.com/(a)[b]{c}|d%22%2F é",
		"http://127.0.0.1:49152/callback",
		"http://[::1]:49152/",
		"myapp:/callback?a=b&c=\"d\"",
		"com.example.app://callback",
		"urn:ietf:wg:oauth:2.0:oob",
	} {
		body, _ := formPostPage(t, uri, nil)
		match := form.FindAllStringSubmatch(body, -1)
		if len(match) != 1 {
			t.Errorf("%q: no form in\n%s", uri, withoutStyle(body))
			continue
		}
		if got := html.UnescapeString(match[0][1]); got != uri {
			t.Errorf("%q became %q", uri, got)
		}
		if strings.ContainsAny(match[0][1], `<>'`) || strings.Contains(body, "ZgotmplZ") || strings.Count(body, "<script") != 1 {
			t.Errorf("%q is not escaped: %q", uri, match[0][1])
		}
	}
}

// TestFormPostFields reads the fields back as a browser does.
func TestFormPostFields(t *testing.T) {
	field := regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	values := append([]string{"", " ", "a b+c&d=e%20f", "tenant=1;view=\\", "Ünïcödé 日本語 🙂", strings.Repeat("x", 10_000)}, hostile...)
	for _, value := range values {
		if !utf8.ValidString(value) {
			continue // not text, see the promise of WriteFormPost
		}
		body, _ := formPostPage(t, "https://app.example.com/", [][2]string{{"state", value}, {value, "x"}})
		match := field.FindAllStringSubmatch(body, -1)
		if len(match) != 2 {
			t.Errorf("%.60q: %d fields", value, len(match))
			continue
		}
		if html.UnescapeString(match[0][2]) != value || html.UnescapeString(match[1][1]) != value {
			t.Errorf("%.60q became %.60q and %.60q", value, match[0][2], match[1][1])
		}
		if strings.Count(body, "<script") != 1 || strings.Count(body, "<form") != 1 || strings.Count(body, "<input") != 2 {
			t.Errorf("%.60q changed the tags", value)
		}
	}
}

func TestFormPostPolicy(t *testing.T) {
	body, policy := formPostPage(t, "https://app.example.com/", [][2]string{{"state", "</script><script>"}})
	checkHash(t, policy, "style-src", body, "style")
	checkHash(t, policy, "script-src", body, "script")
	if !strings.Contains(body, "<script>"+submitScript+"</script>") {
		t.Error("the script is not the one that was hashed")
	}
	for _, directive := range []string{"frame-ancestors", "form-action", "unsafe"} {
		if strings.Contains(policy, directive) {
			t.Errorf("policy %q has %s", policy, directive)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.HasSuffix(policy, "; base-uri 'none'") {
		t.Errorf("policy %q", policy)
	}
}
