// The program bench measures OAuth Guard beside everything else that a user could put before an authorization server, and writes docs/benchmarks.md. Run it in the
// folder bench of a checkout:
//
//	go run ./cmd/bench all      install what is missing, and measure everything
//	go run ./cmd/bench decision measure the decision alone, and write the document
//	go run ./cmd/bench peers    measure all peers, and write the document
//	go run ./cmd/bench share    sample what the guard itself takes of the processor time, and write the document
//	go run ./cmd/bench build    compare ways to build and to run the whole binary, and write the document
//	go run ./cmd/bench soak     load the guard for half an hour, reload it all the time, and write the document
//	go run ./cmd/bench profile  sample the processor time that guides the compiler, and write caddymodule/caddy.pgo
//	go run ./cmd/bench registry measure what a million clients cost, and write the document
//	go run ./cmd/bench report   write the document anew from what was measured
//	go run ./cmd/bench install  install what the peers need, as root on Debian
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/report"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		return fmt.Errorf("usage: bench %s [flags]; -help after the command lists its flags", strings.Join(slices.Sorted(maps.Keys(commands)), "|"))
	}
	return commands[arguments[0]](ctx, arguments[1:])
}

// commands are what can be done. Each writes its figures as JSON, and then the document anew.
var commands = map[string]func(context.Context, []string) error{
	"all":      runAll,
	"build":    runBuild,
	"decision": runDecision,
	"peers":    runPeers,
	"profile":  runProfile,
	"soak":     runSoak,
	"registry": runRegistry,
	"share":    runShare,
	"report":   runReport,
	"install":  runInstall,
}

// progress prints what happens, with the time since the start.
func progress() func(format string, arguments ...any) {
	begin := time.Now()
	return func(format string, arguments ...any) {
		fmt.Fprintf(os.Stderr, "%8s  %s\n", time.Since(begin).Round(time.Second), fmt.Sprintf(format, arguments...))
	}
}

// output is the flag of all commands that write.
func output(flags *flag.FlagSet) *string {
	return flags.String("output", "", "folder of benchmarks.md, its plots and its data (default: docs of the checkout)")
}

// folders reads the arguments of a command that writes, and finds the bench and the folder of the document.
func folders(flags *flag.FlagSet, arguments []string) (bench, docs string, err error) {
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return "", "", err
	}
	if bench, err = program.Folder(); err != nil {
		return "", "", err
	}
	if docs = *folder; docs == "" {
		docs = filepath.Join(filepath.Dir(bench), "docs")
	}
	return bench, docs, nil
}

// keep keeps what a command measured, and writes the document.
func keep(measured *section.Section, docs string) error {
	if err := measured.Save(docs); err != nil {
		return err
	}
	return report.Write(docs)
}

func runReport(_ context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench report", flag.ContinueOnError)
	_, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	return report.Write(docs)
}
