package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/accesslog"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

func TestCompare(t *testing.T) {
	registered := []redirecturi.Registered{{URI: "https://app.example/cb"}, {URI: "https://wiki.example/oauth/callback"}}
	for uri, want := range map[string]comparison{
		"https://app.example/cb/":                             {Nearest: "https://app.example/cb", Note: "it differs in the final slash", Differs: &difference{Requested: "/", prefix: 22}},
		"https://APP.example/cb":                              {Nearest: "https://app.example/cb", Note: "it differs in upper and lower case", Differs: &difference{Requested: "APP", Registered: "app", prefix: 8}},
		"http://app.example/cb":                               {Nearest: "https://app.example/cb", Note: "it differs in the scheme", Differs: &difference{Registered: "s", prefix: 4}},
		"https://app.example:8443/cb":                         {Nearest: "https://app.example/cb", Note: "it differs in the port", Differs: &difference{Requested: ":8443", prefix: 19}},
		"https://api.example/cb":                              {Nearest: "https://app.example/cb", Note: "it differs in the host", Differs: &difference{Requested: "i", Registered: "p", prefix: 10}},
		"https://wiki.example/oauth/callbak":                  {Nearest: "https://wiki.example/oauth/callback", Note: "it differs in the path", Differs: &difference{Registered: "c", prefix: 33}},
		"https://app.example/cb?code=s3cr3t-Pl4nt3d":          {Requested: "https://app.example/cb", Nearest: "https://app.example/cb", Note: "it differs in what is not shown: user information, query or fragment"},
		"https://x:s3cr3t-Pl4nt3d@app.example/cb":             {Requested: "https://…@app.example/cb", Nearest: "https://app.example/cb", Note: "it differs in the host", Differs: &difference{Requested: "…@", prefix: 8}},
		"https://app.example/cb" + strings.Repeat("x", 1_000): {},
	} {
		got := compare(uri, registered)
		if want.Note == "" {
			if len(got.Requested) > 300 {
				t.Errorf("%d bytes are shown", len(got.Requested))
			}
			continue
		}
		if want.Requested == "" {
			want.Requested = uri
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(difference{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", uri, diff)
		}
	}
	if got := compare("https://app.example/cb", nil); got.Note != "the client has no registered redirect URI" {
		t.Error(got.Note)
	}
}

// TestEditDistance checks what makes a distance.
func TestEditDistance(t *testing.T) {
	text := rapid.StringMatching("[abc]{0,8}")
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := text.Draw(t, "a"), text.Draw(t, "b"), text.Draw(t, "c")
		ab := validators.EditDistance(a, b)
		switch {
		case (ab == 0) != (a == b):
			t.Fatalf("%q and %q: %d", a, b, ab)
		case ab != validators.EditDistance(b, a):
			t.Fatalf("%q and %q are not as far as back", a, b)
		case validators.EditDistance(a, c) > ab+validators.EditDistance(b, c):
			t.Fatalf("%q, %q, %q: a detour is shorter", a, b, c)
		case ab > max(len(a), len(b)):
			t.Fatalf("%q and %q: %d", a, b, ab)
		}
		d := differ(a, b)
		if a[:d.prefix]+d.Requested != a[:d.prefix+len(d.Requested)] || a[:d.prefix] != b[:d.prefix] || a[d.prefix+len(d.Requested):] != b[d.prefix+len(d.Registered):] {
			t.Fatalf("%q and %q differ in %+v", a, b, d)
		}
	})
}

func TestState(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	fresh, err := loadState(name, "one")
	if err != nil {
		t.Fatal(err)
	}
	fresh.Read["log"] = 42
	fresh.Summary.Count(&summary.Request{Endpoint: "authorize", When: 1_767_258_000})
	if err := fresh.save(name); err != nil {
		t.Fatal(err)
	}
	again, err := loadState(name, "one")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, again); diff != "" {
		t.Errorf("(-saved +loaded):\n%s", diff)
	}
	if _, err := loadState(name, "two"); err == nil || !strings.Contains(err.Error(), "not those of the last time") {
		t.Errorf("another guard: %v", err)
	}
	for content, want := range map[string]string{"": "not the state", "{}": "not the state of a replay by this version", `{"version":99,"read":{}}`: "by this version", "[1": "not the state"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadState(name, "one"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
	// What no replay writes is refused, before anything counts in it or shows it.
	saved, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"summary":{`, `"summary":null,"x":{`}, {`"log":42`, `"log":-42`}, {`"skipped":{}`, `"skipped":null`}, {`"endpoints":{"authorize":{`, `"endpoints":{"authorize":null,"token":{`},
		{`"rules":{}`, `"rules":{"a":null}`}, {`"rules":{}`, `"rules":{"\u001b[2J":{"clients":{}}}`}, {`"clients":{}`, `"clients":{"a":null}`}, {`"clients":{}`, `"clients":{"a":{}}`},
		{`"not_judged":{}`, `"not_judged":null`}, {`"width_seconds":60`, `"width_seconds":0`}, {`"width_seconds":60`, `"width_seconds":-60`}, {`"pieces":{"`, `"pieces":{"-60":{},"`},
		{`"pieces":{"`, `"pieces":{"60":null,"`}, {`"unregistered_redirect_uris":{}`, `"unregistered_redirect_uris":{"a\n\u001b[2J":1}`},
	} {
		text := strings.Replace(string(saved), change[0], change[1], 1)
		if text == string(saved) {
			t.Errorf("%s is not in %s", change[0], saved)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadState(name, "one"); err == nil || !strings.Contains(err.Error(), "not the state") {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	if err := fresh.save(filepath.Join(t.TempDir(), "nowhere", "state")); err == nil {
		t.Error("saved into no folder")
	}
	if _, err := loadState(t.TempDir(), "one"); err == nil {
		t.Error("loaded a folder")
	}
}

func TestPainter(t *testing.T) {
	if got := (painter{}).red("text"); got != "text" {
		t.Errorf("%q", got)
	}
	if got := (painter{on: true}).red("text"); got != "\x1b[31mtext\x1b[0m" {
		t.Errorf("%q", got)
	}
	if painterFor(new(strings.Builder)).on {
		t.Error("colours for what is no terminal")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return // a machine without terminals
	}
	defer terminal.Close()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if !painterFor(terminal).on {
		t.Error("no colours on a terminal")
	}
	for name, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			if painterFor(terminal).on {
				t.Errorf("colours with %s=%s", name, value)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	if got := wrap("one two three", "  ", 9); got != "  one two\n  three\n" {
		t.Errorf("%q", got)
	}
	if got := reflow("\na b\nc\n\tkept as  is\n", 5); got != "\na b c\n\tkept as  is\n" {
		t.Errorf("%q", got)
	}
}

// TestProgress looks at the bar: how much, how fast, how long still.
func TestProgress(t *testing.T) {
	var out strings.Builder
	file := new(accesslog.File)
	p := newProgress([]*accesslog.File{file}, &out)
	p.show()
	p.done()
	if out.Len() > 0 {
		t.Errorf("a bar without a terminal: %q", out.String())
	}
	bar := newBar(1<<30, &out)
	time.Sleep(20 * time.Millisecond)
	if err := bar.Set64(1 << 29); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"reading", "50%", "GB", "B/s", ":"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the bar does not show %q: %q", want, out.String())
		}
	}
	out.Reset()
	if err := newBar(-1, &out).Set64(1 << 20); err != nil {
		t.Errorf("a bar of unknown length: %v", err)
	}
}
