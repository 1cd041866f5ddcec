package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// observe stops the load for a moment and asks the process how it is.
func (s *soak) observe(begin time.Time, results *Results) error {
	resume := s.traffic.pause()
	defer resume()
	point := Point{Seconds: time.Since(begin).Round(time.Millisecond).Seconds()}
	// What a pool holds is given back after the second collection.
	var heap string
	for range 3 {
		var err error
		if heap, err = s.ask("/debug/pprof/heap?gc=1&debug=1"); err != nil {
			return err
		}
	}
	found := heapAlloc.FindStringSubmatch(heap)
	if found == nil {
		return fmt.Errorf("the profile of the heap does not end with the statistics of the memory")
	}
	point.Heap, _ = strconv.Atoi(found[1])
	goroutines, err := s.ask("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err
	}
	if point.Goroutines, point.Connections, err = countGoroutines(goroutines); err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.ID))
	if err != nil {
		return err
	}
	if found := resident.FindSubmatch(status); found != nil {
		point.Resident, _ = strconv.Atoi(string(found[1]))
		point.Resident <<= 10
	}
	results.Points = append(results.Points, point)
	s.options.Progress("live heap %.1f MiB, %d goroutines and %d connections to the server, resident %.0f MiB; %d failures", float64(point.Heap)/(1<<20),
		point.Goroutines, point.Connections, float64(point.Resident)/(1<<20), s.traffic.failed())
	return nil
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

// ask reads a page of the admin endpoint.
func (s *soak) ask(path string) (string, error) {
	response, err := adminClient.Get("http://" + s.admin + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return string(text), err
}

// adminClient keeps no connection, so that none is among what is counted.
var adminClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// reload loads the configuration with another realm, as an operator would who changed it.
func (s *soak) reload(ctx context.Context, results *Results) error {
	file := filepath.Join(s.process.Folder, "Caddyfile")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	realm := fmt.Sprintf("generation-%d", results.Reloads+1)
	text = bytes.ReplaceAll(text, fmt.Appendf(nil, "generation-%d", results.Reloads), []byte(realm))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.admin+"/load", bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	begin := time.Now()
	done := s.traffic.reloading()
	response, err := adminClient.Do(request)
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("reload: %s: %s %w", response.Status, answer, err)
	}
	done(realm)
	results.Reloads++
	results.SlowestReload = max(results.SlowestReload, time.Since(begin).Seconds())
	return nil
}

// Growth compares the first with the last third of the observations after the warm-up, which is the first quarter of all: by how many bytes and goroutines there is more than
// noise, zero if it is flat. Fewer than 9 observations are not enough to say so.
func (r *Results) Growth() (heap, goroutines int, enough bool) {
	if len(r.Points) < 9 {
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
