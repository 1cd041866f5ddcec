package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/bench/section"
)

// TestScript expects the script that users build with to do what is measured here.
func TestScript(t *testing.T) {
	script, err := os.ReadFile("../../xcaddy.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{xcaddy, flags, Profile} {
		if !strings.Contains(string(script), want) {
			t.Errorf("xcaddy.sh lacks %s", want)
		}
	}
	if profile, err := os.ReadFile(filepath.Join("../..", Profile)); err != nil || len(profile) > 512<<10 {
		t.Errorf("the profile has %d bytes, %v", len(profile), err)
	}
}

// TestSection writes down made-up results, of which two programs keep the budget and one setting pays.
func TestSection(t *testing.T) {
	costs := map[string]float64{"stock": 100, "guarded": 102, "guarded-profile": 94, "stock-profile": 92, "defaults": 94, "gogc-400": 80}
	results := &Results{Seconds: map[string]float64{"stock": 70}, Size: map[string]int64{"stock": 50 << 20}, Standard: []float64{50, 50}, Lean: []float64{25, 25}}
	for round := range 2 {
		for _, request := range requests() {
			for name, cost := range costs {
				sample := Sample{Name: name, Request: request.Name, Round: round, Microseconds: cost, P99: 2, Resident: 40}
				results.Programs, results.Settings = append(results.Programs, sample), append(results.Settings, sample)
			}
		}
	}
	s := results.Section(".", Options{Connections: 32, Pairs: 2})
	if err := s.Save(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"0.940 ×", "0.940 ×", "1.020 ×", "1.020 ×", "1.022 ×", "1.022 ×", "0.922 ×", "0.922 ×", "0.920 ×", "0.920 ×"} {
		if row := s.Rows[i]; !strings.HasPrefix(row.Figure, want) || (row.Verdict == section.Kept) != (i < 2) {
			t.Errorf("row %d is %+v, want %s", i, row, want)
		}
	}
	if got := s.Tables[1].Rows[2][2]; !strings.HasPrefix(got, "0.851 ×") {
		t.Errorf("the setting %s costs %s", s.Tables[1].Rows[2][0], got)
	}
	if note := s.Notes[len(s.Notes)-1]; !strings.Contains(note, "0.500 ×") || !strings.Contains(note, "WebSocket") {
		t.Errorf("the experiment is not written down: %s", note)
	}
}

// TestMix expects of the profile's load that most of it passes, at every kind of endpoint.
func TestMix(t *testing.T) {
	count := make(map[string]int)
	refused := 0
	for _, request := range mix() {
		count[request.Name]++
		if request.Refused {
			refused++
		}
	}
	if len(count) != 5 || count["bearer-valid"] != 2 || refused != 2 {
		t.Errorf("%v, of which %d are refused", count, refused)
	}
}
