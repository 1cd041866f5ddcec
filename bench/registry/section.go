package registry

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// command measures all of it.
const command = "go run ./cmd/bench registry"

// The budgets.
const (
	bytesBudget   = 200.0
	coldBudget    = 300.0
	rebuildBudget = 1500.0
	costBudget    = 1.05
	latencyBudget = 1.25
	swapBudget    = 2.0
)

// Section writes the results down as a part of the document.
func (r *Results) Section(bench string, options Options) *section.Section {
	s := section.New(bench, "registry", title(options.Many), 40)
	few, many := r.Directories[0], r.Directories[1]
	s.Introduction = fmt.Sprintf("Each client has an ID of 36 bytes and one redirect URI of 60. Requests ask for %d clients in random order. A directory is built from the records that a "+
		"source delivers; in the running Caddy they come from a file, %.0f bytes for each record, that is replaced as a whole. Latencies are those of %.0f requests per second over %d connections, "+
		"from the time at which a request was due (open loop). Load generator, upstream and Caddy share the machine.", drawn, recordBytes, options.Rate, options.Connections)
	row := func(what, budget, figure string, kept bool) {
		s.Rows = append(s.Rows, section.Row{What: what, Budget: budget, Figure: figure, Command: command, Verdict: section.Judge(kept)})
	}
	name := title(options.Many)
	row(name+": memory for each, in each of two buffers", fmt.Sprintf("at most %.0f B", bytesBudget), fmt.Sprintf("%.0f B; both with all scratch memory %.0f B", many.BytesPerClient, many.BytesOfAll),
		many.BytesPerClient <= bytesBudget)
	row(name+": look-up, cold", fmt.Sprintf("below %.0f ns", coldBudget), spread(many.Cold, "ns"), many.Cold.Median < coldBudget)
	row(name+": rebuild", fmt.Sprintf("below %.1f s", rebuildBudget/1000), spread(many.Rebuild, "ms"), many.Rebuild.Median < rebuildBudget)
	cost := statistics.Compare(r.ManyCost, r.FewCost)
	row(name+fmt.Sprintf(": processor time per request, beside %d clients", options.Few), fmt.Sprintf("at most %.2f ×", costBudget), ratio(cost), cost.Ratio <= costBudget)
	latency := statistics.Compare(r.ManyLatency, r.FewLatency)
	row(name+fmt.Sprintf(": p99 at %.0f requests/s, beside %d clients", options.Rate, options.Few), fmt.Sprintf("at most %.2f ×", latencyBudget),
		ratio(latency)+fmt.Sprintf("; %s beside %s", spread(statistics.Of(r.ManyLatency), "ms"), spread(statistics.Of(r.FewLatency), "ms")), latency.Ratio <= latencyBudget)
	swap := statistics.Compare(r.SwapLatency, r.ManyLatency)
	row(name+fmt.Sprintf(": p99 at %.0f requests/s with an exchange every %s, beside none", options.Rate, options.Swap), fmt.Sprintf("at most %.0f ×", swapBudget),
		ratio(swap)+fmt.Sprintf("; %s, %d exchanges", spread(statistics.Of(r.SwapLatency), "ms"), r.Swaps), swap.Ratio <= swapBudget)
	s.Tables = append(s.Tables, section.Table{
		Title: "The directory by itself", Columns: []string{"Clients", "look-up, hot", "look-up, cold", "first build", "rebuild", "from a changed file", "allocated by a rebuild", "forced collection"},
		Rows: [][]string{tableRow(few), tableRow(many)},
	}, section.Table{
		Title: "Latencies in ms", Columns: []string{"", "p50", "p99"}, Rows: [][]string{
			{fmt.Sprintf("%d clients", options.Few), spread(statistics.Of(r.FewMedian), ""), spread(statistics.Of(r.FewLatency), "")},
			{fmt.Sprintf("%d clients", options.Many), spread(statistics.Of(r.ManyMedian), ""), spread(statistics.Of(r.ManyLatency), "")},
			{"while they are exchanged", spread(statistics.Of(r.SwapMedian), ""), spread(statistics.Of(r.SwapLatency), "")},
		},
	})
	s.Notes = append(s.Notes, fmt.Sprintf("The whole process held %.0f B for each of the many clients after the exchanges (resident): two buffers, what Caddy itself takes, and garbage that was not collected yet.", r.Resident),
		"A directory has no pointers that the garbage collector must walk, and is built where the one before the current one stood. When nobody refers to that one any more is known to the garbage collector alone: "+
			"a finalizer hands the memory back, so that readers neither lock nor count.")
	return s
}

// recordBytes is about what a record takes in the file.
const recordBytes = 280.0

func title(count int) string {
	if count == 1_000_000 {
		return "A million clients"
	}
	return fmt.Sprintf("%d clients", count)
}

func tableRow(d Directory) []string {
	return []string{fmt.Sprint(d.Clients), spread(d.Hot, "ns"), spread(d.Cold, "ns"), spread(d.Build, "ms"), spread(d.Rebuild, "ms"), spread(d.File, "ms"),
		fmt.Sprintf("%.1f B each", d.Garbage), spread(d.Collection, "ms")}
}

func spread(s statistics.Spread, unit string) string {
	digits := "%.2f"
	if s.Median >= 100 {
		digits = "%.0f"
	}
	return strings.TrimSpace(fmt.Sprintf(digits+" ["+digits+" … "+digits+"] %s", s.Median, s.Minimum, s.Maximum, unit))
}

func ratio(c statistics.Comparison) string {
	return fmt.Sprintf("%.3f × [%.3f … %.3f]", c.Ratio, c.Low, c.High)
}
