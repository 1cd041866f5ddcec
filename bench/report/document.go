package report

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

//go:embed benchmarks.md.tmpl
var text string

var page = template.Must(template.New("benchmarks.md").Funcs(template.FuncMap{
	"date":        func(t time.Time) string { return t.Format("2 January 2006") },
	"ratio":       func(r float64) string { return fmt.Sprintf("%.3f", r) },
	"percentOf":   func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	"areas":       areas,
	"commonRules": commonRules,
	"machine":     machine,
	"plotFile":    plotFile,
	"cells":       func(cells []string) string { return strings.Join(cells, " | ") },
	"alignment":   func(columns []string) string { return "---" + strings.Repeat("|---:", len(columns)-1) },
	"percent": func(part, whole int) string {
		if whole == 0 {
			return "–"
		}
		// Rounded down, so that only all are 100 %.
		return fmt.Sprintf("%d %%", 100*part/whole)
	},
	"chance": func(p float64) string {
		if p < 0.001 {
			return "< 0.001"
		}
		return fmt.Sprintf("%.3f", p)
	},
	"minutes": minutes,
	"rate":    func(count, times int) string { return fmt.Sprintf("%.1f", float64(count)/float64(max(1, times))) },
	"list":    func(names []string) string { return "`" + strings.Join(names, "`, `") + "`" },
}).Parse(text))

// minutes writes a time.
func minutes(seconds float64) string {
	if seconds < 120 {
		return fmt.Sprintf("%.0f seconds", seconds)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", seconds/60), ".0") + " minutes"
}

// comparisonView is what the page shows of the comparison.
type comparisonView struct {
	Results         *comparison.Results
	Foreign         statistics.Spread
	Pairs           []pair
	Peers, Checking []peer
	// Invalid, Valid and Common count the requests of the conformance pass.
	Invalid, Valid, Common int
	Requests               []requestView
	AnyWrong, AnyBroken    bool
	Versions               []string
}

// requestView is one of the four requests.
type requestView struct {
	load.Request
	// Size is that of the parameters in bytes.
	Size int
}

// IsGuard says that the peer is the product.
func (p peer) IsGuard() bool { return p.Name == peers.Guard }

// Figure is the cost of a request as the tables show it.
func (p peer) Figure(request string) string {
	mark := ""
	if p.Wrong[request] {
		mark = " †"
	}
	return spread(p.Cost[request]) + mark
}

// Difference is the added cost of a request; a bare peer adds nothing to itself.
func (p peer) Difference(request string) string {
	if p.IsBare() {
		return "–"
	}
	return spread(p.Added[request])
}

func spread(s statistics.Spread) string {
	return fmt.Sprintf("%s [%s … %s]", figure(s.Median), figure(s.Minimum), figure(s.Maximum))
}

// figure writes microseconds with about three digits.
func figure(value float64) string {
	if math.Abs(value) < 100 {
		return strings.Replace(fmt.Sprintf("%.1f", value), "-", "−", 1)
	}
	return strings.Replace(fmt.Sprintf("%.0f", value), "-", "−", 1)
}

// soakView is what the page shows of the soak test.
type soakView struct {
	*soak.Results
	Total                           int
	HeapFirst, HeapLast             string
	GoroutinesFirst, GoroutinesLast int
}

// document writes the page. What was not measured is left out.
func document(measured *comparison.Results, soaked *soak.Results, sections []*section.Section) (string, error) {
	var view struct {
		Budgets  []section.Row
		Before   []*section.Section // in the order of the document, those before the comparison
		Measured *comparisonView
		After    []*section.Section
		Soaked   *soakView
	}
	view.Budgets = budgets(measured, soaked, sections)
	for _, s := range sections {
		if s.Order < comparisonOrder {
			view.Before = append(view.Before, s)
		} else {
			view.After = append(view.After, s)
		}
	}
	if measured != nil {
		lines := measuredPeers(measured)
		v := &comparisonView{Results: measured, Foreign: foreign(measured), Pairs: pairs(measured), Peers: lines, Checking: checking(lines)}
		for _, line := range v.Checking {
			v.Invalid, v.Valid, v.Common = line.Total.Invalid, line.Total.Valid, line.Total.Common
			v.AnyBroken = v.AnyBroken || line.Total.Broken > 0
		}
		for _, line := range lines {
			if line.Version != "" && !slices.Contains(v.Versions, line.Version) {
				v.Versions = append(v.Versions, line.Version)
			}
			for _, wrong := range line.Wrong {
				v.AnyWrong = v.AnyWrong || wrong
			}
		}
		for _, request := range load.Requests() {
			_, query, _ := strings.Cut(request.Target, "?")
			v.Requests = append(v.Requests, requestView{request, len(query) + len(request.Body)})
		}
		view.Measured = v
	}
	if soaked != nil {
		view.Soaked = viewSoak(soaked)
	}
	var written strings.Builder
	err := page.Execute(&written, view)
	return written.String(), err
}

// machine describes a machine in a line.
func machine(m measure.Description) string {
	kind := ""
	if m.Virtual {
		kind = "virtual "
	}
	return fmt.Sprintf("%s, %d %sprocessors, %.0f GiB, %s, Linux %s, %s", m.Processor, m.Processors, kind, m.Memory, m.System, m.Kernel, m.Go)
}

func viewSoak(results *soak.Results) *soakView {
	v := &soakView{Results: results}
	for _, count := range results.Requests {
		v.Total += count
	}
	points := results.Points[len(results.Points)/4:]
	third := max(1, len(points)/3)
	if len(points) == 0 {
		return v
	}
	heap := func(points []soak.Point) string {
		var sizes []float64
		for _, point := range points {
			sizes = append(sizes, float64(point.Heap)/(1<<20))
		}
		return fmt.Sprintf("%.1f", statistics.Of(sizes).Median)
	}
	goroutines := func(points []soak.Point) int {
		var counts []int
		for _, point := range points {
			counts = append(counts, point.Goroutines)
		}
		slices.Sort(counts)
		return counts[len(counts)/2]
	}
	first, last := points[:third], points[len(points)-third:]
	v.HeapFirst, v.HeapLast = heap(first), heap(last)
	v.GoroutinesFirst, v.GoroutinesLast = goroutines(first), goroutines(last)
	return v
}
