package report

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// plots draws all plots, by the name of their file.
func plots(measured *comparison.Results, soaked *soak.Results, sections []*section.Section) map[string][]byte {
	files := make(map[string][]byte)
	for _, s := range sections {
		for _, plot := range s.Plots {
			files[plotFile(s, plot)] = barPlot(plot)
		}
	}
	if measured != nil {
		if lines := measuredPeers(measured); measured.Rounds > 0 {
			files["cost.svg"] = peerPlot("Processor time per valid request", lines, func(p peer) map[string]statistics.Spread { return p.Cost })
			files["added.svg"] = peerPlot("What the checks add to the same program without them", checking(lines),
				func(p peer) map[string]statistics.Spread { return p.Added })
		}
		if lines := pairs(measured); len(lines) > 0 {
			files["pairs.svg"] = pairPlot(lines)
		}
	}
	if soaked != nil && len(soaked.Points) > 1 {
		files["memory.svg"] = curvePlot("Memory of the process in MiB", []string{"live heap", "resident"}, soaked.Points, func(p soak.Point) []float64 {
			return []float64{float64(p.Heap) / (1 << 20), float64(p.Resident) / (1 << 20)}
		})
		files["goroutines.svg"] = curvePlot("Goroutines, without those of connections to the upstream", []string{"goroutines"}, soaked.Points,
			func(p soak.Point) []float64 { return []float64{float64(p.Goroutines)} })
	}
	return files
}

// plotFile is the name of the file of a section's plot.
func plotFile(s *section.Section, plot section.Plot) string { return s.Name + "-" + plot.Name + ".svg" }

// peerPlot shows a bar for each peer and valid request, with the least and the most.
func peerPlot(title string, lines []peer, of func(peer) map[string]statistics.Spread) []byte {
	plot := section.Plot{Title: title, Axis: "µs of processor time per request; median, least and most of the rounds"}
	var names []string
	for _, request := range load.Requests() {
		if !request.Refused {
			names, plot.Series = append(names, request.Name), append(plot.Series, request.Title)
		}
	}
	for _, line := range lines {
		group := section.Group{Title: line.Title, Bold: line.IsGuard()}
		for _, name := range names {
			group.Values = append(group.Values, of(line)[name])
		}
		plot.Groups = append(plot.Groups, group)
	}
	return barPlot(plot)
}

// barPlot shows one or two bars for each group.
func barPlot(plot section.Plot) []byte {
	low, high := 0.0, 0.0
	for _, group := range plot.Groups {
		for _, value := range group.Values {
			low, high = min(low, value.Minimum), max(high, value.Maximum)
		}
	}
	c := newCanvas(plot.Title, float64(top+bottom+row*len(plot.Groups)))
	c.legend(plot.Series)
	a := newAxis(low, high, left, width-right)
	c.horizontal(a, plot.Axis)
	thickness := 32/float64(len(plot.Series)) - 1
	for i, group := range plot.Groups {
		y := float64(top + row*i)
		weight := ""
		if group.Bold {
			weight = `font-weight="bold"`
		}
		c.label(left-8, y+row/2+5, "end", weight, group.Title)
		for number, value := range group.Values {
			begin := y + 4 + (thickness+1)*float64(number)
			c.box(a.at(0), begin, a.at(value.Median), begin+thickness, []string{blue, orange}[number])
			if value.Minimum != value.Maximum {
				c.span(a.at(value.Minimum), a.at(value.Maximum), begin+thickness/2, 1.2, dark)
			}
		}
	}
	c.line(a.at(0), top, a.at(0), c.height-bottom, 1.5, dark)
	return c.bytes()
}

// pairPlot shows the ratios with their intervals.
func pairPlot(lines []pair) []byte {
	low, high := 0.98, 1.04
	for _, line := range lines {
		low, high = min(low, line.Guard.Low, line.Control.Low), max(high, line.Guard.High, line.Control.High)
	}
	c := newCanvas("Processor time with the guard, as a multiple of the bare Caddy", float64(top+bottom+row*len(lines)))
	c.legend([]string{"with the guard", "control: the bare Caddy again"})
	a := newAxis(low, high, left, width-right)
	c.horizontal(a, "ratio, and its 95 % confidence interval")
	c.line(a.at(1), top, a.at(1), c.height-bottom, 1.5, dark)
	for i, line := range lines {
		y := float64(top + row*i)
		c.label(left-8, y+row/2+5, "end", "", line.Request.Title)
		for number, comparison := range []statistics.Comparison{line.Guard, line.Control} {
			colour, middle := []string{blue, orange}[number], y+12+16*float64(number)
			c.span(a.at(comparison.Low), a.at(comparison.High), middle, 2.5, colour)
			c.dot(a.at(comparison.Ratio), middle, colour)
		}
	}
	return c.bytes()
}

// curvePlot shows observations over the time.
func curvePlot(title string, names []string, points []soak.Point, of func(soak.Point) []float64) []byte {
	const height = 300
	high := 0.0
	for _, point := range points {
		for _, value := range of(point) {
			high = max(high, value)
		}
	}
	c := newCanvas(title, height)
	c.legend(names)
	minutes := newAxis(0, points[len(points)-1].Seconds/60, 70, width-right)
	values := newAxis(0, high, height-bottom, top)
	c.horizontal(minutes, "minutes")
	values.ticks(func(value float64, text string) {
		c.line(minutes.from, values.at(value), minutes.to, values.at(value), 1, light)
		c.label(minutes.from-8, values.at(value)+4, "end", "", text)
	})
	for number := range names {
		var path []string
		for _, point := range points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", minutes.at(point.Seconds/60), values.at(of(point)[number])))
		}
		fmt.Fprintf(&c.text, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), []string{blue, orange}[number])
	}
	return c.bytes()
}
