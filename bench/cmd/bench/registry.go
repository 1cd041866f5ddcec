package main

import (
	"context"
	"flag"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/registry"
)

func runRegistry(ctx context.Context, arguments []string) error {
	options := registry.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench registry", flag.ContinueOnError)
	flags.IntVar(&options.Few, "few", 10, "number of clients to compare with")
	flags.IntVar(&options.Many, "clients", 1_000_000, "number of clients")
	flags.IntVar(&options.Pairs, "pairs", 12, "how often processor time is compared")
	flags.IntVar(&options.Rounds, "rounds", 5, "how often latencies are compared")
	flags.DurationVar(&options.Duration, "duration", 4*time.Second, "duration of a sample of processor time")
	flags.DurationVar(&options.Latency, "latency", 12*time.Second, "duration of a sample of latencies")
	flags.Float64Var(&options.Rate, "rate", 3000, "requests per second whose latencies are measured")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	flags.DurationVar(&options.Swap, "swap", 3*time.Second, "time from one exchange of the clients to the next")
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	results, err := registry.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	return keep(results.Section(bench, options), docs)
}
