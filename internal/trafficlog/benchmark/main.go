// Command benchmark times replay beside jq, which extracts the same fields from the same log, and measures the memory that both take. It fails if replay is less than three times as fast as jq, or takes
// 200 MB or more.
//
//	go run ./internal/trafficlog/benchmark -caddy build/caddy -size 1GB
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/oauthguard/caddy-oauth-guard/internal/trafficlog"
)

// fields are what replay reads of a line.
const fields = `[.ts, .logger, .request.method, .request.host, .request.uri, .status, .resp_headers.Location[0]?] | @tsv`

// What must be reached.
const (
	ratio    = 3
	resident = 200_000_000
)

func main() {
	caddy := flag.String("caddy", "build/caddy", "Caddy with the guard")
	size := flag.String("size", "1GB", "how large the log is")
	rounds := flag.Int("rounds", 3, "how often each is timed, in turns")
	folder := flag.String("folder", "", "where the log is written; by default a temporary folder")
	flag.Parse()
	if err := run(*caddy, *size, *rounds, *folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measured is what one run took.
type measured struct {
	seconds  float64
	resident int64 // the most, in bytes
}

func run(caddy, size string, rounds int, folder string) error {
	if _, err := exec.LookPath("jq"); err != nil {
		return fmt.Errorf("%w: it is in Debian's package jq", err)
	}
	caddy, err := filepath.Abs(caddy)
	if err != nil {
		return err
	}
	bytes, err := humanize.ParseBytes(size)
	if err != nil {
		return fmt.Errorf("-size: %w", err)
	}
	folder, err = os.MkdirTemp(folder, "replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	log, clients := filepath.Join(folder, "access.log"), filepath.Join(folder, "clients.json")
	file, err := os.Create(log)
	if err != nil {
		return err
	}
	counted, err := trafficlog.Write(file, trafficlog.Caddy, int64(bytes), 1)
	if err = errors.Join(err, file.Close(), os.WriteFile(clients, trafficlog.Clients(), 0o600)); err != nil {
		return err
	}
	fmt.Printf("%s of Caddy's JSON, %s lines\n", humanize.Bytes(bytes), humanize.Comma(counted.Lines))
	commands := []struct {
		name string
		args []string
		runs []measured
	}{
		{name: "jq", args: []string{"jq", "-r", fields, log}},
		{name: "replay", args: []string{caddy, "oauth-guard", "replay", "--clients", clients, log}},
		{name: "replay, 1 worker", args: []string{caddy, "oauth-guard", "replay", "--workers", "1", "--clients", clients, log}},
	}
	for range rounds {
		for i := range commands {
			took, err := measure(folder, commands[i].args)
			if err != nil {
				return fmt.Errorf("%s: %w", commands[i].name, err)
			}
			commands[i].runs = append(commands[i].runs, took)
		}
	}
	seconds := make([]float64, len(commands))
	largest := int64(0)
	for i, c := range commands {
		slices.SortFunc(c.runs, func(a, b measured) int { return int((a.seconds - b.seconds) * 1e6) })
		seconds[i] = c.runs[len(c.runs)/2].seconds
		most := slices.MaxFunc(c.runs, func(a, b measured) int { return int(a.resident - b.resident) }).resident
		if i > 0 {
			largest = max(largest, most)
		}
		fmt.Printf("%-17s %7.2f s  %6.0f MB/s  %5.1f × jq  resident at most %s\n", c.name, seconds[i], float64(bytes)/1e6/seconds[i], seconds[0]/seconds[i], humanize.Bytes(uint64(most)))
	}
	if reached := seconds[0] / seconds[1]; reached < ratio {
		return fmt.Errorf("replay is %.1f times as fast as jq, and must be %d times", reached, ratio)
	}
	if largest >= resident {
		return fmt.Errorf("replay took %s, and may take %s", humanize.Bytes(uint64(largest)), humanize.Bytes(resident))
	}
	return nil
}

// measure runs a command once. Its output goes nowhere.
func measure(home string, args []string) (measured, error) {
	command := exec.Command(args[0], args[1:]...)
	command.Stdout, command.Stderr = io.Discard, os.Stderr
	command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	start := time.Now()
	if err := command.Run(); err != nil {
		return measured{}, err
	}
	took := measured{seconds: time.Since(start).Seconds()}
	if usage, is := command.ProcessState.SysUsage().(*syscall.Rusage); is {
		took.resident = usage.Maxrss << 10 // VmHWM, in KiB on Linux
	}
	return took, nil
}
