package command

import (
	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// presetServers are the servers that presets know. The module, which imports this package, compares them with its own.
var presetServers = []string{"space", "keycloak", "doorkeeper", "identityserver", "spring"}

// complete tells the shell what may stand at each place, for the scripts that `caddy completion` writes. Places that are not named here take files, as cobra has it.
func complete(commands []*cobra.Command) {
	for _, cmd := range commands {
		for name, words := range map[string][]cobra.Completion{
			"adapter": {"caddyfile\ta Caddyfile"},
			"format":  {"json\tan array of records, for clients file", "caddyfile\ta block, for clients static"},
			"mode":    {"enforce\trefuse", "report\tlog and count", "off\tdo not look"},
			"profile": profileWords(),
		} {
			if name == "mode" && cmd.Name() != "rules" {
				words = words[:2] // of a guard, which has no mode off
			}
			register(cmd, name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
		// A path follows the sign of equality.
		suffix, directive := "=", cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace
		register(cmd, "preset", cobra.FixedCompletions(endWith(presetServers, suffix), directive))
		if cmd.Name() == "rules" {
			suffix, directive = "", cobra.ShellCompDirectiveNoFileComp
		}
		var kinds []string
		for _, endpoint := range rule.AllEndpoints() {
			kinds = append(kinds, endpoint.String())
		}
		register(cmd, "endpoint", cobra.FixedCompletions(endWith(kinds, suffix), directive))
		for _, name := range []string{"address", "base-path", "curl", "entry", "host", "workers"} {
			register(cmd, name, cobra.NoFileCompletions)
		}
		switch cmd.Name() {
		case "rules":
			cmd.ValidArgsFunction = completeRule
		case "clients":
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}

// register gives a flag its completion, if the command has the flag.
func register(cmd *cobra.Command, flag string, completion cobra.CompletionFunc) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, completion); err != nil {
		panic(err) // the flag has two completions
	}
}

func profileWords() []cobra.Completion {
	titles := map[rule.Profile]string{rule.Hub: "JetBrains Hub", rule.RFC6749: "any server", rule.OAuth21: "RFC 9700 and OAuth 2.1", rule.FAPI2: "FAPI 2.0"}
	var words []cobra.Completion
	for _, profile := range rule.Profiles() {
		words = append(words, cobra.CompletionWithDesc(profile.String(), titles[profile]))
	}
	return words
}

func endWith(words []string, suffix string) []cobra.Completion {
	var ended []cobra.Completion
	for _, word := range words {
		ended = append(ended, word+suffix)
	}
	return ended
}

// completeRule offers the rules with their titles.
func completeRule(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	for _, r := range validators.Catalogue() {
		words = append(words, cobra.CompletionWithDesc(r.ID, r.Title))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
