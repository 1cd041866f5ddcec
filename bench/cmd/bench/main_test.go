package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/debian"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
)

// TestPeers runs the comparison as short as possible, with every peer. Every one must start, answer the four requests rightly, and appear on the page. The figures
// themselves say nothing.
func TestPeers(t *testing.T) {
	if missing := missing(peers.All()); len(missing) > 0 {
		t.Fatalf("%s: run go run ./cmd/bench install, or: %s", strings.Join(missing, " "), debian.Command(missing))
	}
	docs := t.TempDir()
	// Each time only what is missing is measured.
	for _, flags := range []string{"-rounds 0 -pairs 1 -equal-pairs 0", "-continue -rounds 1 -pairs 1 -equal-pairs 1"} {
		if err := run(t.Context(), strings.Fields("peers -duration 1s -warm-up 0s -repeats 0 "+flags+" -output "+docs)); err != nil {
			t.Fatal(err)
		}
	}
	var results comparison.Results
	read(t, filepath.Join(docs, "benchmarks", "peers.json"), &results)
	page, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	samples := make(map[string]int)
	for _, sample := range results.Samples {
		samples[sample.Peer]++
		// Few requests, on a machine that is busy, can take less than a tick of the clock.
		if sample.Wrong+sample.Failed > 0 || sample.Requests == 0 || sample.Microseconds <= 0 && sample.Requests > 2000 {
			t.Errorf("%s answered %d times to %s, %d times wrongly, %d failed; %v us each", sample.Peer, sample.Requests, sample.Request, sample.Wrong, sample.Failed,
				sample.Microseconds)
		}
	}
	if len(results.PairSamples) != 12 || len(results.EqualPairSamples) != 8 {
		t.Errorf("%d samples of one pair, want 12; %d of one with equal memory, want 8", len(results.PairSamples), len(results.EqualPairSamples))
	}
	for _, sample := range results.PairSamples {
		if sample.Collections == 0 && sample.Requests > 2000 {
			t.Errorf("%s never collected its garbage during %d requests", sample.Peer, sample.Requests)
		}
	}
	for _, peer := range peers.All() {
		if samples[peer.Name] != 4 {
			t.Errorf("%d samples of %s, want 4", samples[peer.Name], peer.Title)
		}
		if !strings.Contains(string(page), peer.Title) {
			t.Errorf("%s is not on the page", peer.Title)
		}
		var total conformance.Result
		for _, result := range results.Conformance[peer.Name] {
			total.Add(result)
		}
		switch {
		case peer.Name == peers.Guard && (total.Refused != total.Invalid || total.Broken > 0):
			t.Errorf("the guard lets through %v and refuses the valid %v", total.Let, total.Harmed)
		case peer.IsBare() && total.Broken > 0:
			t.Errorf("%s refuses %v", peer.Title, total.Harmed)
		case !peer.IsBare() && (total.CommonRefused < total.Common*3/4 || total.Broken > total.Valid/20):
			t.Errorf("%s refuses only %d of %d, and %d of %d valid requests: is its configuration broken? %v", peer.Title, total.CommonRefused, total.Common,
				total.Broken, total.Valid, total.Harmed)
		}
	}
}

// TestShare samples for a moment.
func TestShare(t *testing.T) {
	docs := t.TempDir()
	if err := run(t.Context(), strings.Fields("share -seconds 1 -output "+docs)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(docs, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"authorize, valid: the guard's share", "| reading the body | 0.0"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(string(page), "authorize, refused: the guard's share |  | 0.0") {
		t.Error("the guard is not found among the samples")
	}
}

// TestSoak runs the soak test as short as it can say anything.
func TestSoak(t *testing.T) {
	docs := t.TempDir()
	err := run(t.Context(), strings.Fields("soak -duration 10s -saturation 1s -reload 1s -swap 2s -clients 2000 -connections 16 -output "+docs))
	if err != nil {
		t.Fatal(err)
	}
	var results soak.Results
	read(t, filepath.Join(docs, "benchmarks", "soak.json"), &results)
	if results.Reloads < 9 || results.Swaps < 2 || len(results.Requests) != 9 || results.ControlReloads == 0 {
		t.Errorf("%d reloads, %d swaps, %d reloads of the control, requests %v", results.Reloads, results.Swaps, results.ControlReloads, results.Requests)
	}
}

// TestDecision runs the benchmarks of the decision as short as possible. No figure matters but the allocations.
func TestDecision(t *testing.T) {
	docs := t.TempDir()
	if err := run(t.Context(), strings.Fields("decision -rounds 1 -duration 1ms -output "+docs)); err != nil {
		t.Fatal(err)
	}
	sections, err := section.ReadAll(docs)
	if err != nil || len(sections) != 1 || len(sections[0].Rows) < 5 {
		t.Fatalf("%+v, %v", sections, err)
	}
	for _, row := range sections[0].Rows[:3] {
		if !strings.Contains(row.Figure, "; 0 allocations") {
			t.Errorf("%s: %s, want no allocations", row.What, row.Figure)
		}
	}
}

func TestUsage(t *testing.T) {
	for arguments, want := range map[string]string{
		"":                       "usage",
		"others":                 "usage",
		"peers -peers ngnix-lua": `unknown peer "ngnix-lua"`,
		"report -output /none":   "measure first",
		"soak -connections 0":    "connections: 0 is not between",
		"soak -duration 100h":    "is not between",
	} {
		if err := run(t.Context(), strings.Fields(arguments)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bench %s says %v, want %q", arguments, err, want)
		}
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
