package main

import (
	"context"
	"flag"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/decision"
	"github.com/oauthguard/caddy-oauth-guard/bench/report"
)

func runDecision(ctx context.Context, arguments []string) error {
	options := decision.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench decision", flag.ContinueOnError)
	flags.IntVar(&options.Rounds, "rounds", 10, "how often all benchmarks run")
	flags.DurationVar(&options.Duration, "duration", 200*time.Millisecond, "duration of one benchmark")
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, docs, err := folders(*folder)
	if err != nil {
		return err
	}
	s, err := decision.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	if err := s.Save(docs); err != nil {
		return err
	}
	return report.Write(docs)
}
