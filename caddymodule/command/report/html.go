package report

import (
	_ "embed" // for the template
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/dustin/go-humanize"
)

//go:embed report.html
var pageText string

//go:embed report.css
var styleText string

// pageTemplate is the page. Text is escaped where it stands by html/template.
var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"comma": humanize.Comma, "requests": requests,
	"bytes":  func(n int64) string { return humanize.IBytes(uint64(max(0, n))) },
	"client": clientName,
	"round":  func(f float64) float64 { return math.Round(f*100) / 100 },
	"share": func(part, whole int64) string {
		if whole == 0 {
			return "–"
		}
		return fmt.Sprintf("%.2f %%", 100*float64(part)/float64(whole))
	},
}).Parse(pageText))

// maxRows is how many rows a table of the page has.
const maxRows = 200

// advice is the suggestions, by what a person does with them.
type advice struct {
	// Lines are to be pasted, Doubtful first to be looked at, Register are redirect URIs, and Rest has no line.
	Lines, Doubtful, Register, Rest []Suggestion
}

func adviceOf(list []Suggestion) (a advice) {
	for _, s := range list {
		switch {
		case s.RedirectURI != "":
			a.Register = append(a.Register, s)
		case s.Line == "":
			a.Rest = append(a.Rest, s)
		case s.Doubtful:
			a.Doubtful = append(a.Doubtful, s)
		default:
			a.Lines = append(a.Lines, s)
		}
	}
	return a
}

// WriteHTML writes the view as one page that needs nothing else, neither a script nor the network.
func (v *View) WriteHTML(out io.Writer) error {
	rules, clients := v.Rules[:min(len(v.Rules), maxRows)], v.Clients[:min(len(v.Clients), maxRows)]
	return pageTemplate.Execute(out, map[string]any{
		"View": v, "Style": template.CSS(styleText), "Chart": v.timeChart(), "RuleBars": v.ruleBars(), "ClientBars": v.clientBars(), "Advice": adviceOf(v.Suggestions),
		"Rules": rules, "MoreRules": len(v.Rules) - len(rules), "Clients": clients, "MoreClients": len(v.Clients) - len(clients), "NotJudged": total(v.NotJudged),
	})
}
