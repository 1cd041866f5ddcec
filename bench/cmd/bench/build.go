package main

import (
	"context"
	"flag"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/build"
)

func runBuild(ctx context.Context, arguments []string) error {
	options := build.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench build", flag.ContinueOnError)
	flags.IntVar(&options.Pairs, "pairs", 16, "how often all programs are measured side by side")
	flags.IntVar(&options.Rounds, "rounds", 4, "how often all settings are measured")
	flags.DurationVar(&options.Duration, "duration", 2*time.Second, "duration of a sample, whole seconds")
	flags.DurationVar(&options.WarmUp, "warm-up", time.Second, "load with each request before the first sample of a process, whole seconds")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	if err := install(nil); err != nil {
		return err
	}
	results, err := build.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	return keep(results.Section(bench, options), docs)
}
