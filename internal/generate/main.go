// Command generate writes docs/rules.md, docs/coverage.md and two tables of docs/reference.md from the catalogue of rules and their test vectors, and the tables of
// docs/json.md from the comments of the configuration's types.
package main

import (
	"errors"
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
	for _, document := range documents {
		text, err := document.render(root)
		if text != nil {
			err = errors.Join(err, os.WriteFile(document.in(root), text, 0o644))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", document.name, err)
		}
	}
	return nil
}

// document is a file that is written.
type document struct {
	name   string
	render func(root string) ([]byte, error)
}

var documents = []document{{"rules.md", render}, {"coverage.md", renderCoverage}, {"reference.md", renderReference}, {"json.md", renderJSON}}

func (d *document) in(root string) string { return filepath.Join(root, "docs", d.name) }

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
