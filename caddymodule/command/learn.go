package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/accesslog"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/registration"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// learnFlags are the flags of learn.
type learnFlags struct {
	guardFlags
	format  string
	workers int
}

func learnCommand() *cobra.Command {
	f := new(learnFlags)
	cmd := &cobra.Command{
		Use:   "learn <access log | glob | ->...",
		Short: "Proposes a file of clients from what the server accepted, as access logs show it",
		Long: `
Proposes a list of clients with their redirect URIs from authorization requests that the server answered well. A person must look at it before it is used.

Anybody can write requests into a log, so a redirect URI is only taken as registered if a response to such a request is seen that sends a code there, or a token, in its Location. Access
logs of Caddy in JSON show that, and HTTP archives; the logs of nginx, Apache and HAProxy do not, and neither does a log whose Location is redacted. What is not proven so is proposed
for a look:

	--format caddyfile  a block clients static; what is doubtful is commented out, with the doubts
	--format json       an array of RFC 7591 records for clients file; JSON has no comments, so it holds only
	                    what is proven, and the doubts go to the standard error

Doubts are: no code or token was seen, seen once, refused at times, plain http, the loopback, a scheme of its own, an odd port, a query. URIs with a query are never taken as registered, since what is
in the query may be secret, or different in each request; they are shown without it.

What the logs do not show stays unknown: rules about grant types, scopes and authentication do not apply to these clients.

Exit status: 0, or 1 if the command failed.
`,
		Example: `  $ caddy oauth-guard learn /var/log/caddy/access.log* > clients.json
  $ caddy oauth-guard learn --format caddyfile --base-path /hub login.har
  $ caddy oauth-guard learn --profile rfc6749 --endpoint authorize=/oauth2/authorize '/var/log/caddy/*.gz'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no log to read: name access logs, or - for the standard input")
			}
			return nil
		},
		RunE: runner(func(cmd *cobra.Command, args []string) (int, error) { return Passed, f.run(cmd, args) }),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "json", "json or caddyfile")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "how many processors read; all by default")
	return cmd
}

func (f *learnFlags) run(cmd *cobra.Command, args []string) error {
	var write func(*registration.Registry, io.Writer, io.Writer) error
	switch f.format {
	case "json":
		write = (*registration.Registry).WriteJSON
	case "caddyfile":
		write = (*registration.Registry).WriteCaddyfile
	default:
		return fmt.Errorf("--format %s: use json or caddyfile", display(f.format, maxName))
	}
	files, err := accesslog.Find(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	workers, err := processors(f.workers)
	if err != nil {
		return err
	}
	guards, release, err := f.guards()
	if err != nil {
		return err
	}
	defer release()
	bar := newProgress(files, cmd.ErrOrStderr())
	learnt := registration.New()
	judge := logJudge{guards: guards, host: f.host}
	err = accesslog.Each(cmd.Context(), files, accesslog.Reading{Workers: workers}, judge.learn, func(_ *accesslog.Block, r *registration.Registry) error {
		learnt.Merge(r)
		bar.show()
		return nil
	})
	bar.done()
	if err != nil {
		return err
	}
	return write(learnt, cmd.OutOrStdout(), cmd.ErrOrStderr())
}

// learn reads the authorization requests of a block.
func (l *logJudge) learn(b *accesslog.Block) *registration.Registry {
	learnt := registration.New()
	j := &blockJudge{logJudge: *l, summary: summary.New(), byHost: make(map[string][]*Guard)}
	for outcome, e := range b.All(j.want) {
		if outcome != accesslog.Read {
			continue
		}
		guards, _ := j.guardsFor(e.Host)
		escaped, query := e.Split()
		for _, guard := range guards {
			stripped, here := guard.strip(escaped)
			if route := guard.Engine.Route(stripped); here && rule.Endpoint(route.Tag) == rule.Authorize && !route.Ambiguous {
				request := rule.Request{Method: e.Method, Path: stripped, Query: query, Header: e.Header}
				if e.HasBody && e.Body != "" {
					request.Body, request.BodyState = e.Body, rule.BodyRead
				}
				j.memory.Open(&request, rule.Authorize, guard.Engine.Options(), nil)
				j.memory.Scan()
				learnt.Add(registration.Request{
					ClientID: j.single(scan.ClientID), RedirectURI: j.single(scan.RedirectURI), ResponseType: j.single(scan.ResponseType),
					Location: e.Location, Status: e.Status, When: summary.At(e.Time),
				})
				break
			}
		}
	}
	return learnt
}

// single is the value of a parameter that is there exactly once.
func (j *blockJudge) single(name scan.Name) string {
	value, single := j.memory.Single(name)
	if !single {
		return ""
	}
	return value
}
