package redact

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

const secret = "s3cr3t-Pl4nt3d"

func TestText(t *testing.T) {
	for _, test := range []struct {
		in   string
		max  int
		want string
	}{
		{"", 5, ""},
		{"plain", 5, "plain"},
		{"longer", 5, "longe…"},
		{"\x1b[31mred", 20, `\u001b[31mred`},
		{"line\nend", 20, `line\u000aend`},
		{"\u202eright to left", 40, `\u202eright to left`},
		{"zero\u200bwidth", 40, `zero\u200bwidth`},
		{"\xff\xfe", 20, `\xff\xfe`},
		{"\U000e0001", 20, `\U000e0001`},
		{"grün", 4, "grün"},
		{"\x00\x00\x00", 7, `\u0000…`},
	} {
		if got := Text(test.in, test.max); got != test.want {
			t.Errorf("Text(%q, %d) = %q, want %q", test.in, test.max, got, test.want)
		}
	}
}

// TestTextIsOfItsOwn changes what a text was made of: requests lie in memory that is used again.
func TestTextIsOfItsOwn(t *testing.T) {
	memory := []byte("https://app.example/cb")
	shown := Text(scan.Text(memory), MaxURI)
	clear(memory)
	if shown != "https://app.example/cb" {
		t.Errorf("the text has become %q", shown)
	}
}

