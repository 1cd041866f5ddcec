package command

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// state is how far a replay has come. It is kept in a file, and holds no more of the requests than a report does.
type state struct {
	Version int `json:"version"`
	// Guards tells the configuration of the guards from others: counts of two configurations must not be added up.
	Guards string `json:"guards"`
	// Read is how far each log was read, by its ID.
	Read    map[string]int64 `json:"read"`
	Summary *summary.Summary `json:"summary"`
}

// stateVersion changes when the file means something else.
const stateVersion = 1

// loadState reads the file of a replay that is to go on. Without a file, or a name, the replay begins.
func loadState(name, guards string) (*state, error) {
	fresh := &state{Version: stateVersion, Guards: guards, Read: make(map[string]int64), Summary: summary.New()}
	if name == "" {
		return fresh, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--resume: %w", err)
	}
	loaded := &state{Summary: summary.New()}
	if err := json.Unmarshal(text, loaded); err != nil {
		return nil, fmt.Errorf("--resume %s: not the state of a replay: %w", name, err)
	}
	switch {
	case loaded.Version != stateVersion || !loaded.sound():
		return nil, fmt.Errorf("--resume %s: not the state of a replay by this version: remove the file to begin anew", name)
	case loaded.Guards != guards:
		return nil, fmt.Errorf("--resume %s: the guard, its clients or its rules are not those of the last time: remove the file to begin anew", name)
	}
	return loaded, nil
}

// sound reports whether a replay can have written the state.
func (s *state) sound() bool {
	for _, position := range s.Read {
		if position < 0 {
			return false
		}
	}
	return s.Read != nil && s.Summary != nil && s.Summary.Sound()
}

// save writes the file anew; who is interrupted meanwhile keeps the old one.
func (s *state) save(name string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // readable for the owner only
	if err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("--resume: %w", err)
	}
	return nil
}

// identity tells the guards, the rules and the clients that judge from others.
func identity(guards []*Guard, host string) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", host)
	for i := range validators.Catalogue() {
		fmt.Fprintln(hash, validators.Catalogue()[i].ID)
	}
	for _, guard := range guards {
		fmt.Fprintf(hash, "%q\n", guard.raw)
		for _, feed := range guard.Feeds {
			directory := feed.Directory()
			if directory == nil {
				continue
			}
			for client := range directory.All() {
				record, _ := json.Marshal(clients.RecordOf(client)) // texts always marshal
				_, _ = hash.Write(record)
			}
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}
