package soak

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// observe stops the load for a moment and asks the process how it is.
func (s *soak) observe(guard *site) error {
	resume := guard.traffic.pause()
	defer resume()
	point := Point{Seconds: time.Since(s.begin).Round(time.Millisecond).Seconds()}
	// What a pool holds is given back after the second collection.
	var heap string
	for range 3 {
		var err error
		if heap, err = guard.ask("/debug/pprof/heap?gc=1&debug=1"); err != nil {
			return err
		}
	}
	found := heapAlloc.FindStringSubmatch(heap)
	if found == nil {
		return fmt.Errorf("the profile of the heap does not end with the statistics of the memory")
	}
	point.Heap, _ = strconv.Atoi(found[1])
	goroutines, err := guard.ask("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err
	}
	if point.Goroutines, point.Connections, err = countGoroutines(goroutines); err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", guard.process.ID))
	if err != nil {
		return err
	}
	if found := resident.FindSubmatch(status); found != nil {
		point.Resident, _ = strconv.Atoi(string(found[1]))
		point.Resident <<= 10
	}
	s.results.Points, s.results.Seconds = append(s.results.Points, point), point.Seconds
	guard.traffic.report(s.results)
	s.options.Progress("live heap %.1f MiB, %d goroutines and %d connections to the server, resident %.0f MiB; %d failures", float64(point.Heap)/(1<<20),
		point.Goroutines, point.Connections, float64(point.Resident)/(1<<20), s.results.Failures)
	return s.save()
}

var (
	heapAlloc = regexp.MustCompile(`# HeapAlloc = (\d+)`)
	resident  = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`)
)

// countGoroutines reads a profile. Two goroutines belong to each connection of a transport.
func countGoroutines(profile string) (others, connections int, err error) {
	// Goroutines at the same place are one block: a line that counts them, and then their calls.
	_, profile, _ = strings.Cut(profile, "\n")
	for block := range strings.SplitSeq(profile, "\n\n") {
		if strings.TrimSpace(block) == "" {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimSpace(block), " @")
		count, err := strconv.Atoi(text)
		if err != nil {
			return 0, 0, fmt.Errorf("the profile of the goroutines has a block without a count: %w", err)
		}
		switch {
		case strings.Contains(block, "(*persistConn).readLoop"):
			connections += count
		case strings.Contains(block, "(*persistConn).writeLoop"):
		default:
			others += count
		}
	}
	return others, connections, nil
}

// Growth compares the first with the last third of the observations after the warm-up, which is the first quarter of all: by how many bytes and goroutines there is more than
// noise, zero if it is flat. Too few observations are not enough to say so.
func (r *Results) Growth() (heap, goroutines int, sufficient bool) {
	if len(r.Points) < enough {
		return 0, 0, false
	}
	points := r.Points[len(r.Points)/4:]
	third := len(points) / 3
	median := func(points []Point, of func(Point) int) int {
		values := make([]int, len(points))
		for i, point := range points {
			values[i] = of(point)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	grown := func(of func(Point) int) (int, int) {
		before := median(points[:third], of)
		return before, median(points[len(points)-third:], of) - before
	}
	before, more := grown(func(p Point) int { return p.Heap })
	if more > heapNoise && float64(more) > heapGrowth*float64(before) {
		heap = more
	}
	if _, more := grown(func(p Point) int { return p.Goroutines }); more > goroutineGrowth {
		goroutines = more
	}
	return heap, goroutines, true
}
