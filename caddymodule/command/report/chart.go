package report

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
)

// The size of the plots, in the units of their own.
const (
	chartWidth  = 720
	chartHeight = 220
	chartLeft   = 56
	chartBottom = 24
	chartTop    = 10
	maxColumns  = 120
)

// chart is a plot of requests over time.
type chart struct {
	Columns []column
	Lines   []gridLine
	Labels  []label
	// Text says what the plot shows, for those who do not see it.
	Text string
}

// column is one piece of time; the parts stand on each other.
type column struct {
	Title string
	Parts []part
}

type part struct {
	Class      string
	X, Y, W, H float64
}

type gridLine struct {
	Y    float64
	Text string
}

type label struct {
	X    float64
	Text string
	End  string // where the text is anchored
}

// timeChart plots the pieces of the timeline. Pieces that are too many for the width are joined.
func (v *View) timeChart() *chart {
	if len(v.Timeline) == 0 {
		return nil
	}
	columns, start, width := v.columns()
	highest := int64(1)
	for _, c := range columns {
		highest = max(highest, c.Judged)
	}
	c := &chart{Text: fmt.Sprintf("Judged requests over time, from %s to %s: %s in all, of which %s would be refused", v.First, v.Last, humanize.Comma(v.Total.Judged), humanize.Comma(v.Total.Refused))}
	plot := float64(chartHeight - chartBottom - chartTop)
	step := float64(chartWidth-chartLeft) / float64(len(columns))
	for i, counted := range columns {
		if counted.Judged == 0 {
			continue
		}
		begin := summary.Moment(start + int64(i)*width)
		drawn := column{Title: fmt.Sprintf("%s: %d judged, %d refused, %d reported", begin, counted.Judged, counted.Refused, counted.Reported)}
		base := int64(0)
		for _, p := range []struct {
			class string
			count int64
		}{{"refused", counted.Refused}, {"reported", counted.Reported}, {"clean", counted.Judged - counted.Refused - counted.Reported}} {
			if p.count <= 0 {
				continue
			}
			height := plot * float64(p.count) / float64(highest)
			drawn.Parts = append(drawn.Parts, part{
				Class: p.class, X: chartLeft + float64(i)*step, W: max(step-0.6, 0.6), H: height,
				Y: chartTop + plot - plot*float64(base)/float64(highest) - height,
			})
			base += p.count
		}
		c.Columns = append(c.Columns, drawn)
	}
	for _, fraction := range []float64{0, 0.5, 1} {
		count := int64(float64(highest) * fraction)
		c.Lines = append(c.Lines, gridLine{chartTop + plot*(1-float64(count)/float64(highest)), humanize.SIWithDigits(float64(count), 1, "")})
	}
	c.Labels = []label{
		{chartLeft, summary.Moment(start).Time().Format("2006-01-02 15:04"), "start"},
		{chartWidth, summary.Moment(start + width*int64(len(columns))).Time().Format("2006-01-02 15:04"), "end"},
	}
	return c
}

// columns joins the pieces of the timeline to columns of equal width.
func (v *View) columns() (columns []summary.Verdicts, start, width int64) {
	start = int64(v.Timeline[0].Start)
	span := int64(v.Timeline[len(v.Timeline)-1].Start) - start + v.Width
	width = v.Width
	for span/width > maxColumns {
		width += v.Width
	}
	columns = make([]summary.Verdicts, (span+width-1)/width)
	for _, piece := range v.Timeline {
		c := &columns[(int64(piece.Start)-start)/width]
		c.Judged += piece.Judged
		c.Refused += piece.Refused
		c.Reported += piece.Reported
		c.Broken += piece.Broken
	}
	return columns, start, width
}

// bar is a row of a plot with a horizontal bar.
type bar struct {
	Name, Title string
	// Broken, Refused and Rest are the widths of the parts in percent of the longest bar; X are where they begin.
	Broken, Refused, Rest float64
	RefusedX, RestX       float64
	Count                 string
}

// maxBars is how many bars a plot has.
const maxBars = 15

// ruleBars plots how often rules fire.
func (v *View) ruleBars() []bar {
	highest := int64(1)
	for _, r := range v.Rules {
		highest = max(highest, r.Fired)
	}
	bars := make([]bar, 0, maxBars)
	for _, r := range v.Rules[:min(len(v.Rules), maxBars)] {
		bars = append(bars, newBar(r.ID, r.Broken, r.Decided-r.Broken, r.Fired-r.Decided, highest))
	}
	return bars
}

// clientBars plots what would be refused of whom.
func (v *View) clientBars() []bar {
	highest := int64(1)
	var affected []Client
	for _, c := range v.Clients {
		if c.Refused+c.Reported > 0 && len(affected) < maxBars {
			affected = append(affected, c)
			highest = max(highest, c.Refused+c.Reported)
		}
	}
	bars := make([]bar, 0, len(affected))
	for _, c := range affected {
		bars = append(bars, newBar(clientName(c.ID), c.Broken, c.Refused-c.Broken, c.Reported, highest))
	}
	return bars
}

func newBar(name string, broken, refused, rest, highest int64) bar {
	percent := func(count int64) float64 { return 100 * float64(count) / float64(highest) }
	b := bar{
		Name: name, Broken: percent(broken), Refused: percent(refused), Rest: percent(rest), Count: humanize.Comma(broken + refused + rest),
		Title: fmt.Sprintf("%s: %d would break, %d others refused, %d only reported", name, broken, refused, rest),
	}
	b.RefusedX = b.Broken
	b.RestX = b.Broken + b.Refused
	return b
}
