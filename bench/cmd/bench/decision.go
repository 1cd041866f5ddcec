package main

import (
	"context"
	"flag"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/decision"
)

func runDecision(ctx context.Context, arguments []string) error {
	options := decision.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench decision", flag.ContinueOnError)
	flags.IntVar(&options.Rounds, "rounds", 10, "how often all benchmarks run")
	flags.DurationVar(&options.Duration, "duration", 200*time.Millisecond, "duration of one benchmark")
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	s, err := decision.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	return keep(s, docs)
}
