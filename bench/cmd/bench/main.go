// The program bench measures OAuth Guard beside everything else that a user could put before an authorization server, and writes docs/benchmarks.md. Run it in the
// folder bench of a checkout:
//
//	go run ./cmd/bench peers    measure all peers, and write the document
//	go run ./cmd/bench soak     load the guard for half an hour, reload it all the time, and write the document
//	go run ./cmd/bench report   write the document anew from what was measured
//	go run ./cmd/bench install  install what the peers need, as root on Debian
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/debian"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/report"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
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
	commands := map[string]func(context.Context, []string) error{"peers": runPeers, "soak": runSoak, "report": runReport, "install": runInstall}
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		return errors.New("usage: bench peers|soak|report|install [flags]; -help after the command lists its flags")
	}
	return commands[arguments[0]](ctx, arguments[1:])
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

// folders finds the bench and the folder of the document.
func folders(output string) (bench, docs string, err error) {
	if bench, err = program.Folder(); err != nil {
		return "", "", err
	}
	if output == "" {
		output = filepath.Join(filepath.Dir(bench), "docs")
	}
	return bench, output, nil
}

func runPeers(ctx context.Context, arguments []string) error {
	options := comparison.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench peers", flag.ContinueOnError)
	flags.IntVar(&options.Rounds, "rounds", 5, "how often every peer is measured")
	flags.IntVar(&options.Pairs, "pairs", 20, "how often the guard is measured beside the bare Caddy")
	flags.DurationVar(&options.Duration, "duration", 4*time.Second, "duration of a sample, whole seconds")
	flags.DurationVar(&options.WarmUp, "warm-up", time.Second, "load with each request before the first sample of a process, whole seconds")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	flags.Float64Var(&options.Foreign, "foreign", 0.1, "share of the machine that others may take")
	flags.IntVar(&options.Repeats, "repeats", 3, "how often a sample is repeated while others take more")
	flags.StringVar(&options.Bare, "bare-caddy", "", "another program as bare Caddy, to compare builds")
	flags.StringVar(&options.Guarded, "guarded-caddy", "", "another program as guarded Caddy, to compare builds")
	list := flags.String("peers", "", "names of peers, separated by commas (default: all)")
	available := flags.Bool("available", false, "leave out peers that are not installed, instead of installing them")
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	var err error
	if options.Peers, err = peers.Select(*list); err != nil {
		return err
	}
	bench, docs, err := folders(*folder)
	if err != nil {
		return err
	}
	if *available {
		options.Peers = slices.DeleteFunc(options.Peers, func(p peers.Peer) bool { return len(p.Missing()) > 0 })
	}
	if missing := missing(options.Peers); len(missing) > 0 {
		options.Progress("installing %s", strings.Join(missing, " "))
		if err := debian.Install(missing); err != nil {
			return err
		}
	}
	results, err := comparison.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	if err := report.SavePeers(docs, results); err != nil {
		return err
	}
	return report.Write(docs)
}

// missing lists the Debian packages that are needed and not there.
func missing(selected []peers.Peer) []string {
	var packages []string
	for i := range selected {
		packages = append(packages, selected[i].Missing()...)
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		packages = append(packages, "wrk")
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

func runSoak(ctx context.Context, arguments []string) error {
	options := soak.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench soak", flag.ContinueOnError)
	flags.DurationVar(&options.Duration, "duration", 30*time.Minute, "how long the load lasts; 3m is the short form")
	flags.Float64Var(&options.Load, "load", 0.7, "share of saturation")
	flags.DurationVar(&options.Saturation, "saturation", 10*time.Second, "how long saturation is measured before")
	flags.DurationVar(&options.Reload, "reload", 20*time.Second, "time from one reload of the configuration to the next")
	flags.DurationVar(&options.Swap, "swap", 5*time.Second, "time from one change of the clients to the next")
	flags.IntVar(&options.Clients, "clients", 10000, "registered clients")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, docs, err := folders(*folder)
	if err != nil {
		return err
	}
	results, err := soak.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	if err := report.SaveSoak(docs, results); err != nil {
		return err
	}
	if err := report.Write(docs); err != nil {
		return err
	}
	return results.Err()
}

func runReport(_ context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench report", flag.ContinueOnError)
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	_, docs, err := folders(*folder)
	if err != nil {
		return err
	}
	return report.Write(docs)
}

func runInstall(_ context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench install", flag.ContinueOnError)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	packages := missing(peers.All())
	if len(packages) == 0 {
		return nil
	}
	fmt.Println("missing:", strings.Join(packages, " "))
	return debian.Install(packages)
}
