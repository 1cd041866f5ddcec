package matrix_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/oauthguard/caddy-oauth-guard/e2e/clients"
)

// table collects what came out of the cells.
type table struct {
	mutex sync.Mutex
	cells int
	// counts is the number of cells by library and flow.
	counts map[string]int
	// used are the indexes of the exceptions that were needed.
	used map[int]bool
	// marks are by row and flow.
	marks map[string]map[string]string
}

func newTable() *table {
	return &table{counts: map[string]int{}, used: map[int]bool{}, marks: map[string]map[string]string{}}
}

// flows are the columns of the table.
var flows = []string{clients.Code, clients.ClientCredentials, clients.Password, clients.Implicit, clients.Device}

// add notes a cell.
func (r *table) add(c cell, steps []clients.Step) {
	marks := ""
	for _, step := range steps {
		if step.Failure() == "" {
			marks += "+"
		} else {
			marks += "-"
		}
	}
	_, _, used := c.want()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.cells++
	r.counts[c.library+" "+c.flow]++
	for _, i := range used {
		r.used[i] = true
	}
	row := fmt.Sprintf("%-20s %-20s %-20s", c.name(), c.library, c.style.Name)
	if r.marks[row] == nil {
		r.marks[row] = map[string]string{}
	}
	r.marks[row][c.flow] = marks
}

// String writes the table down, with a mark for each step: + for one that succeeds, - for one that fails, each with the guard and without it.
func (r *table) String() string {
	var text strings.Builder
	for _, flow := range flows {
		var steps []string
		for _, rule := range stepRules[flow] {
			steps = append(steps, rule.name)
		}
		fmt.Fprintf(&text, "%s: %s\n", flow, strings.Join(steps, ", "))
	}
	line := func(row string, column func(flow string) string) {
		text.WriteString(row)
		for _, flow := range flows {
			fmt.Fprintf(&text, " %-18s", column(flow))
		}
		text.WriteString("\n")
	}
	line(fmt.Sprintf("%-20s %-20s %-20s", "server", "library", "style"), func(flow string) string { return flow })
	for _, row := range slices.Sorted(maps.Keys(r.marks)) {
		line(row, func(flow string) string { return r.marks[row][flow] })
	}
	return text.String()
}
