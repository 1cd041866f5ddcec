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
	"github.com/oauthguard/caddy-oauth-guard/bench/section"
	"github.com/oauthguard/caddy-oauth-guard/bench/soak"
)

// SavePeers keeps the figures of the peers.
func SavePeers(docs string, results *comparison.Results) error {
	return section.SaveData(docs, "peers", results)
}

// ReadPeers reads them; nil if there are none.
func ReadPeers(docs string) (*comparison.Results, error) {
	return read[comparison.Results](docs, "peers.json")
}

// SaveSoak keeps the figures of the soak test.
func SaveSoak(docs string, results *soak.Results) error {
	return section.SaveData(docs, "soak", results)
}

// read reads figures; what was never measured leaves nil.
func read[T any](docs, name string) (*T, error) {
	text, err := os.ReadFile(filepath.Join(docs, section.Folder, name))
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
	sections, err := section.ReadAll(docs)
	if err != nil {
		return err
	}
	if measured == nil && soaked == nil && len(sections) == 0 {
		return fmt.Errorf("%s holds no figures: measure first", filepath.Join(docs, section.Folder))
	}
	text, err := document(measured, soaked, sections)
	if err != nil {
		return err
	}
	for name, plot := range plots(measured, soaked, sections) {
		if err := os.WriteFile(filepath.Join(docs, section.Folder, name), plot, 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(docs, "benchmarks.md"), []byte(text), 0o644)
}
