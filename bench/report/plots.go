package report

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// plots draws all plots, by the name of their file.
func plots(measured *comparison.Results, soaked *soak.Results) map[string][]byte {
	files := make(map[string][]byte)
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

// peerPlot shows a bar for each peer and valid request, with the least and the most.
func peerPlot(title string, lines []peer, of func(peer) map[string]statistics.Spread) []byte {
	var names, titles []string
	for _, request := range load.Requests() {
		if !request.Refused {
			names, titles = append(names, request.Name), append(titles, request.Title)
		}
	}
	low, high := 0.0, 0.0
	for _, line := range lines {
		for _, name := range names {
			low, high = min(low, of(line)[name].Minimum), max(high, of(line)[name].Maximum)
		}
	}
	c := newCanvas(title, float64(top+bottom+row*len(lines)))
	c.legend(titles)
	a := newAxis(low, high, left, width-right)
	c.horizontal(a, "µs of processor time per request; median, least and most of the rounds")
	for i, line := range lines {
		y := float64(top + row*i)
		weight := ""
		if line.IsGuard() {
			weight = `font-weight="bold"`
		}
		c.label(left-8, y+row/2+5, "end", weight, line.Title)
		for number, name := range names {
			figure := of(line)[name]
			begin := y + 4 + 16*float64(number)
			c.box(a.at(0), begin, a.at(figure.Median), begin+15, []string{blue, orange}[number])
			c.span(a.at(figure.Minimum), a.at(figure.Maximum), begin+7.5, 1.2, dark)
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
