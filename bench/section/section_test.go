package section

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
)

func valid(name string, order int) *Section {
	return &Section{
		Name: name, Title: "What " + name + " costs", Order: order,
		Rows: []Row{
			{What: "look-up", Budget: "at most 300 ns", Figure: "212 ns", Command: "go run ./cmd/bench registry", Verdict: Judge(true)},
			{What: "memory", Figure: "97 B", Command: "go run ./cmd/bench registry"},
		},
		Tables: []Table{{Columns: []string{"clients", "ns"}, Rows: [][]string{{"10", "8"}}}},
		Plots:  []Plot{{Name: "look-up", Title: "Look-up", Axis: "ns", Series: []string{"cold"}, Groups: []Group{{Title: "10", Values: []statistics.Spread{{Median: 8}}}}}},
	}
}

// TestSave expects sections back as they were, in their order, and nothing of the report's own files.
func TestSave(t *testing.T) {
	docs := t.TempDir()
	for _, s := range []*Section{valid("registry", 30), valid("decision", 10), valid("build", 30)} {
		if err := s.Save(docs); err != nil {
			t.Fatal(err)
		}
	}
	if err := SaveData(docs, "peers", 1); err != nil {
		t.Fatal(err)
	}
	got, err := ReadAll(docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*Section{valid("decision", 10), valid("build", 30), valid("registry", 30)}, got); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(filepath.Join(docs, Folder, "other.json"), []byte(`{"title":"x","unknown":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAll(docs); err == nil || !strings.Contains(err.Error(), "other.json") {
		t.Errorf("a file that is no section gives %v", err)
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*Section){
		"must be of a-z":       func(s *Section) { s.Name = "../x" },
		"report's own":         func(s *Section) { s.Name = "peers" },
		"no title":             func(s *Section) { s.Title = "" },
		"needs what":           func(s *Section) { s.Rows[0].Command = "" },
		"needs a verdict":      func(s *Section) { s.Rows[0].Verdict = "" },
		`"kept" or "missed"`:   func(s *Section) { s.Rows[0].Verdict = "fine" },
		"2 cells for 1":        func(s *Section) { s.Tables[0].Columns = s.Tables[0].Columns[:1] },
		"one or two series":    func(s *Section) { s.Plots[0].Series = nil },
		"1 values for 2":       func(s *Section) { s.Plots[0].Series = []string{"a", "b"} },
		"plot \"A\" needs a n": func(s *Section) { s.Plots[0].Name = "A" },
	} {
		s := valid("registry", 1)
		change(s)
		if err := s.Save(t.TempDir()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error is %v, want %q", err, name)
		}
	}
}
