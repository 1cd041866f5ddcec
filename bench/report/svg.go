package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Colours. People with any kind of sight can tell them apart, in print too.
const (
	blue   = "#0072b2"
	orange = "#e69f00"
	dark   = "#333333"
	light  = "#dddddd"
	white  = "#ffffff"
)

// style replaces the colours for readers who prefer a dark page. It knows them by their attributes, so that programs without styles show the light ones.
var style = func() string {
	var rules strings.Builder
	for _, pair := range [][2]string{{blue, "#4aa8e0"}, {orange, orange}, {dark, "#d0d7de"}, {light, "#30363d"}, {white, "#0d1117"}} {
		fmt.Fprintf(&rules, `[fill="%[1]s"]{fill:%[2]s}[stroke="%[1]s"]{stroke:%[2]s}`, pair[0], pair[1])
	}
	return "<style>@media(prefers-color-scheme:dark){" + rules.String() + "}</style>\n"
}()

// The measures of all plots, in pixels.
const (
	width  = 860
	left   = 190 // of the area, where names stand
	right  = 24
	top    = 64 // title and legend
	bottom = 52 // axis
	row    = 40 // one line of names
)

// canvas is a picture that is drawn upon. Lengths are pixels, from the upper left.
type canvas struct {
	text   strings.Builder
	height float64
}

func newCanvas(title string, height float64) *canvas {
	c := &canvas{height: height}
	fmt.Fprintf(&c.text, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %.0f" width="%d" height="%.0f" role="img" font-family="sans-serif" font-size="13" fill="%s">`+"\n",
		width, height, width, height, dark)
	fmt.Fprintf(&c.text, "<title>%s</title>\n%s<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", html.EscapeString(title), style, white)
	c.label(width/2, 22, "middle", `font-size="15" font-weight="bold"`, title)
	return c
}

func (c *canvas) label(x, y float64, anchor, more, text string) {
	fmt.Fprintf(&c.text, `<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>`+"\n", x, y, anchor, more, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2, thickness float64, colour string) {
	fmt.Fprintf(&c.text, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, colour, thickness)
}

func (c *canvas) box(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(&c.text, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", min(x1, x2), y1, math.Abs(x2-x1), y2-y1, colour)
}

func (c *canvas) dot(x, y float64, colour string) {
	fmt.Fprintf(&c.text, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`+"\n", x, y, colour)
}

// span draws the ends of a figure.
func (c *canvas) span(x1, x2, y, thickness float64, colour string) {
	c.line(x1, y, x2, y, thickness, colour)
	for _, x := range []float64{x1, x2} {
		c.line(x, y-4, x, y+4, thickness, colour)
	}
}

// legend names the colours.
func (c *canvas) legend(names []string) {
	x := float64(left)
	for number, name := range names {
		c.box(x, 38, x+14, 50, []string{blue, orange}[number])
		c.label(x+20, 49, "start", "", name)
		x += 40 + 7.5*float64(len(name))
	}
}

// bytes ends the picture.
func (c *canvas) bytes() []byte { return []byte(c.text.String() + "</svg>\n") }

// axis maps values to pixels.
type axis struct {
	low, high, from, to float64
	step                float64
}

// newAxis covers values with round ends.
func newAxis(low, high, from, to float64) axis {
	if high <= low {
		high = low + 1
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*factor) <= 8 {
			step *= factor
			break
		}
	}
	return axis{math.Floor(low/step+1e-9) * step, math.Ceil(high/step-1e-9) * step, from, to, step}
}

func (a axis) at(value float64) float64 {
	return a.from + (value-a.low)/(a.high-a.low)*(a.to-a.from)
}

// ticks calls a function for each round value.
func (a axis) ticks(visit func(value float64, text string)) {
	digits := max(0, int(math.Ceil(-math.Log10(a.step)-1e-9)))
	for i := 0; ; i++ {
		value := a.low + float64(i)*a.step
		if value > a.high+a.step/2 {
			return
		}
		text := fmt.Sprintf("%.*f", digits, value)
		if strings.Trim(text, "-0.") == "" {
			text = "0"
		}
		visit(value, strings.Replace(text, "-", "−", 1))
	}
}

// horizontal draws the axis below the area, and lines through it.
func (c *canvas) horizontal(a axis, name string) {
	end := c.height - bottom
	a.ticks(func(value float64, text string) {
		c.line(a.at(value), top, a.at(value), end, 1, light)
		c.label(a.at(value), end+18, "middle", "", text)
	})
	c.label((a.from+a.to)/2, c.height-10, "middle", "", name)
}
