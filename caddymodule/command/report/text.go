package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
)

// How many rows the text shows; JSON has all.
const (
	textRules   = 40
	textClients = 30
)

// WriteText shows the view on a terminal. Paint colours a headline; it may leave it as it is.
func (v *View) WriteText(out io.Writer, paint func(string) string) {
	period := "times unknown"
	if v.First != 0 {
		period = v.First.String() + " to " + v.Last.String() + " UTC"
	}
	fmt.Fprintf(out, "%s\n%s lines, %s, %s\n", v.Guard, humanize.Comma(v.Lines), humanize.IBytes(uint64(max(0, v.Bytes))), period)
	fmt.Fprintf(out, "\n%s\n", paint("If everything were enforced"))
	var like []Count
	if v.Like.Count > 0 {
		like = []Count{{Count: v.Like.Count, Of: fmt.Sprintf("they look like an endpoint, such as %s: is base_path right, or an endpoint missing?", v.Like.Of)}}
	}
	for _, row := range []struct {
		count   int64
		text    string
		reasons []Count
	}{
		{v.Total.Judged, "requests judged", nil},
		{v.Total.Refused, "of them refused", nil},
		{v.Total.Broken, "of these answered well by the server: they would break", nil},
		{v.Total.Reported, "reported, and passed", nil},
		{total(v.NotJudged), "not judged, because the logs do not show enough", v.NotJudged},
		{v.Elsewhere, "to other paths", like},
		{total(v.Skipped), "lines without a request that can be judged", v.Skipped},
	} {
		fmt.Fprintf(out, "%14s  %s\n", humanize.Comma(row.count), row.text)
		for _, reason := range row.reasons {
			fmt.Fprintf(out, "%14s  %s\n", "", humanize.Comma(reason.Count)+": "+reason.Of)
		}
	}
	v.endpointText(out, paint)
	v.ruleText(out, paint)
	v.clientText(out, paint)
	v.suggestionText(out, paint)
}

func (v *View) endpointText(out io.Writer, paint func(string) string) {
	if len(v.Endpoints) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", paint(fmt.Sprintf("%-16s %12s %12s %12s %12s %12s", "Endpoints", "requests", "not judged", "reported", "refused", "would break")))
	for _, e := range v.Endpoints {
		fmt.Fprintf(out, "%-16s %12d %12d %12d %12d %12d\n", e.Endpoint, e.Requests, e.NotJudged, e.Reported, e.Refused, e.Broken)
	}
}

func (v *View) ruleText(out io.Writer, paint func(string) string) {
	if len(v.Rules) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", paint(fmt.Sprintf("%-44s %-8s %10s %10s %11s  %-19s  %s", "Rules", "mode", "fired", "refused", "would break", "first seen", "last seen")))
	for i, r := range v.Rules {
		if i == textRules {
			fmt.Fprintf(out, "and %d more\n", len(v.Rules)-i)
			break
		}
		fmt.Fprintf(out, "%-44s %-8s %10d %10d %11d  %-19s  %s\n    %s\n", r.ID, r.Mode, r.Fired, r.Decided, r.Broken, r.First, r.Last, r.Example)
		var names []string
		for _, c := range r.Clients {
			names = append(names, fmt.Sprintf("%s (%d)", clientName(c.Of), c.Count))
		}
		if r.ClientCount > len(r.Clients) {
			names = append(names, fmt.Sprintf("and %d more", r.ClientCount-len(r.Clients)))
		}
		if len(names) > 0 {
			fmt.Fprintf(out, "    clients: %s\n", strings.Join(names, ", "))
		}
	}
}

func (v *View) clientText(out io.Writer, paint func(string) string) {
	if len(v.Clients) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", paint(fmt.Sprintf("%-40s %-12s %10s %10s %10s %11s  %s", "Clients", "standing", "judged", "reported", "refused", "would break", "last seen")))
	for i, c := range v.Clients {
		if i == textClients {
			fmt.Fprintf(out, "and %d more\n", len(v.Clients)-i)
			break
		}
		fmt.Fprintf(out, "%-40s %-12s %10d %10d %10d %11d  %s\n", clientName(c.ID), c.Standing(), c.Judged, c.Reported, c.Refused, c.Broken, c.Last)
	}
	if o := v.Others; o != nil {
		fmt.Fprintf(out, "%-40s %-12s %10d %10d %10d %11d  %s\n", "others, left out", "", o.Judged, o.Reported, o.Refused, o.Broken, o.Last)
	}
}

func (v *View) suggestionText(out io.Writer, paint func(string) string) {
	if len(v.Suggestions) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", paint("So that nothing breaks that works today, write into oauth_guard"))
	for _, s := range v.Suggestions {
		fmt.Fprintf(out, "    # %s (%s)\n", s.Text, requests(s.Requests))
		switch {
		case s.Line == "":
		case s.Doubtful:
			fmt.Fprintf(out, "    # %s\n", s.Line)
		default:
			fmt.Fprintf(out, "    %s\n", s.Line)
		}
	}
}

// Standing says in a word whether the client is registered.
func (c *Client) Standing() string {
	if c.Registered {
		return "registered"
	}
	return "unregistered"
}

// clientName is what stands for a client in a table.
func clientName(id string) string {
	if id == "" {
		return "(no client_id)"
	}
	return id
}

// requests is a number of requests in words.
func requests(count int64) string {
	if count == 1 {
		return "1 request"
	}
	return humanize.Comma(count) + " requests"
}

func total(counts []Count) (sum int64) {
	for _, c := range counts {
		sum += c.Count
	}
	return sum
}
