package decision

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// The budgets.
const (
	parseBudget       = 0.35    // of url.ParseQuery
	bearerBudget      = 150     // ns
	adversarialBudget = 100_000 // ns
	linearBudget      = 2.5     // of half the bytes

	// yardstick is what url.ParseQuery took for the query of the authorization request on the machine on which the budgets in nanoseconds were set.
	yardstick = 855 // ns
)

const command = "go run ./cmd/bench decision"

// describe writes the figures of all builds down.
func describe(s *section.Section, built [len(builds)]map[string]*Figures, rounds int) error {
	all := built[0]
	s.Introduction = fmt.Sprintf("The benchmarks of `validators`, which `make bench` runs too: routing, parsing and all rules of the profile for one request, without any network, built %s; the "+
		"yardstick is built the same way. Medians of %d rounds, with the least and the most in brackets; a ratio is measured in turns of 200 decisions and 200 readings. The linker lays out the functions of each round in one of %d "+
		"orders, since where a loop happens to lie in the memory makes it some hundredths faster or slower.", builds[0].title, rounds, min(layouts, rounds))
	s.Notes = append(s.Notes,
		"Profile `fapi2` wants other requests, pushed ones and clients with a certificate, so its figures stand beside no parser.",
		"The adversarial requests are as long as the limits let pass. Those that fill every limit at once pass; most others are refused, and all of them is judged before.")
	compared := section.Table{Title: "The same in each build, as ratios to `url.ParseQuery`:", Columns: []string{"Build"}}
	for _, b := range builds {
		compared.Rows = append(compared.Rows, []string{b.title})
	}
	for _, endpoint := range []string{"authorize", "token"} {
		row, err := beside(all, endpoint)
		if err != nil {
			return err
		}
		s.Rows = append(s.Rows, row)
		compared.Columns = append(compared.Columns, endpoint)
		for i := range builds {
			other, err := beside(built[i], endpoint)
			if err != nil {
				return err
			}
			compared.Rows[i] = append(compared.Rows[i], other.Figure)
		}
	}
	bearer, slowest, err := bearer(all)
	if err != nil {
		return err
	}
	worst, fullest, longest, err := adversarial(all)
	if err != nil {
		return err
	}
	s.Rows = append(append(s.Rows, bearer), worst...)
	parse := all["ParseQuery/authorize"]
	if parse == nil {
		return fmt.Errorf("no benchmark of url.ParseQuery")
	}
	s.Rows = append(s.Rows, section.Row{
		What: fmt.Sprintf("the two budgets of a time, in times of `url.ParseQuery` of the authorize query, which takes %d ns on the machine on which they were set", yardstick),
		Figure: fmt.Sprintf("bearer header %.2f × (%d ns are %.2f ×), every limit full %.0f ×, worst input %.0f × (%d µs are %.0f ×)", statistics.Compare(slowest, parse.Nanoseconds).Ratio,
			bearerBudget, bearerBudget/float64(yardstick), statistics.Compare(fullest, parse.Nanoseconds).Ratio, statistics.Compare(longest, parse.Nanoseconds).Ratio, adversarialBudget/1000,
			adversarialBudget/float64(yardstick)),
		Command: command,
	})
	s.Tables, s.Plots = append(tables(all), compared), append(s.Plots, plot(all))
	return nil
}

// beside compares the valid request of an endpoint with url.ParseQuery of the same bytes.
func beside(all map[string]*Figures, endpoint string) (section.Row, error) {
	row := section.Row{What: "decision, valid " + endpoint + " request", Command: command,
		Budget: fmt.Sprintf("at most %.2f × `url.ParseQuery` of the same bytes, 0 allocations", parseBudget)}
	worst := 0.0
	var parts []string
	allocations := 0
	for _, profile := range rule.Profiles() {
		if profile == rule.FAPI2 {
			continue
		}
		figures := all["Budget/"+profile.String()+"/"+endpoint+"/valid"]
		if figures == nil || len(figures.Ratios) == 0 {
			return row, fmt.Errorf("no benchmark of the %s request in profile %s", endpoint, profile)
		}
		ratio := statistics.Of(figures.Ratios)
		worst = max(worst, ratio.Median)
		allocations = max(allocations, figures.Allocations)
		parts = append(parts, fmt.Sprintf("`%s` %.2f × [%.2f … %.2f]", profile, ratio.Median, ratio.Minimum, ratio.Maximum))
	}
	row.Figure = fmt.Sprintf("%s; %d allocations", strings.Join(parts, ", "), allocations)
	row.Verdict = section.Judge(worst <= parseBudget && allocations == 0)
	return row, nil
}

// bearer is the request with a token, in the profile that takes longest, and how long that takes.
func bearer(all map[string]*Figures) (row section.Row, slowest []float64, err error) {
	row = section.Row{What: "decision, bearer header", Budget: fmt.Sprintf("at most %d ns, 0 allocations", bearerBudget), Command: command}
	var worst statistics.Spread
	allocations := 0
	for _, profile := range rule.Profiles() {
		figures := all["Decide/"+profile.String()+"/bearer/valid"]
		if figures == nil {
			return row, nil, fmt.Errorf("no benchmark of the bearer header in profile %s", profile)
		}
		if spread := statistics.Of(figures.Nanoseconds); spread.Median > worst.Median {
			worst, slowest = spread, figures.Nanoseconds
		}
		allocations = max(allocations, figures.Allocations)
	}
	row.Figure = fmt.Sprintf("%.0f ns [%.0f … %.0f] in the slowest profile; %d allocations", worst.Median, worst.Minimum, worst.Maximum, allocations)
	row.Verdict = section.Judge(worst.Median <= bearerBudget && allocations == 0)
	return row, slowest, nil
}

