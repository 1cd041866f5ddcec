package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/message"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
)

// checkFlags are the flags of check.
type checkFlags struct {
	guardFlags
	curl, har          string
	entry              int
	plain, json, brief bool
}

func checkCommand() *cobra.Command {
	f := new(checkFlags)
	cmd := &cobra.Command{
		Use:   "check [<URL> | <file with an HTTP request> | -]",
		Short: "Judges one request rule by rule, or looks in a configuration for ways around the guard",
		Long: `
Judges one request as the guard would, and says why: every rule that looked at it, with its verdict, its mode and the standard that it comes from; the
answer that the client would get; and for a redirect URI that is not registered the registered one that is most like it. Nothing is sent anywhere.

The request is one of:

	a URL, in quotes, because shells read & and ? themselves; it is judged as GET
	a file with the text of an HTTP request, or - for the standard input
	--curl  a command line of curl, as browsers copy it ("Copy as cURL")
	--har   an HTTP archive, as browsers save it; --entry says which of its requests

The guard is that of a configuration (--config), or one made of the flags; with both, the flags count. A configuration may hold several guards: those that judge
the host of the request are asked in their order, and the first refusal wins. Clients of a file are read; those of a live source are taken from Caddy's storage, as a running
Caddy left them there. The source itself is not asked: what only it knows makes the request undecidable.

With --config and without a request, the routes are walked instead. Three ways lead around a guard: a route to a guarded server without a guard before it; a rewrite between
the guard and the server; an error route (handle_errors) that proxies to the guarded server. Servers are compared by the addresses in the configuration.

Exit status: 0 the request passes, 1 the command failed, 2 the request is refused, or there is a way around the guard, 3 undecidable.
`,
		Example: `  $ caddy oauth-guard check --config Caddyfile
  $ caddy oauth-guard check --config Caddyfile 'https://hub.example.com/api/rest/oauth2/auth?response_type=code&client_id=app'
  $ caddy oauth-guard check --profile rfc6749 --endpoint token=/oauth2/token --clients clients.json - < request.txt
  $ caddy oauth-guard check --curl "curl -d grant_type=password https://hub.example.com/api/rest/oauth2/token"
  $ caddy oauth-guard check --config Caddyfile --har trace.har --entry 3 --json`,
		Args: oneArgument("request"),
		RunE: runner(func(cmd *cobra.Command, args []string) (int, error) { return f.run(cmd, args) }),
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.curl, "curl", "", "judge the request of this command line of curl; - reads it from the standard input")
	flags.StringVar(&f.har, "har", "", "judge a request of this HTTP archive")
	flags.IntVar(&f.entry, "entry", 1, "which request of the archive; the first is 1")
	flags.BoolVar(&f.plain, "plain-http", false, "the text of a request came over HTTP without TLS")
	flags.BoolVar(&f.brief, "brief", false, "leave out the rules that do not fire")
	flags.BoolVar(&f.json, "json", false, "write JSON")
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, args []string) (int, error) {
	if f.har == "" && cmd.Flags().Changed("entry") {
		return Failed, errors.New("--entry: only an HTTP archive has entries: name one with --har")
	}
	m, err := f.message(cmd.InOrStdin(), args)
	if err != nil {
		return Failed, err
	}
	if m == nil {
		if f.config == "" {
			return Failed, errors.New("nothing to check: name a URL or a file with a request, or with --config a configuration")
		}
		return f.walk(cmd.OutOrStdout())
	}
	guards, release, err := f.guards()
	if err != nil {
		return Failed, err
	}
	defer release()
	host := f.host
	if m.Request != nil && host == "" {
		host = m.Request.Host
	}
	guards, err = forHost(guards, host)
	if err != nil {
		return Failed, err
	}
	result, err := judge(guards, m)
	if err != nil {
		return Failed, err
	}
	if f.json {
		return result.status, writeJSON(cmd.OutOrStdout(), result)
	}
	result.write(cmd.OutOrStdout(), f.brief)
	return result.status, nil
}

