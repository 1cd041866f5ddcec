package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

// measured are made-up figures: the guard costs 2 % more than the bare Caddy, and one peer answered wrongly.
func measured() *comparison.Results {
	r := &comparison.Results{Rounds: 3, Pairs: 8, EqualPairs: 4, Seconds: 4, Connections: 32, Conformance: map[string]map[string]conformance.Result{
		peers.Guard: {"vectors": {Invalid: 400, Refused: 400, Explained: 399, Common: 100, CommonRefused: 100, Valid: 300}},
		"nginx-lua": {"vectors": {Invalid: 400, Refused: 222, Explained: 200, Common: 100, CommonRefused: 91, Valid: 300, Broken: 1,
			Let: []string{"path.ambiguous: a", "path.ambiguous: b", "wire.utf8.invalid: c", "token.code.missing: e"}, Harmed: []string{"wire.limit.parameters: d"}}},
	}, Versions: map[string]string{"nginx-lua": "nginx/1"}}
	for _, request := range load.Requests() {
		for round := range r.Rounds {
			for name, cost := range map[string]float64{peers.Guard: 71.4, peers.Caddy: 70, "nginx": 10, "nginx-lua": 13} {
				sample := load.Sample{Peer: name, Request: request.Name, Round: round, Microseconds: cost + float64(round)}
				if name == "nginx-lua" && request.Refused {
					sample.Wrong = 1
				}
				r.Samples = append(r.Samples, sample)
			}
		}
		for pair := range r.Pairs {
			for name, factor := range map[string]float64{peers.Guard: 1.02, peers.Caddy: 1, comparison.Control: 1.001} {
				r.PairSamples = append(r.PairSamples, load.Sample{Peer: name, Request: request.Name, Round: pair, Microseconds: factor * float64(60+pair), Requests: 9000, Collections: 20})
			}
			for name, factor := range map[string]float64{peers.Guard: 1.01, peers.Caddy: 1} {
				if pair < r.EqualPairs {
					r.EqualPairSamples = append(r.EqualPairSamples, load.Sample{Peer: name, Request: request.Name, Round: pair, Microseconds: factor * float64(60+pair)})
				}
			}
		}
	}
	return r
}

func soaked() *soak.Results {
	r := &soak.Results{Seconds: 1800, Load: 0.7, Rate: 7000, Requests: map[string]int{"a": 1000, "b": 234}, Reloads: 90, ControlReloads: 5}
	for i := range 12 {
		r.Points = append(r.Points, soak.Point{Seconds: 20 * float64(i), Heap: 10 << 20, Goroutines: 44, Resident: 70 << 20})
	}
	return r
}

// sections are made-up ones before and after the comparison.
func sections() []*section.Section {
	return []*section.Section{
		{Name: "decision", Title: "The decision", Order: 10, Introduction: "Every rule is on.", Rows: []section.Row{
			{What: "valid", Budget: "at most 300 ns", Figure: "210 ns", Command: "go run ./cmd/bench decision", Verdict: section.Kept},
			{What: "refused", Figure: "190 ns", Command: "go run ./cmd/bench decision"}}},
		{Name: "remarks", Title: "Remarks", Order: 90, Notes: []string{"By hand."}},
		{Name: "registry", Title: "Many clients", Order: 30, Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Notes: []string{"It is slow."}, Rows: []section.Row{
			{What: "a million", Budget: "at most 1 s", Figure: "2 s", Command: "go run ./cmd/bench registry", Verdict: section.Missed}},
			Tables: []section.Table{{Title: "Clients", Columns: []string{"n", "ns"}, Rows: [][]string{{"10", "8"}}}},
			Plots:  []section.Plot{{Name: "look-up", Title: "Look-up", Axis: "ns", Series: []string{"cold"}, Groups: []section.Group{{Title: "10 clients", Values: []statistics.Spread{{Median: 8, Minimum: 7, Maximum: 9}}}}}}},
	}
}

