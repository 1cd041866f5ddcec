package parsers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Effect is what parsers make of requests that a rule refuses, or that have something of one kind.
type Effect struct {
	// Requests is their number.
	Requests int
	// Otherwise counts, by parser, those that it reads otherwise than the guard; Refused those that it refuses itself.
	Otherwise, Refused map[string]int
}

// Effects are effects by the ID of a rule, or by a kind.
type Effects map[string]*Effect

// add counts one request.
func (e Effects) add(key string, differences []Difference) {
	effect := e[key]
	if effect == nil {
		effect = &Effect{Otherwise: map[string]int{}, Refused: map[string]int{}}
		e[key] = effect
	}
	effect.Requests++
	counted := map[string]bool{}
	for _, difference := range differences {
		switch {
		case counted[difference.Parser]:
			continue
		case difference.Parameter == "request":
			effect.Refused[difference.Parser]++
		case Excuse(&difference) != nil:
			continue // it comes from what is legal in the request
		default:
			effect.Otherwise[difference.Parser]++
		}
		counted[difference.Parser] = true
	}
}

// Evidence is what the rules of the guard protect from what.
type Evidence struct{ Rules, Kinds Effects }

// Gather makes so many requests of a seed that have something of one known kind, and gives them to the parsers whatever the guard says of them. What a rule prevents is only counted where
// no other rule about bytes refuses the request too.
func (l *Laboratory) Gather(guard *Guard, seed uint64, count int) (Evidence, error) {
	evidence := Evidence{Effects{}, Effects{}}
	err := l.Run(guard, Disturb, seed, count, func(trial *Trial) bool { return len(trial.Request.Kinds) == 1 }, func(trial *Trial) {
		if trial.Readings == nil {
			return
		}
		differences := l.Differences(trial)
		evidence.Kinds.add(trial.Request.Kinds[0], differences)
		rules := slices.DeleteFunc(slices.Clone(trial.Judgement.Rules), func(id string) bool { return !aboutBytes(id) })
		if len(rules) == 1 {
			evidence.Rules.add(rules[0], differences)
		}
	})
	return evidence, err
}

// aboutBytes reports whether a rule is about what parsers read, and not about what a value says.
func aboutBytes(id string) bool {
	return strings.HasPrefix(id, "wire.") || strings.HasPrefix(id, "path.") || strings.HasSuffix(id, ".repeated") || strings.HasPrefix(id, "token.parameter.") || strings.HasSuffix(id, ".method.unsupported")
}

// Table writes effects as a table of Markdown: the number of requests, and for each parser how many it reads otherwise, and how many it refuses.
func (e Effects) Table(title string, parsers []string) string {
	var table strings.Builder
	table.WriteString("| " + title + " | requests | " + strings.Join(parsers, " | ") + " |\n|---|--:" + strings.Repeat("|--:", len(parsers)) + "|\n")
	for _, key := range slices.Sorted(maps.Keys(e)) {
		effect := e[key]
		fmt.Fprintf(&table, "| %s | %d |", key, effect.Requests)
		for _, parser := range parsers {
			var counts []string
			if n := effect.Otherwise[parser]; n > 0 {
				counts = append(counts, fmt.Sprintf("**%d**", n))
			}
			if n := effect.Refused[parser]; n > 0 {
				counts = append(counts, fmt.Sprintf("r%d", n))
			}
			table.WriteString(" " + strings.Join(counts, " ") + " |")
		}
		table.WriteByte('\n')
	}
	return table.String()
}
