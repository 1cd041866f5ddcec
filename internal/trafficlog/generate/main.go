// Command generate writes a made-up access log to the standard output, and the clients of its requests into a file.
//
//	go run ./internal/trafficlog/generate -size 1G -format caddy -clients clients.json > access.log
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/oauthguard/caddy-oauth-guard/internal/trafficlog"
)

func main() {
	size := flag.String("size", "10MB", "how large the log is")
	format := flag.String("format", "caddy", "caddy, combined or haproxy")
	seed := flag.Uint64("seed", 1, "equal seeds give equal logs")
	clients := flag.String("clients", "", "write the clients into this file")
	flag.Parse()
	if err := run(*size, *format, *seed, *clients); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(size, format string, seed uint64, clients string) error {
	bytes, err := humanize.ParseBytes(size)
	if err != nil {
		return err
	}
	if clients != "" {
		if err := os.WriteFile(clients, trafficlog.Clients(), 0o644); err != nil {
			return err
		}
	}
	counted, err := trafficlog.Write(os.Stdout, trafficlog.Format(format), int64(bytes), seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d lines: %d elsewhere, %d resource, %d token, %d good authorization requests\n", counted.Lines, counted.Elsewhere, counted.Resource, counted.Token, counted.Good)
	for i, fault := range trafficlog.Faults {
		fmt.Fprintf(os.Stderr, "%8d  %s (%s)\n", counted.Faults[i], fault.Name, fault.Rule)
	}
	return nil
}