func TestWrite(t *testing.T) {
	for _, test := range []struct {
		name     string
		measured *comparison.Results
		soaked   *soak.Results
		sections []*section.Section
		plots    []string
		says     []string
	}{
		{"peers", measured(), nil, nil, []string{"cost.svg", "added.svg", "pairs.svg"}, []string{
			"| **Caddy + OAuth Guard** | 72.4 [71.4 … 73.4] | 1.4 [1.4 … 1.4] |", "| nginx + Lua | 14.0 [13.0 … 15.0] | 3.0 [3.0 … 3.0] |", "[13.0 … 15.0] †", "91 % | 55 % | 1 of 300",
			"| `reverse_proxy` | **1.020** | 1.020 – 1.020 |", "| authorize, valid | **1.010** | 1.010 – 1.010 | 0.125 | 450 | 450 |", "| nginx + Lua | `path` 2, `token` 1, `wire` 1 | `token.code.missing` 1 |", "`wire.limit.parameters: d`", "nginx/1"}},
		{"soak", nil, soaked(), nil, []string{"memory.svg", "goroutines.svg"}, []string{"## Soak test", "7000 requests a second for 30 minutes,", "| Answers as they must be | 1234 |", "It passed."}},
		{"all", measured(), soaked(), sections(), []string{"cost.svg", "memory.svg", "registry-look-up.svg"}, []string{"## All peers", "## Soak test", "\n## The decision\n\nEvery rule is on.\n\n| What |",
			"| valid | at most 300 ns | 210 ns | kept | `go run ./cmd/bench decision` |\n| authorize, valid, beside `reverse_proxy` | at most 1.02 ×, upper end of the interval at most 1.03 | 1.020 × [1.020 … 1.020] | kept |",
			"| a million | at most 1 s | 2 s | **missed** | `go run ./cmd/bench registry` |\n| 30 minutes of load", "Clients\n\n| n | ns |\n|---|---:|\n| 10 | 8 |\n", "\n* It is slow.\n\nMeasured 2 January 2026; ", "## Remarks\n\n* By hand.\n\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			docs := t.TempDir()
			if test.measured != nil {
				must(t, SavePeers(docs, test.measured))
			}
			if test.soaked != nil {
				must(t, SaveSoak(docs, test.soaked))
			}
			for _, s := range test.sections {
				must(t, s.Save(docs))
			}
			must(t, Write(docs))
			text, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
			must(t, err)
			for _, want := range test.says {
				if !strings.Contains(string(text), want) {
					t.Errorf("the page does not say %q:\n%s", want, text)
				}
			}
			for _, name := range test.plots {
				wellFormed(t, filepath.Join(docs, section.Folder, name))
				if !strings.Contains(string(text), "(benchmarks/"+name+")") {
					t.Errorf("the page does not show %s", name)
				}
			}
		})
	}
	if err := Write(t.TempDir()); err == nil {
		t.Error("no error though nothing was measured")
	}
}

func TestAxis(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{0, 163, "0 50 100 150 200"},
		{-1.9, 117, "−20 0 20 40 60 80 100 120"},
		{0.98, 1.04, "0.98 0.99 1.00 1.01 1.02 1.03 1.04"},
		{0, 0, "0.0 0.2 0.4 0.6 0.8 1.0"},
	} {
		var ticks []string
		newAxis(test.low, test.high, 0, 100).ticks(func(_ float64, text string) { ticks = append(ticks, text) })
		got := strings.Join(ticks, " ")
		if strings.Replace(got, "0.0", "0", 1) != strings.Replace(test.want, "0.0", "0", 1) {
			t.Errorf("from %v to %v: %s, want %s", test.low, test.high, got, test.want)
		}
	}
}

// wellFormed reads a file as XML.
func wellFormed(t *testing.T, file string) {
	t.Helper()
	text, err := os.Open(file)
	must(t, err)
	defer text.Close()
	decoder := xml.NewDecoder(text)
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestListsInOrder adds many lists of requests, so that no other order is likely to be the right one by chance.
func TestListsInOrder(t *testing.T) {
	lists := make(map[string]conformance.Result)
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		lists[name] = conformance.Result{Harmed: []string{name}}
	}
	for _, peer := range measuredPeers(&comparison.Results{Conformance: map[string]map[string]conformance.Result{"nginx-lua": lists}}) {
		if peer.Name == "nginx-lua" {
			if got := strings.Join(peer.Total.Harmed, ""); got != "abcdefghijklmnopqrstuvwxyz" {
				t.Errorf("the requests are in the order %s", got)
			}
			return
		}
	}
	t.Error("the peer is missing")
}
