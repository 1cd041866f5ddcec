// Package decision measures the decision alone, beside url.ParseQuery of the same bytes, with the benchmarks of the package validators.
package decision

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/build"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
)

// Options say how long is measured.
type Options struct {
	// Rounds is how often all benchmarks run, one after the other.
	Rounds int
	// Duration is that of one benchmark in one round.
	Duration time.Duration
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
}

// Figures are those of one benchmark.
type Figures struct {
	// Nanoseconds of one operation, by round.
	Nanoseconds []float64
	// Ratios to url.ParseQuery of the same bytes, measured in turns, by round; of those benchmarks alone that tell them.
	Ratios []float64
	// Allocations of one operation, at most.
	Allocations int
}

// Run measures, and returns the part of the document. The bench is the folder of this module.
func Run(ctx context.Context, bench string, options Options) (*section.Section, error) {
	if options.Rounds < 1 || options.Rounds > 1000 || options.Duration <= 0 || options.Duration > time.Minute {
		return nil, fmt.Errorf("%d rounds of %s: use from 1 to 1000, of at most 1m", options.Rounds, options.Duration)
	}
	folder, err := os.MkdirTemp("", "oauth-guard-decision-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	root := filepath.Dir(bench)
	var programs [len(builds)][layouts]string
	var all [len(builds)]map[string]*Figures
	for i, b := range builds {
		all[i] = make(map[string]*Figures)
		for layout := range min(layouts, options.Rounds) {
			options.Progress("building %s, layout %d", b.title, layout+1)
			programs[i][layout] = filepath.Join(folder, fmt.Sprintf("validators%d-%d.test", i, layout))
			if err := program.BuildTest(root, "./validators", programs[i][layout], b.guide(root), layout+1); err != nil {
				return nil, err
			}
		}
	}
	for round := range options.Rounds {
		for i := range builds {
			tests := programs[i][round%layouts]
			output, err := program.Benchmarks(ctx, root, tests, builds[i].benchmarks, "-test.benchmem", "-test.benchtime="+options.Duration.String())
			if err != nil {
				return nil, err
			}
			if err := parse(output, all[i]); err != nil {
				return nil, err
			}
		}
		options.Progress("round %d of %d is done", round+1, options.Rounds)
	}
	s := section.New(bench, "decision", "The decision alone", 10)
	return s, describe(s, all, options.Rounds)
}

// layouts is in how many orders the linker lays out the functions of each build, one for each round in turn: where the code of a loop happens to lie makes it a few hundredths faster or slower, that of the
// yardstick too, and every binary has another order.
const layouts = 5

// builds are the ways to build that are measured. Budgets are judged by the first, which users have; of the second only the ratios are measured.
var builds = [...]struct {
	title      string
	guide      func(root string) string
	benchmarks string
}{
	{"with the profile that guides the compiler, as `./xcaddy.sh` builds", func(root string) string { return filepath.Join(root, build.Profile) },
		"^BenchmarkDecide$/./^(authorize|token|bearer|other)$/^(valid|refused)$|^BenchmarkParseQuery$|^BenchmarkAdversarial$|" + ratios},
	{"without the profile", func(string) string { return "off" }, ratios},
}

// ratios are the benchmarks beside url.ParseQuery.
const ratios = "^BenchmarkBudget$/^(hub|rfc6749|oauth21)$/^(authorize|token)$/^valid$"

// line is the line of one benchmark: its name, which ends with the number of processors, and its figures.
var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(?:\s+([0-9.]+) x-ParseQuery)?\s+\d+ B/op\s+(\d+) allocs/op$`)

// parse adds the figures of a round.
func parse(output []byte, all map[string]*Figures) error {
	found := 0
	for text := range bytes.Lines(output) {
		fields := line.FindSubmatch(bytes.TrimSpace(text))
		if fields == nil {
			continue
		}
		found++
		nanoseconds, err := strconv.ParseFloat(string(fields[2]), 64)
		if err != nil {
			return err
		}
		allocations, err := strconv.Atoi(string(fields[4]))
		if err != nil {
			return err
		}
		name := string(fields[1])
		if all[name] == nil {
			all[name] = new(Figures)
		}
		if len(fields[3]) > 0 {
			ratio, err := strconv.ParseFloat(string(fields[3]), 64)
			if err != nil {
				return err
			}
			all[name].Ratios = append(all[name].Ratios, ratio)
		}
		all[name].Nanoseconds = append(all[name].Nanoseconds, nanoseconds)
		all[name].Allocations = max(all[name].Allocations, allocations)
	}
	if found == 0 {
		return fmt.Errorf("the benchmarks wrote no figures:\n%s", output)
	}
	return nil
}
