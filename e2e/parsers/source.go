package parsers

import (
	"errors"
	"sync"
	"time"
)

// Source is a program with one or several parsers in it.
type Source struct {
	// Parsers are their names, in the order of the readings.
	Parsers []string
	// Title says what runs, with versions.
	Title string
	// Spent is the time that the program took for all requests so far.
	Spent time.Duration

	read func([]*Forwarded) ([][]Reading, error)
	stop func() error
}

// Laboratory holds the running programs.
type Laboratory struct{ Sources []*Source }

// starters are all programs of the laboratory.
var starters = []func() (*Source, error){startJetty, startTomcat, startPHP, startExpress, startNode, startPython, startRuby, startPerl, startGo}

// Start starts every program.
func Start() (*Laboratory, error) {
	sources, failures := make([]*Source, len(starters)), make([]error, len(starters))
	var group sync.WaitGroup
	for i, start := range starters {
		group.Go(func() { sources[i], failures[i] = start() })
	}
	group.Wait()
	laboratory := new(Laboratory)
	for _, source := range sources {
		if source != nil {
			laboratory.Sources = append(laboratory.Sources, source)
		}
	}
	if err := errors.Join(failures...); err != nil {
		return nil, errors.Join(err, laboratory.Stop())
	}
	return laboratory, nil
}

// Stop ends the programs.
func (l *Laboratory) Stop() error {
	var failures []error
	for _, source := range l.Sources {
		failures = append(failures, source.stop())
	}
	return errors.Join(failures...)
}

// Parsers are the names of all parsers, in the order of the readings.
func (l *Laboratory) Parsers() []string {
	var names []string
	for _, source := range l.Sources {
		names = append(names, source.Parsers...)
	}
	return names
}

// Read gives the same requests to all parsers at once. The readings of a request are in the order of [Laboratory.Parsers].
func (l *Laboratory) Read(requests []*Forwarded) ([][]Reading, error) {
	results, failures := make([][][]Reading, len(l.Sources)), make([]error, len(l.Sources))
	var group sync.WaitGroup
	for i, source := range l.Sources {
		group.Go(func() {
			start := time.Now()
			results[i], failures[i] = source.read(requests)
			source.Spent += time.Since(start)
		})
	}
	group.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	readings := make([][]Reading, len(requests))
	for i := range requests {
		for _, result := range results {
			readings[i] = append(readings[i], result[i]...)
		}
	}
	return readings, nil
}
