package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
)

// measurements are all that fill the document, in the order in which they are made: what must not be disturbed comes first. The short forms show that everything works here, and
// their figures say nothing.
var measurements = []struct {
	name  string
	run   func(context.Context, []string) error
	short string
}{
	{"decision", runDecision, "-rounds 2 -duration 20ms"},
	{"peers", runPeers, "-rounds 1 -pairs 2 -equal-pairs 1 -duration 1s -repeats 0"},
	{"share", runShare, "-seconds 2"},
	{"registry", runRegistry, "-clients 20000 -pairs 1 -rounds 1 -duration 1s -latency 2s"},
	{"build", runBuild, "-pairs 1 -rounds 1 -duration 1s -warm-up 0s"},
	{"soak", runSoak, "-duration 20s -saturation 2s -reload 2s -swap 4s -clients 2000"},
}

// runAll measures everything. What fails does not keep the rest from being measured.
func runAll(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench all", flag.ContinueOnError)
	short := flags.Bool("short", false, "as short as possible, to see that everything works; use it with another -output")
	folder := output(flags)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	// What is missing is installed before anything is measured.
	if err := runInstall(ctx, nil); err != nil {
		return err
	}
	var failures []error
	for _, m := range measurements {
		more := []string{"-output", *folder}
		if *short {
			more = append(more, strings.Fields(m.short)...)
		}
		if err := m.run(ctx, more); err != nil {
			failures = append(failures, fmt.Errorf("bench %s: %w", m.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}
