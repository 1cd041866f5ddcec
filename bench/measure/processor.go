// Package measure reads what processes and the machine say about themselves: the accounting of Linux in /proc.
package measure

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// process is what /proc/<id>/stat says.
type process struct {
	id, parent int
	spent      time.Duration
}

// Tree is the processor time, user and system, of a process, of all that descend from it, and of those of them that have ended.
func Tree(root int) (time.Duration, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	children := make(map[int][]process)
	var found *process
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		p, err := parseStat(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		if p.id == root {
			found = &p
		}
		children[p.parent] = append(children[p.parent], p)
	}
	if found == nil {
		return 0, fmt.Errorf("process %d has ended", root)
	}
	return sum(*found, children), nil
}

func sum(p process, children map[int][]process) time.Duration {
	total := p.spent
	for _, child := range children[p.id] {
		total += sum(child, children)
	}
	return total
}

// parseStat reads a line of /proc/<id>/stat. The name of the program stands in parentheses, and may hold any character.
func parseStat(text []byte) (process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("no name in %q", text)
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 15 {
		return process{}, fmt.Errorf("%d fields behind the name", len(fields))
	}
	// The fields count from the state, which proc(5) calls the third: the parent is the 4th, the times are 14 to 17, the last two those of children that have ended.
	numbers := make([]int, 0, 6)
	for _, field := range append([]string{string(bytes.TrimSpace(text[:open])), fields[1]}, fields[11:15]...) {
		number, err := strconv.Atoi(field)
		if err != nil {
			return process{}, err
		}
		numbers = append(numbers, number)
	}
	ticks := numbers[2] + numbers[3] + numbers[4] + numbers[5]
	return process{id: numbers[0], parent: numbers[1], spent: time.Duration(ticks) * tick}, nil
}

// Machine is the processor time of all processors since the machine started.
type Machine struct {
	// Total is all of it, Busy the part that was not idle.
	Total, Busy time.Duration
}

// ReadMachine reads /proc/stat.
func ReadMachine() (Machine, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Machine{}, err
	}
	return parseMachine(string(text))
}

func parseMachine(text string) (Machine, error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return Machine{}, fmt.Errorf("/proc/stat begins with %q", line)
	}
	var m Machine
	// user, nice, system, idle, iowait, irq, softirq, steal; what follows is contained in user and nice.
	for i, field := range fields[1:9] {
		number, err := strconv.Atoi(field)
		if err != nil {
			return Machine{}, fmt.Errorf("/proc/stat: %w", err)
		}
		spent := time.Duration(number) * tick
		m.Total += spent
		if i != 3 && i != 4 {
			m.Busy += spent
		}
	}
	return m, nil
}
