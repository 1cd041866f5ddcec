package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFolder installs and finds everything.
func TestFolder(t *testing.T) {
	root, err := Folder()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"package.json", "node_modules/esbuild/package.json", "node_modules/axe-core/axe.min.js"} {
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			t.Error(err)
		}
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err := find(below); err == nil {
		t.Errorf("found %s", found)
	}
	write(t, filepath.Join(root, lockFile), "{}")
	if found, err := find(below); err != nil || found != root {
		t.Errorf("found %s, %v", found, err)
	}
}

// TestInstalled compares one lock file with what may be in node_modules.
func TestInstalled(t *testing.T) {
	const lock = `{"packages": {
		"": {"name": "tests"},
		"node_modules/a": {"version": "1.0.0", "integrity": "sha512-a"},
		"node_modules/b": {"version": "2.0.0", "integrity": "sha512-b", "optional": true}
	}}`
	const a = `"node_modules/a": {"version": "1.0.0", "integrity": "sha512-a"}`
	tests := map[string]struct {
		hidden, want string
	}{
		"nothing":            {"", "no such file"},
		"interrupted":        {"{", "unexpected end"},
		"the same":           {`{"packages": {` + a + `}}`, ""},
		"another version":    {`{"packages": {"node_modules/a": {"version": "1.0.1", "integrity": "sha512-a"}}}`, `"1.0.1", want "1.0.0"`},
		"another origin":     {`{"packages": {"node_modules/a": {"version": "1.0.0", "integrity": "sha512-c"}}}`, "node_modules/a"},
		"without its folder": {`{"packages": {` + a + `, "node_modules/b": {"version": "2.0.0", "integrity": "sha512-b", "optional": true}}}`, "node_modules/b"},
		"something more":     {`{"packages": {` + a + `, "node_modules/c": {"version": "1.0.0"}}}`, "node_modules/c is not in"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.MkdirAll(filepath.Join(root, "node_modules", "a"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(root, lockFile), lock)
			if test.hidden != "" {
				write(t, filepath.Join(root, "node_modules", ".package-lock.json"), test.hidden)
			}
			wanted, err := read(filepath.Join(root, lockFile))
			if err != nil {
				t.Fatal(err)
			}
			err = installed(root, wanted)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNode(t *testing.T) {
	path, err := Node()
	if err != nil {
		t.Fatal(err)
	}
	version, err := exec.Command(path, "--version").Output()
	if err != nil || !strings.HasPrefix(string(version), "v22.") {
		t.Errorf("%s: %s, %v", path, version, err)
	}
}
