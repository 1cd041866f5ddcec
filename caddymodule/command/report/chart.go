package report

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
)

// maxColumns is how many columns the plot over time has, and chartHeight how high it is, in units of its own. A column is one unit wide.
const (
	maxColumns  = 120
	chartHeight = 100
)

// chart is a plot of findings over time.
type chart struct {
	Columns       []column
	Width, Height int
	// Highest is what the full height stands for, Half what half of it does; empty if that is no whole number.
	Highest, Half string
	Start, End    string
	// Text says what the plot shows, for those who do not see it.
	Text string
}

// column is one piece of time; the parts stand on each other.
type column struct {
	Title string
	Parts []part
}

type part struct {
	Class   string
	X, Y, H float64
}

// timeChart plots what would break, be refused and be reported, over time. Pieces that are too many for the width are joined. It is nil if there is nothing to plot.
func (v *View) timeChart() *chart {
	if v.Total.Refused+v.Total.Reported == 0 || len(v.Timeline) == 0 {
		return nil
	}
	columns, start, width := v.columns()
	highest := int64(1)
	for _, c := range columns {
		highest = max(highest, c.Refused+c.Reported)
	}
	c := &chart{
		Width: len(columns), Height: chartHeight, Highest: humanize.Comma(highest),
		Start: summary.Moment(start).String()[:16], End: summary.Moment(start + width*int64(len(columns))).String()[:16],
		Text: fmt.Sprintf("Findings over time, from %s to %s: %s requests would be refused, of which %s would break, and %s are reported", v.First, v.Last,
			humanize.Comma(v.Total.Refused), humanize.Comma(v.Total.Broken), humanize.Comma(v.Total.Reported)),
	}
	if highest%2 == 0 {
		c.Half = humanize.Comma(highest / 2)
	}
	for i, counted := range columns {
		begin := summary.Moment(start + int64(i)*width)
		drawn := column{Title: fmt.Sprintf("%s: %d judged, %d refused, of which %d would break, %d reported", begin, counted.Judged, counted.Refused, counted.Broken, counted.Reported)}
		base := 0.0
		for _, p := range []struct {
			class string
			count int64
		}{{"broken-bar", counted.Broken}, {"refused", counted.Refused - counted.Broken}, {"reported", counted.Reported}} {
			if p.count <= 0 {
				continue
			}
			height := chartHeight * float64(p.count) / float64(highest)
			base += height
			drawn.Parts = append(drawn.Parts, part{Class: p.class, X: float64(i), Y: chartHeight - base, H: height})
		}
		if len(drawn.Parts) > 0 {
			c.Columns = append(c.Columns, drawn)
		}
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
		Title: fmt.Sprintf("%s: %d would break, %d others refused, %d not", name, broken, refused, rest),
	}
	b.RefusedX = b.Broken
	b.RestX = b.Broken + b.Refused
	return b
}
