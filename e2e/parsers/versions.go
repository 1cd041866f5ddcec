package parsers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// unknownVersion stands for a version that could not be found out. Titles are for people, nothing depends on them.
const unknownVersion = "of unknown version"

// output is what a program prints, without blanks around it.
func output(command ...string) string {
	text, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		return unknownVersion
	}
	return strings.TrimSpace(string(text))
}

// npmVersion looks into an installed package.
func npmVersion(name string) string {
	var description struct{ Version string }
	root, err := packages.Folder()
	if err != nil {
		return unknownVersion
	}
	text, err := os.ReadFile(filepath.Join(root, "node_modules", name, "package.json"))
	if err != nil || json.Unmarshal(text, &description) != nil {
		return unknownVersion
	}
	return description.Version
}

// javaVersion finds the version in the name of the file that a library's name is a link to, or that links to it.
func javaVersion(path string) string {
	folder, file := filepath.Split(path)
	names, _ := filepath.Glob(folder + strings.TrimSuffix(file, ".jar") + "-[0-9]*.jar")
	for _, name := range names {
		if version := regexp.MustCompile(`-([0-9.]+[0-9])`).FindStringSubmatch(filepath.Base(name)); version != nil {
			return version[1]
		}
	}
	return unknownVersion
}
