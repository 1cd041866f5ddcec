package scan

import (
	"strings"
	"testing"
)

// TestWellEscaped puts each text behind all numbers of bytes that stand in eight.
func TestWellEscaped(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "a": true, "%41": true, "%aF%00%fA": true, "%41a": true, "%4": false, "%": false, "%%41": false, "%4g": false, "%g4": false, "a%41%": false, "%41%4%41": false, "%4\x00": false, "%\u00e9": false,
	} {
		for before := range 17 {
			for _, behind := range []string{"", "-", "----------"} {
				if s := strings.Repeat("-", before) + text + behind; WellEscaped(s) != want {
					t.Errorf("%q: %v", s, !want)
				}
			}
		}
	}
}
