package decision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// output is what the benchmarks would write.
func output(ratio, bearer, full float64, allocations int) []byte {
	var text strings.Builder
	line := func(name string, nanoseconds float64, allocations int) {
		fmt.Fprintf(&text, "Benchmark%s-2   \t 5000000\t       %.1f ns/op\t       0 B/op\t       %d allocs/op\n", name, nanoseconds, allocations)
	}
	text.WriteString("goos: linux\ncpu: something\n")
	for _, profile := range rule.Profiles() {
		for endpoint, allocations := range map[string]int{"authorize": allocations, "token": 0} {
			line("Decide/"+profile.String()+"/"+endpoint+"/valid", 300, allocations)
			if profile != rule.FAPI2 {
				fmt.Fprintf(&text, "BenchmarkBudget/%s/%s/valid-2  \t 1000\t  300.0 ns/op\t  %.4f x-ParseQuery\t  40050 B/op\t   %d allocs/op\n", profile, endpoint, ratio, allocations)
			}
		}
		line("Decide/"+profile.String()+"/bearer/valid", bearer, 0)
	}
	line("ParseQuery/authorize", 1000, 10)
	line("ParseQuery/token", 1000, 10)
	line("Adversarial/scope_of_words/full", full, 0)
	line("Adversarial/scope_of_words/half", 10_000, 0)
	line("Adversarial/every_limit_full_of_letters/full", full/2, 0)
	line("Adversarial/every_limit_full_of_letters/half", full/4, 0)
	text.WriteString("PASS\n")
	return []byte(text.String())
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		name                string
		ratio, bearer, full float64
		allocations         int
		missed              []int
	}{
		{"all kept", 0.25, 100, 20_000, 0, nil},
		{"slow", 0.36, 100, 20_000, 0, []int{0, 1}},
		{"allocates", 0.25, 100, 20_000, 1, []int{0}},
		{"slow bearer", 0.25, 151, 20_000, 0, []int{2}},
		{"slow and not linear", 0.25, 100, 120_000, 0, []int{4, 5}},
		{"slow where every limit is full, and not linear", 0.25, 100, 220_000, 0, []int{3, 4, 5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all [len(builds)]map[string]*Figures
			for i := range builds {
				all[i] = make(map[string]*Figures)
				for range 3 {
					// Without the profile it takes twice the time, which breaks no budget.
					if err := parse(output(test.ratio*float64(i+1), test.bearer, test.full, test.allocations), all[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			s := &section.Section{Name: "decision", Title: "The decision"}
			if err := describe(s, all, 3); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(); err != nil {
				t.Error(err)
			}
			var missed []int
			for i, row := range s.Rows {
				if row.Verdict == section.Missed {
					missed = append(missed, i)
				}
			}
			if len(s.Rows) != 7 || fmt.Sprint(missed) != fmt.Sprint(test.missed) {
				t.Errorf("missed are %v of %d, want %v: %+v", missed, len(s.Rows), test.missed, s.Rows)
			}
			if want := fmt.Sprintf("`hub` %.2f ×", test.ratio); !strings.Contains(s.Rows[0].Figure, want) {
				t.Errorf("the figure is %q, want %q", s.Rows[0].Figure, want)
			}
			if want := fmt.Sprintf("bearer header %.2f × (150 ns are 0.18 ×), every limit full %.0f ×, worst input %.0f × (100 µs are 117 ×)", test.bearer/1000, test.full/2000, test.full/1000); s.Rows[6].Figure != want {
				t.Errorf("in times of the yardstick: %q, want %q", s.Rows[6].Figure, want)
			}
			compared := s.Tables[len(s.Tables)-1].Rows
			if want := fmt.Sprintf("`hub` %.2f ×", test.ratio*2); len(compared) != 2 || !strings.Contains(compared[1][2], want) {
				t.Errorf("without the profile: %q, want %q", compared, want)
			}
		})
	}
	if err := parse([]byte("PASS\n"), nil); err == nil {
		t.Error("no error without figures")
	}
	if err := describe(new(section.Section), [len(builds)]map[string]*Figures{}, 1); err == nil {
		t.Error("no error without the benchmarks that are needed")
	}
}
