package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
)

// The size of a chart in the units of its own. It is stretched to the width that there is.
const (
	chartWidth  = 600.0
	chartHeight = 100.0
)

// chart is a plot of decisions over time, in which refused, reported and passed requests stand on each other.
type chart struct {
	ID, Title string
	// Text says what the plot shows, for those who do not see it.
	Text string
	// Reject, Report and Pass are the outlines of the bars.
	Reject, Report, Pass string
	// Highest is the highest rate, which reaches the top; Begin is where the plot begins.
	Highest, Begin string
	// Empty says that there was nothing.
	Empty bool
}

// newChart plots a series that may be shorter than the time that the chart is of.
func newChart(id, title string, s tally.Series, span time.Duration) chart {
	count := int(span / s.Width)
	pieces := s.Pieces[max(0, len(s.Pieces)-count):]
	highest, sum := uint64(0), tally.Decisions{}
	for _, piece := range pieces {
		highest = max(highest, piece.Sum())
		sum.Pass, sum.Report, sum.Reject = sum.Pass+piece.Pass, sum.Report+piece.Report, sum.Reject+piece.Reject
	}
	c := chart{ID: id, Title: title, Highest: rate([]tally.Decisions{{Pass: highest}}, s.Width), Begin: s.End.Add(-span).UTC().Format("15:04"), Empty: highest == 0}
	c.Text = fmt.Sprintf("%s: %s passed, %s reported, %s refused; at most %s in a second", title,
		humanize.Comma(int64(sum.Pass)), humanize.Comma(int64(sum.Report)), humanize.Comma(int64(sum.Reject)), c.Highest)
	var reject, report, pass strings.Builder
	step := chartWidth / float64(count)
	for i, piece := range pieces {
		x, base := chartWidth-float64(len(pieces)-i)*step, chartHeight
		for _, part := range []struct {
			out   *strings.Builder
			count uint64
		}{{&reject, piece.Reject}, {&report, piece.Report}, {&pass, piece.Pass}} {
			if part.count == 0 {
				continue
			}
			height := chartHeight * float64(part.count) / float64(highest)
			fmt.Fprintf(part.out, "M%.1f %.1fv%.1fh%.1fv%.1fz", x, base, -height, step*0.82, height)
			base -= height
		}
	}
	c.Reject, c.Report, c.Pass = reject.String(), report.String(), pass.String()
	return c
}
