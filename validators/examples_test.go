package validators

import "testing"

// TestExamples finds for every rule a request that fires it and one that does not.
func TestExamples(t *testing.T) {
	for i := range Catalogue() {
		id := Catalogue()[i].ID
		examples, err := Examples(id)
		if err != nil {
			t.Error(err)
			continue
		}
		fires, misses := 0, 0
		for _, example := range examples {
			if example.Fires {
				fires++
			} else {
				misses++
			}
		}
		if fires == 0 || misses == 0 {
			t.Errorf("%s: %d examples fire, %d do not", id, fires, misses)
		}
	}
	for _, id := range []string{"no.such.rule", "../testdata/clients", ""} {
		if examples, err := Examples(id); err == nil {
			t.Errorf("%q has examples: %v", id, examples)
		}
	}
}
