package command_test

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// completions asks as the scripts of `caddy completion` do.
func completions(t *testing.T, args ...string) string {
	t.Helper()
	caddy := &cobra.Command{Use: "caddy"}
	root := &cobra.Command{Use: "oauth-guard"}
	command.Build(root)
	caddy.AddCommand(root)
	var out strings.Builder
	caddy.SetOut(&out)
	caddy.SetErr(&strings.Builder{})
	caddy.SetArgs(append([]string{cobra.ShellCompRequestCmd, "oauth-guard"}, args...))
	if err := caddy.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCompletion(t *testing.T) {
	const files, noFiles, noSpace = ":0\n", ":4\n", ":6\n"
	for _, test := range []struct {
		args string
		// want are lines, and how the shell goes on.
		want, end string
	}{
		{"", "check\tJudge", noFiles},
		{"", "rules\t", noFiles},
		{"check --con", "--config\t", noFiles},
		{"check --config ", "", files},
		{"check ", "", files},
		{"replay ", "", files},
		{"check --profile ", "fapi2\tFAPI 2.0\n", noFiles},
		{"check --mode ", "enforce\trefuse\nreport\tlog and count\n:", noFiles},
		{"rules --mode ", "off\tdo not look\n", noFiles},
		{"check --preset key", "keycloak=\n", noSpace},
		{"check --endpoint ", "backchannel=\n", noSpace},
		{"rules --endpoint ", "backchannel\n", noFiles},
		{"learn --format ", "caddyfile\t", noFiles},
		{"clients ", "", noFiles},
		{"clients --address ", "", noFiles},
		{"rules authorize.redirect_uri.unreg", "authorize.redirect_uri.unregistered\t", noFiles},
		{"rules path.ambiguous ", "", noFiles},
	} {
		t.Run(test.args, func(t *testing.T) {
			args := strings.Split(test.args, " ")
			have := completions(t, args...)
			if !strings.Contains(have, test.want) || !strings.HasSuffix(have, test.end) {
				t.Errorf("offers\n%swant %q and at the end %q", have, test.want, test.end)
			}
			if test.want == "" && strings.Count(have, "\n") != 1 {
				t.Errorf("offers words in the place of files, or of nothing:\n%s", have)
			}
		})
	}
	if have, want := strings.Count(completions(t, "rules", ""), "\t"), len(validators.Catalogue()); have != want {
		t.Errorf("%d rules are offered, want %d", have, want)
	}
}
