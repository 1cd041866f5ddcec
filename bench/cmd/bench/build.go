package main

import (
	"context"
	"flag"
	"os/exec"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/build"
	"github.com/oauthguard/caddy-oauth-guard/bench/debian"
	"github.com/oauthguard/caddy-oauth-guard/bench/report"
)

func runBuild(ctx context.Context, arguments []string) error {
	options := build.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench build", flag.ContinueOnError)
	flags.IntVar(&options.Pairs, "pairs", 16, "how often all programs are measured side by side")
	flags.IntVar(&options.Rounds, "rounds", 4, "how often all settings are measured")
	flags.DurationVar(&options.Duration, "duration", 2*time.Second, "duration of a sample, whole seconds")
	flags.DurationVar(&options.WarmUp, "warm-up", time.Second, "load with each request before the first sample of a process, whole seconds")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, docs, err := folders(*folder)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		if err := debian.Install([]string{"wrk"}); err != nil {
			return err
		}
	}
	results, err := build.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	if err := results.Section(bench, options).Save(docs); err != nil {
		return err
	}
	return report.Write(docs)
}
