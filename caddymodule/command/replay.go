package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/accesslog"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/report"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	guardFlags
	json         bool
	html, resume string
	workers      int
	saveEvery    time.Duration
}

func replayCommand() *cobra.Command {
	f := new(replayFlags)
	cmd := &cobra.Command{
		Use:   "replay <access log | glob | ->...",
		Short: "Judges the requests of access logs: what would be refused, by rule and by client",
		Long: `
Judges the requests of access logs as the guard would if it enforced its rules, and sums up: by endpoint, by rule with the first request as an example, and by client. What
counts most are requests that would be refused although the server answered them well: they would break. For these, lines for the configuration are proposed.

Logs of these formats are recognised, plain or compressed by gzip or zstd:

	Caddy's access log in JSON
	the combined and the common format of nginx and Apache, with or without a virtual host in front
	HAProxy's HTTP format
	HTTP archives (HAR) of browsers

What a log does not show counts as not judged, never as clean. Access logs hold neither bodies nor the Authorization header: authorization and logout requests by GET are
judged in full, of all others the path and the method. A combined log does not show other headers either. A query that is redacted is not judged. For the token endpoint and for access tokens run the guard
itself in report mode.

The guard is that of a configuration (--config), or one made of the flags, as for check. Several guards are told apart by the host of a request; of logs that do not say it, by --host.

Memory does not grow with the logs. On a terminal a bar shows how much has been read. With --resume FILE, how far the logs were read is kept in that file: an interrupted replay goes on where
it was, and logs that grew, were renamed or compressed are read from where they were left. The line at the end of a log that is still being written waits for the next time.

Exit status: 0, whatever was found; 1 if the command failed.
`,
		Example: `  $ caddy oauth-guard replay --config Caddyfile /var/log/caddy/access.log*
  $ caddy oauth-guard replay --clients clients.json --profile oauth21 --endpoint authorize=/oauth2/auth --html report.html '/var/log/nginx/*.log*'
  $ zstdcat huge.log.zst | caddy oauth-guard replay --config Caddyfile --json -
  $ caddy oauth-guard replay --config Caddyfile --resume replay.state /var/log/caddy/access.log*`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no log to read: name access logs, or - for the standard input")
			}
			return nil
		},
		RunE: runner(func(cmd *cobra.Command, args []string) (int, error) { return Passed, f.run(cmd, args) }),
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "write JSON")
	flags.StringVar(&f.html, "html", "", "write a report as one HTML page into this file as well")
	flags.StringVar(&f.resume, "resume", "", "keep in this file how far the logs were read, and go on from there")
	flags.DurationVar(&f.saveEvery, "save-every", 5*time.Second, "how often to write the file of --resume")
	flags.IntVar(&f.workers, "workers", 0, "how many processors judge; all by default")
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, args []string) error {
	files, err := accesslog.Find(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if f.html != "" { // known before gigabytes are read
		if _, err := os.Stat(filepath.Dir(f.html)); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
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
	progress, err := loadState(f.resume, identity(guards, f.host))
	if err != nil {
		return err
	}
	if err := f.read(cmd, files, guards, workers, progress); err != nil {
		return err
	}
	return f.write(cmd.OutOrStdout(), report.New(progress.Summary, describeGuards(guards), logNames(files)))
}

// read judges the logs, and keeps how far it came.
func (f *replayFlags) read(cmd *cobra.Command, files []*accesslog.File, guards []*Guard, workers int, s *state) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // who interrupts twice, while a pipe gives nothing, wants to leave
	bar := newProgress(files, cmd.ErrOrStderr())
	judge := logJudge{guards: guards, host: f.host}
	saved := time.Now()
	reading := accesslog.Reading{Workers: workers, From: make(map[string]int64), Whole: f.resume != ""}
	for id, position := range s.Read {
		reading.From[id] = position
	}
	err := accesslog.Each(ctx, files, reading, judge.block, func(b *accesslog.Block, counted *summary.Summary) error {
		s.Summary.Merge(counted)
		s.Read[b.File.ID] = b.End
		bar.show()
		if f.resume == "" || time.Since(saved) < f.saveEvery {
			return nil
		}
		saved = time.Now()
		return s.save(f.resume)
	})
	bar.done()
	if f.resume != "" {
		if failure := s.save(f.resume); failure != nil {
			return errors.Join(err, failure)
		}
	}
	if errors.Is(err, context.Canceled) {
		if f.resume != "" {
			return errors.New("interrupted; the same command goes on from here")
		}
		return errors.New("interrupted; with --resume it could go on from here")
	}
	return err
}

// write writes the report in the forms that are asked for.
func (f *replayFlags) write(out io.Writer, view *report.View) error {
	if f.html != "" {
		file, err := create(f.html)
		if err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		if err := errors.Join(view.WriteHTML(file), file.Close()); err != nil {
			return fmt.Errorf("--html %s: %w", f.html, err)
		}
	}
	if f.json {
		return writeJSON(out, view)
	}
	view.WriteText(out, painterFor(out).bold)
	return nil
}

// describeGuards says which guards judge, in a line.
func describeGuards(guards []*Guard) string {
	names := make([]string, len(guards))
	for i, guard := range guards {
		sources := make([]string, len(guard.Feeds))
		for j, feed := range guard.Feeds {
			state := feed.State()
			sources[j] = fmt.Sprintf("%d clients", state.Clients)
			if feed.Directory() == nil {
				sources[j] = "clients not known here"
			}
		}
		if len(sources) == 0 {
			sources = []string{"no clients: client_id and redirect_uri are not compared"}
		}
		names[i] = fmt.Sprintf("%s: profile %s, %s", display(guard.title(), 200), guard.Profile, strings.Join(sources, ", "))
	}
	return strings.Join(names, "; ")
}

// maxLogNames is how many logs are named in a report.
const maxLogNames = 20

// logNames are the names of the logs without their folders.
func logNames(files []*accesslog.File) []string {
	names := make([]string, 0, min(len(files), maxLogNames+1))
	for i, file := range files {
		if i == maxLogNames {
			names = append(names, fmt.Sprintf("%d more", len(files)-i))
			break
		}
		name := "standard input"
		if file.Name != "-" {
			name = redact.Text(filepath.Base(file.Name), maxName)
		}
		names = append(names, name)
	}
	return names
}
