// Package section is a part of docs/benchmarks.md that a measurement adds by itself: what it measured for which budget, with tables and plots beside it. It is kept as
// docs/benchmarks/<name>.json, and the report shows every such file, without knowing who wrote it.
package section

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// Folder is where the figures and the plots lie, below the folder of the document.
const Folder = "benchmarks"

// Section is one part of the document.
type Section struct {
	// Name is that of the file without its end, of lower-case letters, digits and "-". The plots begin with it.
	Name string `json:"-"`
	// Title is the heading. Sections come in the order of Order, and of their names; the decision has 10, the comparison with the peers 20.
	Title string `json:"title"`
	Order int    `json:"order"`
	// Introduction is what must be known to understand the rows, and Notes come behind all. Both are Markdown.
	Introduction string   `json:"introduction,omitempty"`
	Notes        []string `json:"notes,omitempty"`
	// Rows are shown in this section, and those with a budget in the table of all budgets too.
	Rows []Row `json:"rows,omitempty"`
	// Tables and Plots follow the rows.
	Tables []Table `json:"tables,omitempty"`
	Plots  []Plot  `json:"plots,omitempty"`
	// Time is when the measurement ended, Revision the commit of the checkout. New sets them.
	Time     time.Time           `json:"time"`
	Revision string              `json:"revision,omitempty"`
	Machine  measure.Description `json:"machine"`
}

// Verdict says whether a budget is kept.
type Verdict string

// The verdicts. A row without a budget has none.
const (
	Kept   Verdict = "kept"
	Missed Verdict = "missed"
)

// Judge is Kept if the condition holds.
func Judge(kept bool) Verdict {
	if kept {
		return Kept
	}
	return Missed
}

// Row is one figure, with the budget that it must keep. All texts are Markdown without line breaks.
type Row struct {
	// What was measured.
	What string `json:"what"`
	// Budget is what it may cost at most; "" if nothing is promised.
	Budget string `json:"budget,omitempty"`
	// Figure is what it costs, with its unit, and whatever tells how sure that is.
	Figure string `json:"figure"`
	// Command measures it, in the folder bench of a checkout.
	Command string `json:"command"`
	// Verdict must be there if Budget is.
	Verdict Verdict `json:"verdict,omitempty"`
}

// Table shows more figures. Cells are Markdown without line breaks; all columns but the first are aligned to the right.
type Table struct {
	Title   string     `json:"title,omitempty"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Plot shows bars, or groups of two bars.
type Plot struct {
	// Name tells it from other plots of the section: the file is <section>-<name>.svg.
	Name string `json:"name"`
	// Title stands above, Axis below: what the values are, and their unit.
	Title string `json:"title"`
	Axis  string `json:"axis"`
	// Series name the bars of each group, one or two.
	Series []string `json:"series"`
	Groups []Group  `json:"groups"`
}

// Group is what a plot shows of one thing.
type Group struct {
	Title string `json:"title"`
	// Bold marks what the reader looks for.
	Bold bool `json:"bold,omitempty"`
	// Values are in the order of the series. A value without a spread has three equal figures.
	Values []statistics.Spread `json:"values"`
}

// New begins a section that is measured now. The bench is the folder of this module.
func New(bench, name, title string, order int) *Section {
	return &Section{Name: name, Title: title, Order: order, Time: time.Now().UTC().Truncate(time.Second), Revision: program.Revision(bench), Machine: measure.Describe()}
}

var fileName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// Check says what is wrong with a section.
func (s *Section) Check() error {
	if !fileName.MatchString(s.Name) || reserved[s.Name] {
		return fmt.Errorf("section %q: the name must be of a-z, 0-9 and -, and not one of the report's own", s.Name)
	}
	if s.Title == "" {
		return fmt.Errorf("section %s: no title", s.Name)
	}
	for _, row := range s.Rows {
		if row.What == "" || row.Figure == "" || row.Command == "" {
			return fmt.Errorf("section %s: a row needs what, figure and command: %+v", s.Name, row)
		}
		if row.Verdict != "" && row.Verdict != Kept && row.Verdict != Missed || (row.Budget == "") != (row.Verdict == "") {
			return fmt.Errorf("section %s: %s: a budget needs a verdict, which is %q or %q", s.Name, row.What, Kept, Missed)
		}
	}
	for _, table := range s.Tables {
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) {
				return fmt.Errorf("section %s: table %q: %d cells for %d columns", s.Name, table.Title, len(row), len(table.Columns))
			}
		}
	}
	for _, plot := range s.Plots {
		if !fileName.MatchString(plot.Name) || len(plot.Series) < 1 || len(plot.Series) > 2 {
			return fmt.Errorf("section %s: plot %q needs a name of a-z, 0-9 and -, and one or two series", s.Name, plot.Name)
		}
		for _, group := range plot.Groups {
			if len(group.Values) != len(plot.Series) {
				return fmt.Errorf("section %s: plot %s: %s: %d values for %d series", s.Name, plot.Name, group.Title, len(group.Values), len(plot.Series))
			}
		}
	}
	return nil
}

// reserved are the names of files that are no sections.
var reserved = map[string]bool{"peers": true, "soak": true}

// Save keeps a section for the report.
func (s *Section) Save(docs string) error {
	if err := s.Check(); err != nil {
		return err
	}
	return SaveData(docs, s.Name, s)
}

// SaveData writes figures as docs/benchmarks/<name>.json. A file that was there is replaced at once, so that no failure leaves half of one.
func SaveData(docs, name string, figures any) error {
	folder := filepath.Join(docs, Folder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(figures, "", " ")
	if err != nil {
		return err
	}
	file := filepath.Join(folder, name+".json")
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// ReadAll reads all sections in their order. A file that is no section is an error.
func ReadAll(docs string) ([]*Section, error) {
	files, err := filepath.Glob(filepath.Join(docs, Folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var sections []*Section
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if reserved[name] {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		s := &Section{Name: name}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(s); err != nil {
			return nil, fmt.Errorf("%s.json: %w", name, err)
		}
		if err := s.Check(); err != nil {
			return nil, err
		}
		sections = append(sections, s)
	}
	slices.SortStableFunc(sections, func(a, b *Section) int { return cmp.Compare(a.Order, b.Order) })
	return sections, nil
}
