package soak

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

func TestGrowth(t *testing.T) {
	points := func(count int, heap func(i int) int, goroutines func(i int) int) *Results {
		r := &Results{ControlReloads: 1}
		for i := range count {
			r.Points = append(r.Points, Point{Heap: heap(i), Goroutines: goroutines(i)})
		}
		return r
	}
	constant := func(value int) func(int) int { return func(int) int { return value } }
	for _, test := range []struct {
		name             string
		results          *Results
		heap, goroutines bool
		enough           bool
	}{
		{"too short", points(8, constant(1), constant(1)), false, false, false},
		{"flat", points(12, constant(50<<20), constant(44)), false, false, true},
		{"noise", points(12, func(i int) int { return 50<<20 + i%2*(1<<20) }, func(i int) int { return 44 + i%3 }), false, false, true},
		{"warm-up", points(12, func(i int) int { return min(i, 2) * (20 << 20) }, func(i int) int { return min(i, 2) * 20 }), false, false, true},
		{"leak of memory", points(12, func(i int) int { return 50<<20 + i*(1<<20) }, constant(44)), true, false, true},
		{"leak of goroutines", points(12, constant(50<<20), func(i int) int { return 44 + i }), false, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			heap, goroutines, enough := test.results.Growth()
			if heap > 0 != test.heap || goroutines > 0 != test.goroutines || enough != test.enough {
				t.Errorf("growth of %d bytes and %d goroutines; enough: %t", heap, goroutines, enough)
			}
			if flat := test.results.Err() == nil; flat != (test.enough && !test.heap && !test.goroutines) {
				t.Errorf("the error is %v", test.results.Err())
			}
		})
	}
	for name, results := range map[string]*Results{
		"a failure": {Failures: 1, ControlReloads: 1}, "a logged error": {Logged: 1, ControlReloads: 1}, "no end": {},
		"more connections closed than by reloads": {ControlReloads: 1, Reloads: 3, Connections: 4, Closed: 13},
		"more connections lost than by reloads":   {ControlReloads: 1, Reloads: 3, Connections: 4, Lost: 13},
	} {
		results.Points = points(12, constant(1), constant(1)).Points
		if results.Err() == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func TestCountGoroutines(t *testing.T) {
	const profile = "goroutine profile: total 75\n31 @ 0x1 0x2\n#\t0x1\tnet/http.(*persistConn).readLoop+0x1\t/x.go:1\n\n" +
		"31 @ 0x1 0x3\n#\t0x1\tnet/http.(*persistConn).writeLoop+0x1\t/x.go:2\n\n13 @ 0x1\n#\t0x1\tnet/http.(*conn).serve+0x1\t/x.go:3\n\n"
	others, connections, err := countGoroutines(profile)
	if others != 13 || connections != 31 || err != nil {
		t.Errorf("%d others, %d connections, %v", others, connections, err)
	}
	if _, _, err := countGoroutines("goroutine profile: total 1\nsomething else\n"); err == nil {
		t.Error("no error for another text")
	}
}

func TestKinds(t *testing.T) {
	sum := 0
	for _, kind := range kinds {
		sum += kind.weight
	}
	if sum != 100 {
		t.Errorf("the weights are %d %%", sum)
	}
}

// TestSwap expects that each generation has clients of its own, and that nobody sees half a file.
func TestSwap(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clients.json")
	r := registry{stable: 20}
	for generation := 1; generation <= 2; generation++ {
		if err := r.swap(file); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var clients []peers.Client
		if err := json.Unmarshal(text, &clients); err != nil {
			t.Fatal(err)
		}
		known := make(map[string]bool)
		for _, client := range clients {
			known[client.ID] = true
		}
		if len(clients) != 23 || !known[stableID(0)] || !known[passingID(generation, 0)] || known[passingID(generation-1, 0)] {
			t.Errorf("generation %d has the wrong clients: %s", generation, text)
		}
		if now, inForce := r.passing(); now != generation || inForce {
			t.Errorf("generation %d, in force at once: %t; want %d", now, inForce, generation)
		}
	}
	r.settle()
	if _, inForce := r.passing(); !inForce {
		t.Error("a generation never comes into force")
	}
}