// message is the request that the arguments say; nil if they say none.
func (f *checkFlags) message(in io.Reader, args []string) (*message.Message, error) {
	named := len(args)
	for _, flag := range []string{f.curl, f.har} {
		if flag != "" {
			named++
		}
	}
	switch {
	case named == 0:
		return nil, nil
	case named > 1:
		return nil, errors.New("more than one request: name a URL, a file, --curl or --har")
	case f.curl == "-":
		line, err := io.ReadAll(io.LimitReader(in, message.MaxSize))
		if err != nil {
			return nil, err
		}
		return message.FromCurl(string(line))
	case f.curl != "":
		return message.FromCurl(f.curl)
	case f.har != "":
		file, err := os.Open(f.har)
		if err != nil {
			return nil, fmt.Errorf("--har: %w", err)
		}
		defer file.Close()
		m, err := message.FromHAR(file, f.entry)
		if err != nil {
			return nil, fmt.Errorf("--har %s: %w", f.har, err)
		}
		return m, nil
	case args[0] == "-":
		return message.FromText(in, f.plain)
	case strings.Contains(args[0], "://"):
		return message.FromURL(args[0])
	}
	file, err := os.Open(args[0])
	if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(args[0], "/") {
		return message.FromURL(args[0])
	}
	if err != nil {
		return nil, fmt.Errorf("no file %s, and no URL, which begins with https://, http:// or a slash: %w", redact.URI(args[0]), without(err))
	}
	defer file.Close()
	return message.FromText(file, f.plain)
}

// without is why a file cannot be opened, without its name: it may be a URL with something secret in it.
func without(err error) error {
	var failure *fs.PathError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return err
}

// walk looks for ways around the guards of the configuration.
func (f *checkFlags) walk(out io.Writer) (int, error) {
	// What does not start cannot be walked around, but should be told.
	guards, release, err := f.guards()
	if err != nil {
		return Failed, err
	}
	release()
	tree, err := f.load(new(caddy.Config))
	if err != nil {
		return Failed, err
	}
	ways := tree.Ways()
	status := Passed
	for i := range ways {
		ways[i].Place, ways[i].Upstream = display(ways[i].Place, 500), display(ways[i].Upstream, maxHost)
		ways[i].Text = display(ways[i].Text, 500)
		if ways[i].Open {
			status = Refused
		}
	}
	servers := tree.Guarded()
	for i := range servers {
		servers[i] = display(servers[i], maxHost)
	}
	if f.json {
		names := make([]string, len(guards))
		for i, guard := range guards {
			names[i] = display(guard.title(), 500)
		}
		return status, writeJSON(out, map[string]any{"guards": names, "guarded_servers": servers, "ways_around": emptyIfNil(ways)})
	}
	p := painterFor(out)
	for _, guard := range guards {
		mode := "enforce"
		if guard.ReportOnly {
			mode = "report"
		}
		fmt.Fprintf(out, "guard     %s (profile %s, mode %s)\n", display(guard.title(), 500), guard.Profile, mode)
	}
	for _, server := range servers {
		fmt.Fprintf(out, "guarded   %s\n", server)
	}
	if len(servers) == 0 {
		fmt.Fprintln(out, p.yellow("no reverse_proxy stands behind a guard: the guards protect nothing that could be walked around"))
	}
	for _, way := range ways {
		mark := p.red("OPEN")
		if !way.Open {
			mark = p.yellow("NOTE")
		}
		fmt.Fprintf(out, "\n%s      %s\n%s", mark, way.Place, wrap(way.Text, "          ", 110))
	}
	switch {
	case status == Refused:
		fmt.Fprintln(out, "\n"+p.red("Requests get around the guard."))
	case len(servers) > 0:
		fmt.Fprintln(out, p.green("No way around the guard was found."))
	}
	return status, nil
}

// writeJSON writes a value for programs, and for people who look at what programs get.
func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// emptyIfNil makes sure that an empty list is written as one.
func emptyIfNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
