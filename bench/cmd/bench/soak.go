package main

import (
	"context"
	"flag"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/report"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
)

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
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	options.Save = func(results *soak.Results) error { return report.SaveSoak(docs, results) }
	results, err := soak.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	if err := report.Write(docs); err != nil {
		return err
	}
	return results.Err()
}
