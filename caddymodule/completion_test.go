package caddymodule

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
)

// TestPresetCompletion wants the shell to offer all presets, and no others.
func TestPresetCompletion(t *testing.T) {
	root := &cobra.Command{Use: "oauth-guard"}
	command.Build(root)
	var out strings.Builder
	root.SetOut(&out)
	root.SetErr(&strings.Builder{})
	root.SetArgs([]string{cobra.ShellCompRequestCmd, "check", "--preset", ""})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, p := range presets {
		want.WriteString(p.server + "=\n")
	}
	if have, _, _ := strings.Cut(out.String(), ":"); have != want.String() {
		t.Errorf("offered are\n%sand there are\n%s", have, &want)
	}
}
