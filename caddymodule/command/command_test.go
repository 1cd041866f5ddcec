package command_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // what the configurations use
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the guard itself
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
)

var update = flag.Bool("update", false, "write the golden files anew")

// outcome is what a command did.
type outcome struct {
	status         int
	stdout, stderr string
}

// run runs a command as Caddy does.
func run(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	t.Setenv("STORE", filepath.Join(t.TempDir(), "store"))
	var out, errors bytes.Buffer
	caddy := &cobra.Command{Use: "caddy", SilenceUsage: true}
	root := &cobra.Command{Use: "oauth-guard"}
	command.Build(root)
	caddy.AddCommand(root)
	caddy.SetIn(strings.NewReader(stdin))
	caddy.SetOut(&out)
	caddy.SetErr(&errors)
	caddy.SetArgs(append([]string{"oauth-guard"}, args...))
	err := caddy.ExecuteContext(context.Background())
	did := outcome{stdout: out.String(), stderr: errors.String()}
	if err != nil {
		if count, _ := fmt.Sscanf(err.Error(), "exiting with status %d", &did.status); count == 0 {
			did.status = command.Failed
		}
	}
	return did
}

const (
	goodURL  = "https://hub.example.com/api/rest/oauth2/auth?response_type=code&client_id=tracker&redirect_uri=https%3A%2F%2Ftracker.example%2Fcb&state=s3cr3t-Pl4nt3d"
	wrongURL = "https://hub.example.com/api/rest/oauth2/auth?response_type=code&client_id=tracker&redirect_uri=https%3A%2F%2Ftracker.example%2Fcbx&state=s3cr3t-Pl4nt3d"
)

