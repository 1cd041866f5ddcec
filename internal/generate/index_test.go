package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIndex wants every document in docs/README.md, once.
func TestIndex(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(root, "docs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents {
		name := filepath.Base(document)
		if count := strings.Count(string(index), "]("+name+")"); count != 1 && name != "README.md" {
			t.Errorf("docs/README.md has %d links to %s", count, name)
		}
	}
}
