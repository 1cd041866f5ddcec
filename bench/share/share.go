// Package share samples how much of the processor time of a guarded Caddy the guard itself takes, and for what. Pairs of processes differ by more than that for other reasons; this says
// what they cannot, but leaves out what the guard costs elsewhere, such as the collection of its garbage.
package share

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/google/pprof/profile"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/sampling"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
)

// Options say how long is measured.
type Options struct {
	// Seconds is how long the processor time of each request is sampled.
	Seconds int
	// Connections are open at once.
	Connections int
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
}

const command = "go run ./cmd/bench share"

// Run samples each of the four requests. The bench is the folder of this module.
func Run(ctx context.Context, bench string, options Options) (*section.Section, error) {
	folder, err := os.MkdirTemp("", "oauth-guard-share-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	options.Progress("building")
	caddy, err := program.Build(bench, "caddy", folder)
	if err != nil {
		return nil, err
	}
	upstream, err := program.StartUpstream(ctx, bench, folder)
	if err != nil {
		return nil, err
	}
	defer upstream.Stop()
	site, err := conformance.VectorSite(filepath.Dir(bench))
	if err != nil {
		return nil, err
	}
	admin, err := peers.FreeAddress()
	if err != nil {
		return nil, err
	}
	process, err := peers.Start(ctx, peers.Named(peers.Guard), peers.Setup{Site: site, Folder: folder, Upstream: upstream.Address, Admin: admin, Caddy: caddy})
	if err != nil {
		return nil, err
	}
	defer process.Stop()
	measured := make([]shares, 0, len(load.Requests()))
	for _, request := range load.Requests() {
		text, err := sampling.Profile(ctx, sampling.Options{
			Address: process.Address, Admin: admin, Requests: []load.Request{request}, Seconds: options.Seconds, Connections: options.Connections, Folder: folder,
		})
		if err != nil {
			return nil, err
		}
		parsed, err := profile.ParseData(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", request.Name, err)
		}
		s := divide(parsed)
		options.Progress("%-20s %s of %d samples", request.Name, percent(s.sum(), s.total), s.total)
		measured = append(measured, s)
	}
	return describe(section.New(bench, "share", "The guard's own share of the processor time", 25), measured, options), nil
}

// describe writes the shares down.
func describe(s *section.Section, measured []shares, options Options) *section.Section {
	s.Introduction = fmt.Sprintf("Where one guarded Caddy spends its processor time while it is loaded with one request at %d connections, sampled a hundred times a second for %d s each: a pair of processes differs by more for "+
		"other reasons than by the guard, so this says what the guard itself does. A refusal is answered by the guard, so its share holds what Caddy's `respond` would do as well. The ± is the standard error.", options.Connections, options.Seconds)
	table := section.Table{Title: "Per cent of the whole process:", Columns: []string{"Piece"}}
	for _, p := range pieces {
		table.Rows = append(table.Rows, []string{p.title})
	}
	for i, request := range load.Requests() {
		s.Rows = append(s.Rows, section.Row{What: request.Title + ": the guard's share", Figure: percent(measured[i].sum(), measured[i].total), Command: command})
		table.Columns = append(table.Columns, request.Title)
		for j := range table.Rows {
			table.Rows[j] = append(table.Rows[j], percent(measured[i].pieces[j], measured[i].total))
		}
	}
	s.Tables = []section.Table{table}
	s.Notes = []string{
		"Without the guard, the transport of `reverse_proxy` would read the body of a token request: reading it early is no work more, but it is work of the guard here.",
		"Not in it: the garbage of the guard, which is collected elsewhere in the process.",
	}
	return s
}

// percent is a share of all samples with its standard error.
func percent(samples, total int64) string {
	if total == 0 {
		return "–"
	}
	share := float64(samples) / float64(total)
	return fmt.Sprintf("%.1f ± %.1f %%", 100*share, 100*math.Sqrt(share*(1-share)/float64(total)))
}
