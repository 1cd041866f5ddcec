// Package packaging_test checks what docs/packaging holds: the unit of systemd, the Dockerfile, and what the program says of itself to shells and manuals.
package packaging_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	root      = "../.."
	documents = root + "/docs/packaging"
)

// built is the program that the steps of the Dockerfile make; folder is where it and its sources lie.
var built struct {
	once    sync.Once
	folder  string
	program string
	err     error
}

// TestMain is run, below, with an exit status.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "oauth-guard-packaging-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	built.folder = folder
	return m.Run()
}

// program builds Caddy as the Dockerfile does: from a copy of the repository without what the list of ignored files names.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() { built.program, built.err = build(built.folder) })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.program
}

func build(folder string) (string, error) {
	source := filepath.Join(folder, "src")
	if err := copyContext(source); err != nil {
		return "", err
	}
	output := filepath.Join(folder, "caddy")
	command := exec.Command("./xcaddy.sh")
	command.Dir = source
	// The flags of the tests are not those of the image.
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "OUTPUT="+output, "GOFLAGS=")
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("xcaddy.sh: %w\n%s", err, text)
	}
	return output, nil
}

// copyContext copies what Docker would send to the build. The patterns of the list are names at the top, which is all that it uses.
func copyContext(target string) error {
	list, err := os.ReadFile(documents + "/Dockerfile.dockerignore")
	if err != nil {
		return err
	}
	var patterns []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			if strings.ContainsAny(line, "/!") {
				return fmt.Errorf("Dockerfile.dockerignore: the test does not know patterns such as %s", line)
			}
			patterns = append(patterns, line)
		}
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		relative, _ := filepath.Rel(root, name)
		if err != nil || relative == "." {
			return err
		}
		for _, pattern := range patterns {
			if ignored, _ := path.Match(pattern, relative); ignored {
				if entry.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(target, relative), 0o755)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(target, relative), content, info.Mode().Perm())
	})
}
