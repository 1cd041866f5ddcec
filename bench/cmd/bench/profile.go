package main

import (
	"context"
	"flag"

	"github.com/oauthguard/caddy-oauth-guard/bench/build"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
)

func runProfile(ctx context.Context, arguments []string) error {
	options := build.ProfileOptions{Progress: progress()}
	flags := flag.NewFlagSet("bench profile", flag.ContinueOnError)
	flags.IntVar(&options.Seconds, "seconds", 40, "how long the processor time is sampled")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, err := program.Folder()
	if err != nil {
		return err
	}
	if err := install(nil); err != nil {
		return err
	}
	return build.Record(ctx, bench, options)
}
