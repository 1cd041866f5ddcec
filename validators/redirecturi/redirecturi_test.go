package redirecturi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInspect(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want Flaws
	}{
		{"https://app.example/cb", 0},
		{"https://app.example:8443/cb?keep=1&x=%2520y", 0},
		{"http://localhost:8080", 0},
		{"http://[::1]:1/cb", 0},
		{"com.app:/cb", 0},
		{"com.app:cb", 0},
		{"ytoauth://landing.url", 0},
		{"urn:ietf:wg:oauth:2.0:oob", 0},
		{"http://app.example/cb", Insecure},
		{"https://app.example/cb#", Fragment},
		{"https://app.example/cb%23", 0},
		{"https://app.example@evil.example/cb", Authority},
		{"https://a@b@evil.example/", Authority},
		{"http://localhost:8090%25@evil.example", Authority},
		{"https://app.example%2eevil.example/", Authority},
		{"https://127.0.0.1[@evil.example", Authority},
		{"https://[::1%25eth0]/", Authority},
		{"https://[::ffff:255.255.255.255]/", 0},
		{"https://[]/", Authority},
		{"https://[:]/", Authority},
		{"https://[1:2]/", Authority},
		{"https://[127.0.0.1]/", Authority},
		{"https://[" + strings.Repeat("0:", 1000) + "1]/", Authority},
		{"https://app.example?@evil.example/", 0},
		{"https://app.example\\@evil.example/", Character | Authority},
		{"https:evil.example", Relative},
		{"https:/evil.example", Relative},
		{"https:///evil.example", Relative},
		{"https://:443/", Relative},
		{"//evil.example", Relative},
		{"/cb", Relative},
		{"", Relative},
		{"javascript:alert(1)", DangerousScheme | ScriptScheme},
		{" java\nscript:x", Relative | Character | DangerousScheme | ScriptScheme},
		{"JaVaScRiPt:x", DangerousScheme | ScriptScheme},
		{"file:///etc/passwd", DangerousScheme},
		{"https://app.example/cb?code=x", ResponseParameter},
		{"https://app.example/cb?a=1;st%61te=x", ResponseParameter},
		{"https://app.example/cb?barcode=x", 0},
		{"https://app.example/cb?&%73tate", ResponseParameter},
		{"https://app.example/cb?x#?iss", Fragment},
		{"https://app.example/cb#x?a&iss#", Fragment | ResponseParameter},
		{"https://app.example/cb?id%5Ftoken#", Fragment | ResponseParameter},
		{"https://app.example/cb?a=code&b=;statement&is%73%", Character},
		{"https://app.example/cb?code%3D=&co%64%65x&%2563ode", 0},
		{"https://app.example/cb?%4&iss", Character | ResponseParameter},
		{"https://app.example/cb?%%69ss", Character},
		{"https://app.example/%zz", Character},
		{"https://[1:2:3:4:5:6:7:8]/", 0},
		{"https://[1:2:3:4:5:6:7:8:9]/", Authority},
		{"https://[1:2:3:4:5:6:7:]/", Authority},
		{"https://[1:2:3:4:5:6:7::]/", 0},
		{"https://[1:2:3:4::5:6:7:8]/", Authority},
		{"https://[1:2:3:4:5:6:1.2.3.4]/", 0},
		{"https://[::1:2:3:4:5:6:1.2.3.4]/", Authority},
		{"https://[1.2.3.4::]/", Authority},
		{"https://[::1.2.3.4:5]/", Authority},
		{"https://[::01.2.3.4]/", Authority},
		{"https://[1::2::3]/", Authority},
		{"https://[:::1]/", Authority},
		{"https://[::12345]/", Authority},
		{"https://[::g]/", Authority},
		{"https://[::1", Authority},
		{"https://\uff41pp.example/", Character},
	} {
		if got := Inspect(test.uri); got != test.want {
			t.Errorf("%q: %08b, want %08b", test.uri, got, test.want)
		}
	}
}

