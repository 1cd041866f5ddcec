// Command generate writes docs/rules.md from the catalogue of rules and their test vectors.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	text, err := render(root)
	if err != nil {
		return err
	}
	return os.WriteFile(target(root), text, 0o644)
}

// target is the file that is written.
func target(root string) string { return filepath.Join(root, "docs", "rules.md") }

// findRoot walks up to the folder that holds go.mod, so that the command works from every folder of the module.
func findRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("no go.mod above the working directory: run this inside the repository")
		}
		folder = parent
	}
}
