// Package packages makes sure that the npm packages which the tests need are installed as package-lock.json says.
package packages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// lockFile describes what is to be installed, and marks the folder of the tests.
const lockFile = "package-lock.json"

// Folder returns the absolute path of the folder that holds package.json and a complete node_modules. The first call installs what
// differs from the lock file.
func Folder() (string, error) {
	return folder()
}

var folder = sync.OnceValues(func() (string, error) {
	working, err := os.Getwd()
	if err != nil {
		return "", err
	}
	root, err := find(working)
	if err != nil {
		return "", err
	}
	return root, ensure(root)
})

// find looks for the lock file in a folder and in those above it. Tests run in the folder of their package.
func find(folder string) (string, error) {
	for at := folder; ; at = filepath.Dir(at) {
		_, err := os.Stat(filepath.Join(at, lockFile))
		switch {
		case err == nil:
			return at, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case at == filepath.Dir(at):
			return "", fmt.Errorf("no %s in %s or above", lockFile, folder)
		}
	}
}

// ensure installs the packages unless they are what the lock file says. Test programs of several packages run at the same time, but
// only one of them may install.
func ensure(root string) error {
	lock, err := os.Open(filepath.Join(root, lockFile))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	wanted, err := read(lock.Name())
	if err != nil {
		return err
	}
	if installed(root, wanted) == nil {
		return nil
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = root
	// The output of a test program belongs to its tests.
	install.Stdout, install.Stderr = os.Stderr, os.Stderr
	if err := install.Run(); err != nil {
		return fmt.Errorf("npm ci: %w", err)
	}
	return installed(root, wanted)
}

// entry is one package of a lock file.
type entry struct {
	Version   string `json:"version"`
	Integrity string `json:"integrity"`
	Optional  bool   `json:"optional"`
}

// read returns the packages of a lock file by their folder.
func read(path string) (map[string]entry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]entry `json:"packages"`
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// The entry without a folder is the project itself.
	delete(lock.Packages, "")
	return lock.Packages, nil
}

// installed compares the lock file with the one that npm writes into node_modules as its last step. An optional package may be
// missing: each is for one kind of machine.
func installed(root string, wanted map[string]entry) error {
	present, err := read(filepath.Join(root, "node_modules", ".package-lock.json"))
	if err != nil {
		return err
	}
	for folder, want := range wanted {
		got, found := present[folder]
		if !found && want.Optional {
			continue
		}
		if got != want {
			return fmt.Errorf("%s is %q, want %q", folder, got.Version, want.Version)
		}
		if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
			return err
		}
	}
	for folder := range present {
		if _, found := wanted[folder]; !found {
			return fmt.Errorf("%s is not in %s", folder, lockFile)
		}
	}
	return nil
}