func TestCompare(t *testing.T) {
	registered := []Registered{{URI: "https://app.example/cb"}, {URI: "https://app.example/guess", Plausible: true}, {URI: "http://127.0.0.1/cb?x=1"}, {URI: "http://[::1]:1/"}, {URI: "http://localhost/cb"}}
	for uri, want := range map[string]Match{
		"https://app.example/cb":          Exact,
		"https://app.example/guess":       Plausible,
		"https://app.example/CB":          None,
		"HTTPS://app.example/cb":          None,
		"https://app.example:443/cb":      None,
		"https://app.example/cb?":         None,
		"http://127.0.0.1/cb?x=1":         Exact,
		"http://127.0.0.1:80/cb?x=1":      Loopback,
		"http://127.0.0.1:65535/cb?x=1":   Loopback,
		"http://127.0.0.1:65536/cb?x=1":   None,
		"http://127.0.0.1:0/cb?x=1":       None,
		"http://127.0.0.1:080/cb?x=1":     None,
		"http://127.0.0.1:/cb?x=1":        None,
		"http://127.0.0.1:80/cb?x=2":      None,
		"http://127.0.0.1:80/cb":          None,
		"http://127.0.0.1.evil/cb?x=1":    None,
		"http://127.0.0.1:80@evil/cb?x=1": None,
		"https://127.0.0.1:80/cb?x=1":     None,
		"http://127.1/cb?x=1":             None,
		"http://[::1]:2/":                 Loopback,
		"http://[::1]/":                   Loopback,
		"http://[::ffff:127.0.0.1]:1/":    None,
		"http://localhost:8080/cb":        None,
	} {
		if got := Compare(uri, registered); got != want {
			t.Errorf("%q: %v, want %v", uri, got, want)
		}
	}
}

// TestComputed is the set of Hub's documentation: absolute ones, and home and base URLs joined with relative ones.
func TestComputed(t *testing.T) {
	got := Computed("https://yt.example/youtrack/", []string{"http://10.0.0.1:8080", "relative", "https://yt.example/youtrack/"},
		[]string{"oauth", "/oauth2", "https://other.example/cb", "ytoauth://landing.url", "//evil.example/x"})
	want := []Registered{
		{URI: "https://other.example/cb"}, {URI: "ytoauth://landing.url"},
		{URI: "https://yt.example/youtrack/oauth"}, {URI: "https://yt.example/oauth2"},
		{URI: "http://10.0.0.1:8080/oauth"}, {URI: "http://10.0.0.1:8080/oauth2"},
		{URI: "https://yt.example/youtrack//oauth2", Plausible: true}, {URI: "https://yt.example/youtrack/oauth2", Plausible: true},
		{URI: "https://yt.example/youtrack///evil.example/x", Plausible: true}, {URI: "https://yt.example/youtrack/evil.example/x", Plausible: true},
		{URI: "http://10.0.0.1:8080//evil.example/x", Plausible: true}, {URI: "http://10.0.0.1:8080/evil.example/x", Plausible: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("computed set (-want +got):\n%s", diff)
	}
}

func TestOrigin(t *testing.T) {
	for uri, want := range map[string]string{
		"https://App.example/cb": "https://app.example", "https://app.example:443/": "https://app.example", "http://app.example:80": "http://app.example",
		"http://app.example:8080/x": "http://app.example:8080", "http://[::1]:80/": "http://[::1]", "ytoauth://x": "", "https:///x": "", ":": "",
	} {
		if got := Origin(uri); got != want {
			t.Errorf("Origin(%q) = %q, want %q", uri, got, want)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, seed := range []string{"https://app.example/cb", "http://127.0.0.1:1/", "https://a@b", "javascript:x", "https://[", "http://[::1]:", "a:b?code=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		flaws := Inspect(uri)
		if Compare(uri, []Registered{{URI: "https://app.example/cb"}}) == Exact && uri != "https://app.example/cb" {
			t.Errorf("%q counts as registered", uri)
		}
		// What Inspect finds clean must have the host that net/url finds, be it for http and https.
		if flaws&^Insecure == 0 && Origin(uri) == "" && len(uri) > 8 && (uri[:7] == "http://" || uri[:8] == "https://") {
			t.Errorf("%q is clean, and net/url finds no origin", uri)
		}
	})
}
