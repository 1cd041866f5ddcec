package main

import (
	"context"
	"flag"

	"github.com/oauthguard/caddy-oauth-guard/bench/share"
)

func runShare(ctx context.Context, arguments []string) error {
	options := share.Options{Progress: progress()}
	flags := flag.NewFlagSet("bench share", flag.ContinueOnError)
	flags.IntVar(&options.Seconds, "seconds", 60, "how long the processor time of each request is sampled")
	flags.IntVar(&options.Connections, "connections", 32, "connections that are open at once")
	bench, docs, err := folders(flags, arguments)
	if err != nil {
		return err
	}
	if err := install(nil); err != nil {
		return err
	}
	s, err := share.Run(ctx, bench, options)
	if err != nil {
		return err
	}
	return keep(s, docs)
}
