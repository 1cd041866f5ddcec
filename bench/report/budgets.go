package report

import (
	"fmt"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
)

// comparisonOrder is where the comparison with the peers stands among the sections.
const comparisonOrder = 20

// budgets are the rows of all measurements that have a budget, in the order of the document.
func budgets(measured *comparison.Results, soaked *soak.Results, sections []*section.Section) []section.Row {
	var rows []section.Row
	add := func(more []section.Row) {
		for _, row := range more {
			if row.Budget != "" {
				rows = append(rows, row)
			}
		}
	}
	compared := false
	for _, s := range sections {
		if s.Order >= comparisonOrder && !compared {
			compared = true
			add(comparisonRows(measured))
		}
		add(s.Rows)
	}
	if !compared {
		add(comparisonRows(measured))
	}
	add(soakRows(soaked))
	return rows
}

func comparisonRows(measured *comparison.Results) []section.Row {
	if measured == nil {
		return nil
	}
	var rows []section.Row
	for _, pair := range pairs(measured) {
		row := section.Row{
			What: pair.Request.Title + ", beside " + pair.Baseline, Budget: fmt.Sprintf("at most %.2f ×", pair.Budget),
			Figure:  fmt.Sprintf("%.3f × [%.3f … %.3f]", pair.Guard.Ratio, pair.Guard.Low, pair.Guard.High),
			Command: "go run ./cmd/bench peers", Verdict: section.Judge(pair.Met()),
		}
		if pair.Bound > 0 {
			row.Budget += fmt.Sprintf(", upper end of the interval at most %.2f", pair.Bound)
		}
		rows = append(rows, row)
	}
	return rows
}

func soakRows(soaked *soak.Results) []section.Row {
	if soaked == nil {
		return nil
	}
	view := viewSoak(soaked)
	return []section.Row{{
		What: fmt.Sprintf("%s of load with reloads and changes of the clients", minutes(soaked.Seconds)), Budget: "no failure, flat memory, no more goroutines",
		Figure: fmt.Sprintf("%d failures in %d answers, live heap %s → %s MiB, goroutines %d → %d", soaked.Failures, view.Total, view.HeapFirst, view.HeapLast,
			view.GoroutinesFirst, view.GoroutinesLast),
		Command: "go run ./cmd/bench soak", Verdict: section.Judge(soaked.Err() == nil),
	}}
}