// everyLimit is how the requests are called that fill all limits at once.
const everyLimit = "every limit full"

// adversarial is the worst of the requests that fill all limits at once, and of those that fill one, how they grow, and how long the two take.
func adversarial(all map[string]*Figures) (rows []section.Row, fullest, longest []float64, err error) {
	var fullestName, slowest, steepest string
	var fullestTime, time, growth float64
	for _, name := range slices.Sorted(maps.Keys(all)) {
		title, isFull := strings.CutSuffix(name, "/full")
		title, isAdversarial := strings.CutPrefix(title, "Adversarial/")
		half := all["Adversarial/"+title+"/half"]
		if !isFull || !isAdversarial || half == nil {
			continue
		}
		title = strings.ReplaceAll(title, "_", " ")
		median := statistics.Of(all[name].Nanoseconds).Median
		if median > time {
			slowest, time, longest = title, median, all[name].Nanoseconds
		}
		if strings.HasPrefix(title, everyLimit) && median > fullestTime {
			fullestName, fullestTime, fullest = title, median, all[name].Nanoseconds
		}
		if ratio := statistics.Compare(all[name].Nanoseconds, half.Nanoseconds).Ratio; ratio > growth {
			steepest, growth = title, ratio
		}
	}
	if fullestName == "" {
		return nil, nil, nil, fmt.Errorf("no adversarial benchmark of full and half size that fills every limit")
	}
	budget := fmt.Sprintf("below %d µs", adversarialBudget/1000)
	return []section.Row{
		{What: "decision, every limit full at once", Budget: budget, Figure: fmt.Sprintf("%.1f µs (%s)", fullestTime/1000, fullestName),
			Command: command, Verdict: section.Judge(fullestTime < adversarialBudget)},
		{What: "decision, worst allowed input that was found", Budget: budget, Figure: fmt.Sprintf("%.1f µs (%s)", time/1000, slowest),
			Command: command, Verdict: section.Judge(time < adversarialBudget)},
		{What: "decision, twice the bytes of the worst input", Budget: fmt.Sprintf("linear: at most %.1f × the time", linearBudget),
			Figure: fmt.Sprintf("%.2f × (%s)", growth, steepest), Command: command, Verdict: section.Judge(growth <= linearBudget)},
	}, fullest, longest, nil
}

// tables show all figures.
func tables(all map[string]*Figures) []section.Table {
	figure := func(name string) string {
		figures := all[name]
		if figures == nil {
			return "–"
		}
		spread := statistics.Of(figures.Nanoseconds)
		text := fmt.Sprintf("%.0f [%.0f … %.0f]", spread.Median, spread.Minimum, spread.Maximum)
		switch figures.Allocations {
		case 0:
		case 1:
			text += ", 1 allocation"
		default:
			text += fmt.Sprintf(", %d allocations", figures.Allocations)
		}
		return text
	}
	decisions := section.Table{Title: "Nanoseconds of each decision, and allocations if there are any:", Columns: []string{"Request", "`url.ParseQuery`"}}
	for _, profile := range rule.Profiles() {
		decisions.Columns = append(decisions.Columns, "`"+profile.String()+"`")
	}
	for _, name := range []string{"authorize/valid", "authorize/refused", "token/valid", "token/refused", "bearer/valid", "bearer/refused", "other/valid"} {
		endpoint, kind, _ := strings.Cut(name, "/")
		cells := []string{endpoint + ", " + kind, "–"}
		if kind == "valid" {
			cells[1] = figure("ParseQuery/" + endpoint)
		}
		for _, profile := range rule.Profiles() {
			cells = append(cells, figure("Decide/"+profile.String()+"/"+name))
		}
		decisions.Rows = append(decisions.Rows, cells)
	}
	limits := section.Table{Title: "Nanoseconds for adversarial requests that fill a limit, in `rfc6749`:", Columns: []string{"Request", "half of the limit", "the limit"}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if base, isFull := strings.CutSuffix(name, "/full"); isFull {
			title := strings.ReplaceAll(strings.TrimPrefix(base, "Adversarial/"), "_", " ")
			limits.Rows = append(limits.Rows, []string{title, figure(base + "/half"), figure(name)})
		}
	}
	return []section.Table{decisions, limits}
}

// plot shows the valid requests.
func plot(all map[string]*Figures) section.Plot {
	p := section.Plot{Name: "valid", Title: "Decision on a valid request, beside url.ParseQuery of the same bytes", Axis: "ns; median, least and most of the rounds",
		Series: []string{"authorize", "token"}}
	group := func(title, before, behind string, bold bool) {
		g := section.Group{Title: title, Bold: bold}
		for _, endpoint := range p.Series {
			g.Values = append(g.Values, statistics.Of(all[before+endpoint+behind].Nanoseconds))
		}
		p.Groups = append(p.Groups, g)
	}
	group("url.ParseQuery", "ParseQuery/", "", false)
	for _, profile := range rule.Profiles() {
		if profile != rule.FAPI2 {
			group("guard, "+profile.String(), "Decide/"+profile.String()+"/", "/valid", true)
		}
	}
	return p
}
