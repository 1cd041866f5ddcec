package accesslog

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func everything(string) bool { return true }
func nothing(string) bool    { return false }

// lines are lines of logs as servers write them.
var lines = []struct {
	name    string
	format  Format
	line    string
	outcome Outcome
	want    Entry
}{
	{"Caddy", Caddy, `{"level":"info","ts":1767258000.5,"logger":"http.log.access.log0","msg":"handled request","request":{"method":"GET","host":"hub.example:8443","uri":"/auth?a=b&c=%22","headers":{"Accept":["*/*"]},"tls":{"version":772}},"status":302,"resp_headers":{"Location":["https://app.example/cb?code=x"]}}`,
		Read, Entry{Method: "GET", Target: "/auth?a=b&c=%22", Host: "hub.example", Status: 302, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), Header: http.Header{"Accept": {"*/*"}}, Location: "https://app.example/cb?code=x"}},
	{"Caddy without TLS, with a time in words", Caddy, `{"ts":"2026-01-01T09:00:00Z","request":{"method":"GET","host":"hub.example","uri":"/auth"},"status":200}`,
		Read, Entry{Method: "GET", Target: "/auth", Host: "hub.example", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), Header: http.Header{}, Plain: true}},
	{"Caddy, escaped", Caddy, `{"ts":1767258000000,"request":{"method":"GET","host":"hub.example","uri":"/auth?a=\"\\"},"status":200}`,
		Read, Entry{Method: "GET", Target: `/auth?a="\`, Host: "hub.example", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), Header: http.Header{}, Plain: true}},
	{"Caddy, rewritten by a tool with blanks", Caddy, `{"ts": 1767258000, "request": {"method": "GET", "host": "hub.example", "uri": "/auth"}, "status": 200}`,
		Read, Entry{Method: "GET", Target: "/auth", Host: "hub.example", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), Header: http.Header{}, Plain: true}},
	{"Caddy, about something else", Caddy, `{"level":"info","ts":1767258000,"logger":"tls","msg":"certificate obtained"}`, Foreign, Entry{}},
	{"Caddy, an error", Caddy, `{"level":"error","logger":"http.log.error","request":{"method":"GET","host":"hub.example","uri":"/auth"},"status":502}`, Foreign, Entry{}},
	{"Caddy, cut", Caddy, `{"ts":1767258000,"request":{"method":"GET","uri":"/auth?a=`, Unreadable, Entry{}},

	{"Apache combined", Combined, `10.0.0.1 - jane [01/Jan/2026:10:00:00 +0100] "GET /auth?a=b HTTP/1.1" 302 0 "-" "agent \"x\""`,
		Read, Entry{Method: "GET", Target: "/auth?a=b", Status: 302, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}},
	{"Apache common", Combined, `10.0.0.1 - - [01/Jan/2026:10:00:00 +0100] "GET /auth HTTP/1.1" 200 17`,
		Read, Entry{Method: "GET", Target: "/auth", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}},
	{"a virtual host in front", Combined, `hub.example:443 10.0.0.1 - - [01/Jan/2026:09:00:00 +0000] "GET /auth HTTP/1.1" 200 17`,
		Read, Entry{Method: "GET", Target: "/auth", Host: "hub.example", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}},
	{"a user with brackets and blanks", Combined, `10.0.0.1 - a [b c [01/Jan/2026:09:00:00 +0000] "GET /auth HTTP/1.1" 200 17`,
		Read, Entry{Method: "GET", Target: "/auth", Status: 200, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}},
	{"nginx escapes", Combined, `10.0.0.1 - - [01/Jan/2026:09:00:00 +0000] "GET /auth?a=\x22b\x5C\xC3\xBC HTTP/1.1" 400 17 "-" "-"`,
		Read, Entry{Method: "GET", Target: "/auth?a=\"b\\ü", Status: 400, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}},
	{"TLS to a plain port", Combined, `10.0.0.1 - - [01/Jan/2026:09:00:00 +0000] "\x16\x03\x01" 400 157 "-" "-"`, Malformed, Entry{}},
	{"combined, cut in the target", Combined, `10.0.0.1 - - [01/Jan/2026:09:00:00 +0000] "GET /auth?client_id=a`, Truncated, Entry{}},
	{"no log", Combined, `hello`, Unreadable, Entry{}},

	{"HAProxy", HAProxy, `Jan  1 09:00:00 lb haproxy[1]: 10.0.0.1:1024 [01/Jan/2026:09:00:00.123] https~ hub/hub1 0/0/0/1/1 302 123 - - ---- 1/1/0/0/0 0/0 "GET /auth?a=b HTTP/1.1"`,
		Read, Entry{Method: "GET", Target: "/auth?a=b", Status: 302, Time: time.Date(2026, 1, 1, 9, 0, 0, 123e6, time.UTC)}},
	{"HAProxy with captured headers", HAProxy, `10.0.0.1:1024 [01/Jan/2026:09:00:00.123] http hub/hub1 0/0/0/1/1 302 123 - - ---- 1/1/0/0/0 0/0 {hub.example|x} {} "GET /auth HTTP/1.1"`,
		Read, Entry{Method: "GET", Target: "/auth", Status: 302, Time: time.Date(2026, 1, 1, 9, 0, 0, 123e6, time.UTC), Plain: true}},
	{"HAProxy, cut", HAProxy, `10.0.0.1:1024 [01/Jan/2026:09:00:00.123] https~ hub/hub1 0/0/0/1/1 302 123 - - ---- 1/1/0/0/0 0/0 "GET /auth?a=`, Truncated, Entry{}},
	{"HAProxy, no HTTP", HAProxy, `10.0.0.1:1024 [01/Jan/2026:09:00:00.123] https~ https/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`, Malformed, Entry{}},
	{"HAProxy, escaped", HAProxy, `10.0.0.1:1024 [01/Jan/2026:09:00:00.123] https~ hub/hub1 0/0/0/1/1 400 123 - - ---- 1/1/0/0/0 0/0 "GET /auth?a=#22 HTTP/1.1"`,
		Read, Entry{Method: "GET", Target: `/auth?a="`, Status: 400, Time: time.Date(2026, 1, 1, 9, 0, 0, 123e6, time.UTC)}},
}

func TestParse(t *testing.T) {
	for _, test := range lines {
		t.Run(test.name, func(t *testing.T) {
			var e Entry
			if outcome := test.format.Parse([]byte(test.line), &e, everything); outcome != test.outcome {
				t.Fatalf("outcome %d, want %d: %+v", outcome, test.outcome, e)
			}
			if test.outcome != Read {
				return
			}
			if diff := cmp.Diff(test.want, e); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			if outcome := test.format.Parse([]byte(test.line), &e, nothing); outcome != Unwanted {
				t.Errorf("what is not wanted: outcome %d", outcome)
			}
			if e.Target != test.want.Target {
				t.Errorf("target of what is not wanted: %q", e.Target)
			}
			if format := Detect([][]byte{[]byte("x"), []byte(test.line), []byte(test.line)}); format != test.format {
				t.Errorf("detected as %s", format)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	for target, want := range map[string][2]string{
		"/a?b?c": {"/a", "b?c"}, "/a": {"/a", ""}, "https://x.example/a?b": {"/a", "b"}, "https://x.example": {"/", ""}, "https://x.example?b": {"", "b"}, "*": {"*", ""}, "": {"", ""},
	} {
		path, query := (&Entry{Target: target}).Split()
		if path != want[0] || query != want[1] {
			t.Errorf("%q: %q, %q", target, path, query)
		}
	}
}

// TestShortcut proves that what is found without reading JSON is what reading JSON finds.
func TestShortcut(t *testing.T) {
	member := rapid.SampledFrom([]string{"uri", "logger", "host", "ts", "msg", "status", "x", `u"r`, `\`})
	text := rapid.SampledFrom([]string{"/auth", "/auth?a=b", `"uri":"/x"`, `\"uri\":\"/x`, "http.log.access.log0", "http.log.error", "", "ü", "\n", "<&>"})
	rapid.Check(t, func(t *rapid.T) {
		object := func(label string) map[string]any {
			members := map[string]any{}
			for range rapid.IntRange(0, 4).Draw(t, label) {
				members[member.Draw(t, "name")] = text.Draw(t, "value")
			}
			return members
		}
		line := object("outer")
		request := object("inner")
		request["headers"] = map[string][]string{"Uri": {text.Draw(t, "header")}, "uri": {text.Draw(t, "header")}}
		line["request"], line["status"] = request, 200
		raw, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		target, plain := plainTarget(raw)
		if !plain {
			return
		}
		// Only a line of the access log with this target, or one that has no other target, may be passed by.
		var parsed caddyLine
		if err := json.Unmarshal(raw, &parsed); err != nil {
			return
		}
		if uri := parsed.Request.URI; uri != "" && uri != target {
			t.Fatalf("%s: target %q, and JSON says %q", raw, target, uri)
		}
	})
}

// FuzzParse gives any line to all parsers.
func FuzzParse(f *testing.F) {
	for _, test := range lines {
		f.Add([]byte(test.line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, format := range []Format{Unknown, Caddy, Combined, HAProxy} {
			var e, again Entry
			outcome := format.Parse(line, &e, everything)
			if outcome > Truncated {
				t.Fatalf("outcome %d", outcome)
			}
			if outcome == Read && (e.Status < 0 || len(e.Target) > 3*len(line)) {
				t.Errorf("%s: %+v", format, e)
			}
			if outcome == Read && !e.Time.IsZero() && e.Time.Year() > 9999 {
				t.Errorf("%s: year %d", format, e.Time.Year())
			}
			if refused := format.Parse(line, &again, nothing); refused == Read || refused == Truncated {
				t.Errorf("%s: what is not wanted has outcome %d", format, refused)
			}
			e.Split()
		}
	})
}

// TestHugeTimes are times that no calendar has.
func TestHugeTimes(t *testing.T) {
	for _, text := range []string{"1e308", "-1", "0", "null", `"yesterday"`, "[]", "1e19", "99999999999999999999"} {
		var e Entry
		line := strings.Replace(`{"ts":TS,"request":{"method":"GET","uri":"/"},"status":200}`, "TS", text, 1)
		if outcome := Caddy.Parse([]byte(line), &e, everything); outcome != Read || e.Time.Year() > 9999 {
			t.Errorf("%s: outcome %d, time %s", text, outcome, e.Time)
		}
	}
}
