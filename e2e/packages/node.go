package packages

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Node returns the path of Node.js: the one of package.json, which is there for Linux, so that the tests do not depend on which one a distribution has; on other systems the
// one that is installed.
func Node() (string, error) {
	root, err := Folder()
	if err != nil {
		return "", err
	}
	architecture := runtime.GOARCH
	if architecture == "amd64" {
		architecture = "x64"
	}
	path := filepath.Join(root, "node_modules", "node-"+runtime.GOOS+"-"+architecture, "bin", "node")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	return exec.LookPath("node")
}
