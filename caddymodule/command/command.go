// Package command holds the commands for operators, `caddy oauth-guard`: they tell before anything is switched on what the guard would do, and why.
package command

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "oauth-guard",
		Usage:     "<command>",
		Short:     "Checks requests and logs against the rules of OAuth Guard, and explains the rules",
		CobraFunc: Build,
	})
}

// The exit statuses of all commands.
const (
	// Passed says that the request passes, or that the command did what it should.
	Passed = 0
	// Failed says that the command itself failed.
	Failed = 1
	// Refused says that the request is refused, or that the configuration lets requests around the guard.
	Refused = 2
	// Undecidable says that nothing refuses the request, but that not everything that may refuse it is known.
	Undecidable = 3
)

// Build adds the commands to the command oauth-guard.
func Build(root *cobra.Command) {
	root.Long = `
OAuth Guard refuses invalid OAuth requests in front of an authorization server. These commands tell what it would do, without a running server
and without sending anything:

	check    judges one request, rule by rule; or looks in a configuration for ways around the guard
	replay   judges the requests of access logs: what would be refused, by rule and by client
	learn    proposes a file of clients from access logs
	rules    lists the rules, and explains one
	clients  lists the registered clients, and looks one up

They begin like this, from first doubts to enforcement:

	caddy oauth-guard learn access.log > clients.json
	caddy oauth-guard replay --clients clients.json --html report.html access.log
	caddy oauth-guard check --config Caddyfile

Nothing that is secret in OAuth is printed or stored: codes, tokens, passwords, secrets, assertions, verifiers and states. URIs are shown without their
query and fragment. Text from requests is shortened, and cannot control the terminal.

Exit status: 0 if the request passes, or the command did what it should; 1 if the command failed; 2 if the request is refused; 3 if that cannot be decided.
`
	root.Example = `  $ caddy oauth-guard check 'https://hub.example.com/api/rest/oauth2/auth?response_type=code&client_id=app'
  $ caddy oauth-guard replay --config Caddyfile /var/log/caddy/access.log*
  $ caddy oauth-guard rules authorize.redirect_uri.unregistered`
	root.SilenceUsage = true
	root.SetFlagErrorFunc(flagError)
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("no such command %s: use check, replay, learn, rules or clients", redact.URI(args[0]))
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.AddCommand(checkCommand(), replayCommand(), learnCommand(), rulesCommand(), clientsCommand())
	complete(root.Commands())
	for _, cmd := range append(root.Commands(), root) {
		cmd.Long = reflow(cmd.Long, helpWidth)
	}
}

// runner makes the function that cobra runs. Statuses other than 0 and 1 go through Caddy's own wrapper, since its main function knows no other way.
func runner(run func(cmd *cobra.Command, args []string) (status int, err error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		status, err := run(cmd, args)
		if err != nil || status <= Failed {
			return err
		}
		cmd.SilenceErrors = true
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })(cmd, args)
	}
}

// flagError says where the flags are told, if one is none of them.
func flagError(cmd *cobra.Command, err error) error {
	if !strings.HasPrefix(err.Error(), "unknown") {
		return err
	}
	return fmt.Errorf("%w: %s --help lists the options", err, cmd.CommandPath())
}

// oneArgument accepts at most one argument, and says what it is.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%d arguments: name one %s at most", len(args), what)
		}
		return nil
	}
}

// processors is how many processors are meant: all if it is 0.
func processors(asked int) (int, error) {
	switch {
	case asked < 0:
		return 0, fmt.Errorf("--workers %d: write how many processors, or 0 for all", asked)
	case asked == 0:
		return runtime.GOMAXPROCS(0), nil
	}
	return asked, nil
}

// create makes a file that only its owner can read: reports name clients.
func create(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}
