package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/debian"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/report"
)

func runPeers(ctx context.Context, arguments []string) error {
	options := comparison.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench peers", flag.ContinueOnError)
	flags.IntVar(&options.Rounds, "rounds", 3, "how often every peer is measured")
	flags.IntVar(&options.Pairs, "pairs", 20, "how often the guard is measured beside the bare Caddy")
	flags.IntVar(&options.EqualPairs, "equal-pairs", 8, "how often the guard is measured beside the bare Caddy with equal memory")
	flags.DurationVar(&options.Duration, "duration", 2*time.Second, "duration of a sample, whole seconds")
	flags.DurationVar(&options.WarmUp, "warm-up", time.Second, "load with each request before the first sample of a process, whole seconds")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	flags.Float64Var(&options.Foreign, "foreign", 0.1, "share of the machine that others may take")
	flags.IntVar(&options.Repeats, "repeats", 3, "how often a sample is repeated while others take more")
	flags.StringVar(&options.Bare, "bare-caddy", "", "another program as bare Caddy, to compare builds")
	flags.StringVar(&options.Guarded, "guarded-caddy", "", "another program as guarded Caddy, to compare builds")
	list := flags.String("peers", "", "names of peers, separated by commas (default: all)")
	available := flags.Bool("available", false, "leave out peers that are not installed, instead of installing them")
	resume := flags.Bool("continue", false, "measure only what an interrupted run with the same flags did not")
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	if options.Peers, err = peers.Select(*list); err != nil {
		return err
	}
	if *available {
		options.Peers = slices.DeleteFunc(options.Peers, func(p peers.Peer) bool { return len(p.Missing()) > 0 })
	}
	if err := install(options.Peers); err != nil {
		return err
	}
	if *resume {
		if options.Previous, err = report.ReadPeers(docs); err != nil {
			return err
		}
	}
	options.Save = func(results *comparison.Results) error { return report.SavePeers(docs, results) }
	if _, err := comparison.Run(ctx, bench, options); err != nil {
		return fmt.Errorf("%w\nwhat was measured so far is kept; -continue goes on", err)
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

func runInstall(_ context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench install", flag.ContinueOnError)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	return install(peers.All())
}

// install installs what is missing of peers, and the load generator.
func install(selected []peers.Peer) error {
	packages := missing(selected)
	if len(packages) == 0 {
		return nil
	}
	fmt.Fprintln(os.Stderr, "installing", strings.Join(packages, " "))
	return debian.Install(packages)
}