func TestURI(t *testing.T) {
	for in, want := range map[string]string{
		"https://app.example/cb":                         "https://app.example/cb",
		"https://app.example/cb?code=" + secret:          "https://app.example/cb",
		"https://app.example/cb#" + secret:               "https://app.example/cb",
		"https://app.example/cb;jsessionid=" + secret:    "https://app.example/cb",
		"https://app.example/cb&state=" + secret:         "https://app.example/cb",
		"https://app.example/cb%3Fcode=" + secret:        "https://app.example/cb",
		"https://app.example/cb%253Fcode=" + secret:      "https://app.example/cb",
		"https://app.example/cb%25253fcode%3d" + secret:  "https://app.example/cb",
		"https://jane:" + secret + "@app.example/cb":     "https://…@app.example/cb",
		"https://" + secret + "@a@app.example/cb":        "https://…@app.example/cb",
		"https://app.example%40" + secret + "%40evil/cb": "https://…%40evil/cb",
		"https:///" + secret + "@app.example":            "https://…@app.example",
		"mailto:" + secret + "@app.example":              "…@app.example",
		"javascript:alert(1)":                            "javascript:alert(1)",
		"com.example.app:/cb":                            "com.example.app:/cb",
		"https://app.example/\x1b]0;title\x07":           `https://app.example/\u001b]0`,
	} {
		if got := URI(in); got != want {
			t.Errorf("URI(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPath(t *testing.T) {
	for _, test := range []struct {
		in       string
		segments int
		want     string
	}{
		{"/oauth2/auth", 0, "/oauth2/auth"},
		{"/oauth2/auth;code=" + secret, 0, "/oauth2/auth;…"},
		{"/oauth2;" + secret + "/auth", 0, "/oauth2;…/auth"},
		{"/oauth2/auth%3bcode=" + secret, 0, "/oauth2/auth;…"},
		{"/oauth2/auth&code=" + secret, 0, "/oauth2/auth&code;…"},
		{"/oauth2/token/" + secret, 2, "/oauth2/token/…"},
		{"/oauth2/token/" + secret + "/x", 2, "/oauth2/token/…"},
		{"/oauth2/token", 2, "/oauth2/token"},
		{"//jane:" + secret + "@hub.example/oauth2/token", 0, "//…@hub.example/oauth2/token"},
		{"//" + secret + "%40hub.example/oauth2/token", 0, "//…%40hub.example/oauth2/token"},
		{"", 0, ""},
	} {
		if got := Path(test.in, test.segments); got != test.want {
			t.Errorf("Path(%q, %d) = %q, want %q", test.in, test.segments, got, test.want)
		}
	}
}

func TestQuery(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"response_type=code&client_id=app&state=" + secret:               "response_type=code&client_id=app&state=…",
		"redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fcode%3D" + secret: "redirect_uri=https://app.example/cb…",
		"redirect_uri=https%3A%2F%2Fapp.example%2Fa%2Bb%2525":            "redirect_uri=https://app.example/a%2Bb%2525",
		"code=" + secret:                          "code=…",
		"code":                                    "code",
		"code=":                                   "code=",
		secret:                                    "…",
		secret + "=x":                             "…",
		"client_id=app;code=" + secret:            "client_id=app…",
		"client_id=app%26code=" + secret:          "client_id=app…",
		"client_id=https://jane:x@app.example":    "client_id=https://…@app.example",
		"client_id=app@example.com":               "client_id=app@example.com",
		"%zz=" + secret + "&client_id=a":          "…&client_id=a",
		"client%5Fid=a&client_id=b":               "client_id=a&client_id=b",
		"scope=a+b&client_secret=" + secret + "&": "scope=a+b&client_secret=…&…",
	} {
		if got := Query(in); got != want {
			t.Errorf("Query(%q) = %q, want %q", in, got, want)
		}
	}
	if long := Query(strings.Repeat("client_id=abcdefgh&", 10_000)); len(long) > 2*maxLine {
		t.Errorf("%d bytes", len(long))
	}
}

// calm reports why a text is not fit to be shown; empty if it is.
func calm(text string, max int) string {
	if count := utf8.RuneCountInString(text); count > max+1 {
		return "too long"
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "not printable"
	}
	return ""
}

// hostile draws text as attackers write it.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
			"https://", "app.example", "/", "cb", "?", "#", ";", "&", "=", "@", ":", "%3F", "%253f", "%40", "%", "+", " ", "\x1b[2J", "\n", "\u202e", "\xff", "\x00", "code=", "client_id=",
			"redirect_uri=", "state=", "…", "{$HOME}", "`", `"`, `\`, "<script>", "\U000e0001", "é",
		}), 0, 30).Draw(t, "pieces")
		return strings.Join(pieces, "") + rapid.String().Draw(t, "rest")
	})
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := hostile().Draw(t, "in")
		for name, f := range map[string]struct {
			redact func(string) string
			max    int
		}{
			"Text":   {func(s string) string { return Text(s, 50) }, 50},
			"URI":    {URI, MaxURI},
			"Path":   {func(s string) string { return Path(s, 2) }, MaxPath},
			"Query":  {Query, maxLine + 2*maxWord},
			"Target": {func(s string) string { return Target(s, s, s, 0) }, 16 + MaxPath + maxLine + 2*maxWord},
		} {
			once := f.redact(in)
			if flaw := calm(once, f.max); flaw != "" {
				t.Fatalf("%s(%q) = %q is %s", name, in, once, flaw)
			}
			if twice := f.redact(once); twice != once && name != "Target" {
				t.Fatalf("%s(%q) = %q, and then %q", name, in, once, twice)
			}
		}
	})
}

// TestNoSecret puts a secret into every place of a request where one can stand.
func TestNoSecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		around := hostile().Draw(t, "around")
		name := rapid.SampledFrom([]string{"code", "state", "client_secret", "access_token", "password", "assertion", "code_verifier", "refresh_token", "unknown", "x" + secret}).Draw(t, "name")
		value := url.QueryEscape(around + secret)
		for _, shown := range []string{
			Query(name + "=" + value), Query("client_id=a&" + name + "=" + secret + "&scope=b"), Query(secret), Query(around + "&" + name + "=" + value),
			URI("https://a.example/cb?" + around + secret), URI("https://a.example/cb#" + around + secret), URI("https://" + secret + ":" + secret + "@a.example/" + "cb"),
			Query("redirect_uri=" + url.QueryEscape("https://a.example/cb?"+around+secret)), Query("redirect_uri=" + url.QueryEscape("https://"+secret+"@a.example/")),
			Path("/a/b;"+strings.ReplaceAll(around, "/", "")+secret, 0), Path("/a/b/"+around+secret, 2),
		} {
			if strings.Contains(shown, secret) {
				t.Fatalf("%q", shown)
			}
		}
	})
}

// TestToken asks Caddy what it reads.
func TestToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := hostile().Draw(t, "in")
		token, plain := Token(in)
		if plain != (token != "") {
			t.Fatalf("Token(%q) = %q, %t", in, token, plain)
		}
		if !plain {
			return
		}
		tokens, err := caddyfile.Tokenize([]byte("exempt "+token+" rule\n"), "Caddyfile")
		if err != nil || len(tokens) != 3 || tokens[1].Text != in {
			t.Fatalf("Token(%q) = %q, which Caddy reads as %v (%v)", in, token, tokens, err)
		}
	})
	for _, in := range []string{"app", "0-0-0-0-0", "https://app.example/cb", "a b", "<<EOF", "#x", "a@b", "@a", "import"} {
		if _, plain := Token(in); !plain {
			t.Errorf("%q is not plain", in)
		}
	}
	for _, in := range []string{"", "{$HOME}", "a\nb", `a"b`, `a\`, "a`b", "ü", "$x"} {
		if _, plain := Token(in); plain {
			t.Errorf("%q is plain", in)
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"", "client_id=a&code=b", "https://a:b@c/d?e#f", "/a;b/c", "\x1b[2J\xff", "redirect_uri=https%3A%2F%2Fa%2Fb%253Fc"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for name, shown := range map[string]string{"Query": Query(in), "URI": URI(in), "Path": Path(in, 0), "Target": Target(in, in, in, 3)} {
			if flaw := calm(shown, 16+MaxPath+maxLine+2*maxWord); flaw != "" {
				t.Errorf("%s(%q) = %q is %s", name, in, shown, flaw)
			}
		}
		if once := Query(in); Query(once) != once {
			t.Errorf("Query(%q) = %q, and then %q", in, once, Query(once))
		}
	})
}
