package upstream

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// title is a name with the version that was found, for people.
func title(name, version string, err error, language string) string {
	if err != nil {
		version = "of unknown version"
	}
	return fmt.Sprintf("%s %s (%s)", name, version, language)
}

// npmVersion looks into an installed package.
func npmVersion(name string) (string, error) {
	var description struct{ Version string }
	text, err := readFile("node_modules", name, "package.json")
	if err == nil {
		err = json.Unmarshal(text, &description)
	}
	return description.Version, err
}

// goVersion looks a module up in go.mod.
func goVersion(path string) (string, error) {
	text, err := readFile("go.mod")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(path) + ` v(\S+)`).FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s is not in go.mod", path)
	}
	return string(found[1]), nil
}

// readFile reads a file of the module. That fails if the npm packages cannot be installed.
func readFile(path ...string) ([]byte, error) {
	folder, err := packages.Folder()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(folder, filepath.Join(path...)))
}