// goldens are the commands whose output is kept in testdata/golden.
var goldens = []struct {
	name  string
	stdin string
	args  []string
	want  int
}{
	{"help", "", nil, 0},
	{"help-check", "", []string{"check", "--help"}, 0},
	{"help-replay", "", []string{"replay", "--help"}, 0},
	{"help-learn", "", []string{"learn", "--help"}, 0},
	{"help-rules", "", []string{"rules", "--help"}, 0},
	{"help-clients", "", []string{"clients", "--help"}, 0},

	{"check-passes", "", []string{"check", "--clients", "testdata/clients.json", goodURL}, 0},
	{"check-refused", "", []string{"check", "--config", "testdata/hub.caddyfile", wrongURL}, 2},
	{"check-refused-json", "", []string{"check", "--json", "--config", "testdata/hub.caddyfile", wrongURL}, 2},
	{"check-report-mode", "", []string{"check", "--brief", "--config", "testdata/report.caddyfile", strings.Replace(wrongURL, "/api/", "/login/api/", 1)}, 0},
	{"check-other-prefix", "", []string{"check", "--brief", "--config", "testdata/report.caddyfile", wrongURL}, 0},
	{"check-redirected", "", []string{"check", "--brief", "--profile", "rfc6749", "--endpoint", "authorize=/authorize", "--clients", "testdata/clients.json",
		"https://as.example/authorize?response_type=magic&client_id=wiki&redirect_uri=https%3A%2F%2Fwiki.example%2Foauth%2Fcallback&state=s3cr3t-Pl4nt3d"}, 2},
	{"check-undecidable", "", []string{"check", "--brief", "--config", "testdata/live.caddyfile", goodURL}, 3},
	{"check-elsewhere", "", []string{"check", "https://hub.example.com/index.html"}, 0},
	{"check-file", "", []string{"check", "--brief", "--config", "testdata/hub.caddyfile", "testdata/request.txt"}, 2},
	{"check-stdin", "GET /api/rest/oauth2/auth?client_id=tracker\nHost: hub.example.com\n", []string{"check", "--brief", "-"}, 2},
	{"check-not-http", "GET /s3cr3t-Pl4nt3d HTTP/1.1\nHost: hub.example.com\ns3cr3t-Pl4nt3d\n\n", []string{"check", "-"}, 2},
	{"check-curl", "", []string{"check", "--brief", "--curl", "curl -u tracker:s3cr3t-Pl4nt3d -d grant_type=authorization_code -d code=s3cr3t-Pl4nt3d -d code=s3cr3t-Pl4nt3d https://hub.example.com/api/rest/oauth2/token"}, 2},
	{"check-har", "", []string{"check", "--brief", "--config", "testdata/hub.caddyfile", "--har", "testdata/trace.har", "--entry", "2"}, 2},
	{"check-har-without-body", "", []string{"check", "--brief", "--config", "testdata/hub.caddyfile", "--har", "testdata/trace.har", "--entry", "3"}, 3},
	{"check-several-guards", "", []string{"check", "--brief", "--config", "testdata/several.caddyfile", "https://two.example.com/authorize?response_type=token&client_id=wiki&redirect_uri=https%3A%2F%2Fwiki.example%2Foauth%2Fcallback"}, 2},
	{"check-host-without-guard", "", []string{"check", "--config", "testdata/several.caddyfile", "https://three.example.com/authorize"}, 1},
	{"check-no-host", "", []string{"check", "--config", "testdata/several.caddyfile", "/authorize"}, 1},
	{"check-nothing", "", []string{"check"}, 1},
	{"check-two-requests", "", []string{"check", "--curl", "curl https://hub.example.com/", goodURL}, 1},
	{"check-no-file", "", []string{"check", "hub.example.com/auth?code=s3cr3t-Pl4nt3d"}, 1},
	{"walk-closed", "", []string{"check", "--config", "testdata/hub.caddyfile"}, 0},
	{"walk-open", "", []string{"check", "--config", "testdata/around.caddyfile"}, 2},
	{"walk-open-json", "", []string{"check", "--json", "--config", "testdata/around.caddyfile"}, 2},

	{"replay-caddy", "", []string{"replay", "--config", "testdata/hub.caddyfile", "testdata/caddy.log"}, 0},
	{"replay-caddy-json", "", []string{"replay", "--json", "--config", "testdata/hub.caddyfile", "testdata/caddy.log"}, 0},
	{"replay-combined", "", []string{"replay", "--clients", "testdata/clients.json", "testdata/combined.log"}, 0},
	{"replay-haproxy", "", []string{"replay", "--clients", "testdata/clients.json", "testdata/haproxy.log"}, 0},
	{"replay-har", "", []string{"replay", "--clients", "testdata/clients.json", "testdata/trace.har"}, 0},
	{"replay-several-guards", "", []string{"replay", "--config", "testdata/several.caddyfile", "testdata/combined.log"}, 0},
	{"replay-html-nowhere", "", []string{"replay", "--html", "testdata/nowhere/report.html", "testdata/caddy.log"}, 1},
	{"replay-no-log", "", []string{"replay"}, 1},
	{"replay-missing-log", "", []string{"replay", "testdata/nothing.log"}, 1},
	{"replay-unknown-format", "just\nsome\ntext\n", []string{"replay", "-"}, 1},

	{"learn-json", "", []string{"learn", "testdata/caddy.log", "testdata/trace.har"}, 0},
	{"learn-caddyfile", "", []string{"learn", "--format", "caddyfile", "testdata/caddy.log"}, 0},
	{"learn-without-location", "", []string{"learn", "--format", "caddyfile", "testdata/combined.log"}, 0},
	{"learn-wrong-format", "", []string{"learn", "--format", "yaml", "testdata/caddy.log"}, 1},

	{"rules-list", "", []string{"rules", "--endpoint", "revocation", "--mode", "enforce"}, 0},
	{"rules-glob", "", []string{"rules", "authorize.redirect_uri.*"}, 0},
	{"rules-one", "", []string{"rules", "authorize.redirect_uri.unregistered"}, 0},
	{"rules-one-json", "", []string{"rules", "--json", "token.parameter.repeated"}, 0},
	{"rules-unknown", "", []string{"rules", "authorize.redirect.unregistered"}, 1},
	{"rules-no-match", "", []string{"rules", "nothing.*"}, 1},
	{"rules-wrong-mode", "", []string{"rules", "--mode", "loud"}, 1},

	{"clients-list", "", []string{"clients", "--config", "testdata/hub.caddyfile"}, 0},
	{"clients-one", "", []string{"clients", "--clients", "testdata/clients.json", "tracker"}, 0},
	{"clients-json", "", []string{"clients", "--json", "--clients", "testdata/clients.json"}, 0},
	{"clients-unknown", "", []string{"clients", "--clients", "testdata/clients.json", "nobody"}, 1},
	{"clients-live", "", []string{"clients", "--config", "testdata/live.caddyfile"}, 1},
	{"clients-nothing", "", []string{"clients"}, 1},

	{"unknown-command", "", []string{"verify"}, 1},
	{"check-entry-without-archive", "", []string{"check", "--entry", "3", goodURL}, 1},
	{"check-wrong-config", "", []string{"check", "--config", "testdata/wrong.caddyfile", goodURL}, 1},
	{"check-wrong-line", "", []string{"check", "--config", "testdata/wrong_line.caddyfile", goodURL}, 1},
	{"rules-part", "", []string{"rules", "redirect_uri"}, 1},
	{"rules-part-of-one", "", []string{"rules", "plain_http"}, 1},
	{"replay-wrong-workers", "", []string{"replay", "--workers", "-3", "testdata/caddy.log"}, 1},
	{"unknown-flag", "", []string{"check", "--verbose"}, 1},
}

// TestGolden compares what commands write with the golden files. Each holds the command, its output, its errors and its exit status.
func TestGolden(t *testing.T) {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range goldens {
		t.Run(test.name, func(t *testing.T) {
			did := run(t, test.stdin, test.args...)
			if did.status != test.want {
				t.Errorf("exit status %d, want %d; stderr: %s", did.status, test.want, did.stderr)
			}
			text := fmt.Sprintf("$ caddy oauth-guard %s\n%s\n-- errors --\n%s\n-- exit status %d --\n", strings.Join(test.args, " "), did.stdout, did.stderr, did.status)
			text = strings.ReplaceAll(text, folder, "/folder")
			name := filepath.Join("testdata", "golden", test.name+".txt")
			if *update {
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		})
	}
}

// TestGoldenFiles finds golden files that no test writes.
func TestGoldenFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/golden/*")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, test := range goldens {
		known[test.name+".txt"] = true
	}
	for _, name := range names {
		if !known[filepath.Base(name)] {
			t.Errorf("%s belongs to no test: remove it", name)
		}
	}
}
