package build

import (
	"fmt"
	"math"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
	"github.com/oauthguard/caddy-oauth-guard/bench/transport"
)

// command measures all of it.
const command = "go run ./cmd/bench build"

// gainBudget is what the guarded Caddy as xcaddy.sh builds it may cost of the stock one.
const gainBudget = 0.95

// of picks the figures of one program or setting, in the order of the rounds.
func of(samples []Sample, name, request string, figure func(Sample) float64) []float64 {
	var all []float64
	for _, s := range samples {
		if s.Name == name && s.Request == request {
			all = append(all, figure(s))
		}
	}
	return all
}

func cost(s Sample) float64     { return s.Microseconds }
func p99(s Sample) float64      { return s.P99 }
func resident(s Sample) float64 { return s.Resident }

// Section writes the results down as a part of the document.
func (r *Results) Section(bench string, options Options) *section.Section {
	s := section.New(bench, "build", "The whole binary", 50)
	s.Introduction = fmt.Sprintf("Stock Caddy as xcaddy builds it, and Caddy with the guard, each without and with a profile of processor time that guides the compiler (`-pgo`). `./xcaddy.sh` uses the one in "+
		"`caddymodule/caddy.pgo`, which was sampled while a guarded Caddy answered authorize, token and bearer requests; `make profile` samples it again. All are processor times of the whole "+
		"process per proxied request at %d connections, measured side by side in %d pairs of fresh processes.", options.Connections, options.Pairs)
	compare := func(numerator, denominator string, request load.Request) statistics.Comparison {
		return statistics.Compare(of(r.Programs, numerator, request.Name, cost), of(r.Programs, denominator, request.Name, cost))
	}
	for _, request := range requests() {
		c := compare("guarded-profile", "stock", request)
		s.Rows = append(s.Rows, section.Row{
			What: request.Title + ": the guarded Caddy as `./xcaddy.sh` builds it, beside the stock one", Budget: fmt.Sprintf("at most %.2f ×", gainBudget), Figure: ratio(c), Command: command,
			Verdict: section.Judge(c.Ratio <= gainBudget),
		})
	}
	for _, line := range []struct{ what, numerator, denominator string }{
		{"the guard's cost, without a profile on either side", "guarded", "stock"},
		{"the guard's cost, with the same profile on both sides", "guarded-profile", "stock-profile"},
		{"the profile's gain for the guarded Caddy", "guarded-profile", "guarded"},
		{"the profile's gain for the stock Caddy", "stock-profile", "stock"},
	} {
		for _, request := range requests() {
			s.Rows = append(s.Rows, section.Row{What: request.Title + ": " + line.what, Figure: ratio(compare(line.numerator, line.denominator, request)), Command: command})
		}
	}
	s.Tables = []section.Table{r.programTable(), r.settingTable()}
	s.Notes = append(s.Notes,
		"The first build with a profile compiles every package anew, since the profile counts as a flag of each; later builds take what is in Go's build cache. `PGO_PROFILE=off ./xcaddy.sh` goes without.",
		"A setting is compared with nothing set at as many connections, in the same rounds. The last two are at "+fmt.Sprint(many)+" connections: `reverse_proxy` keeps 32 idle connections to an upstream by default, and "+
			"opens a new one for whatever goes beyond.",
		"**What does not pay, and why.** A transport of `reverse_proxy` over the lean HTTP/1.1 client fasthttp costs "+ratio(statistics.Compare(r.Lean, r.Standard))+" of the standard one, by itself. It is "+
			"left out, since it does not keep what the guard promises, to pass requests and answers on as the same Caddy does without it. It has no HTTP/2, and of these guarantees of the standard transport it "+
			"loses each, as tests in `bench/transport` show: "+strings.Join(transport.Losses, "; ")+".")
	return s
}

func (r *Results) programTable() section.Table {
	table := section.Table{Title: "Programs, µs per request", Columns: []string{"", "authorize", "token", "MiB", "built in"}}
	for _, p := range Programs() {
		row := []string{p.Title}
		for _, request := range requests() {
			row = append(row, spread(statistics.Of(of(r.Programs, p.Name, request.Name, cost))))
		}
		table.Rows = append(table.Rows, append(row, fmt.Sprintf("%.1f", float64(r.Size[p.Name])/(1<<20)), fmt.Sprintf("%.0f s", r.Seconds[p.Name])))
	}
	return table
}

func (r *Results) settingTable() section.Table {
	table := section.Table{Title: "Settings of the guarded Caddy", Columns: []string{"", "connections", "authorize", "token", "p99 of token, ms", "memory, MiB"}}
	for _, setting := range Settings() {
		baseline, connections := "defaults", "usual"
		if setting.Connections > 0 {
			baseline, connections = "many-defaults", fmt.Sprint(setting.Connections)
		}
		row := []string{setting.Title, connections}
		for _, request := range requests() {
			c := statistics.Compare(of(r.Settings, setting.Name, request.Name, cost), of(r.Settings, baseline, request.Name, cost))
			row = append(row, ratio(c))
		}
		token := requests()[1].Name
		table.Rows = append(table.Rows, append(row, spread(statistics.Of(of(r.Settings, setting.Name, token, p99))), fmt.Sprintf("%.0f", statistics.Of(of(r.Settings, setting.Name, token, resident)).Median)))
	}
	return table
}

func spread(s statistics.Spread) string {
	digits := "%.1f"
	if math.Abs(s.Median) >= 1000 {
		digits = "%.0f"
	}
	return fmt.Sprintf(digits+" ["+digits+" … "+digits+"]", s.Median, s.Minimum, s.Maximum)
}

func ratio(c statistics.Comparison) string {
	if c.Pairs == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f × [%.3f … %.3f]", c.Ratio, c.Low, c.High)
}
