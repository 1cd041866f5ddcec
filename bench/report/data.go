// Package report writes docs/benchmarks.md and its plots from what was measured.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/bench/comparison"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
)

// data is the folder of the figures and the plots, below that of the document.
const data = "benchmarks"

// SavePeers keeps the figures of the peers.
func SavePeers(docs string, results *comparison.Results) error {
	return save(docs, "peers.json", results)
}

// SaveSoak keeps the figures of the soak test.
func SaveSoak(docs string, results *soak.Results) error { return save(docs, "soak.json", results) }

func save(docs, name string, results any) error {
	folder := filepath.Join(docs, data)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), append(text, '\n'), 0o644)
}

// read reads figures; what was never measured leaves nil.
func read[T any](docs, name string) (*T, error) {
	text, err := os.ReadFile(filepath.Join(docs, data, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	results := new(T)
	if err := json.Unmarshal(text, results); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return results, nil
}

// Write writes the document and its plots.
func Write(docs string) error {
	measured, err := read[comparison.Results](docs, "peers.json")
	if err != nil {
		return err
	}
	soaked, err := read[soak.Results](docs, "soak.json")
	if err != nil {
		return err
	}
	if measured == nil && soaked == nil {
		return fmt.Errorf("%s holds no figures: measure first", filepath.Join(docs, data))
	}
	text, err := document(measured, soaked)
	if err != nil {
		return err
	}
	for name, plot := range plots(measured, soaked) {
		if err := os.WriteFile(filepath.Join(docs, data, name), plot, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, "benchmarks.md"), []byte(text), 0o644)
}
