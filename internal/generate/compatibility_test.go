package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCompatibility compares the versions in docs/compatibility.md with those that the modules and packages name.
func TestCompatibility(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range []string{"docs/compatibility.md", "go.mod", "e2e/go.mod", "e2e/package.json"} {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	for _, test := range []struct{ row, file, version string }{
		{"Caddy", "go.mod", `github.com/caddyserver/caddy/v2 (v\S+)`},
		{"Go", "go.mod", `(?m)^go (\d+\.\d+)`},
		{"oidc-provider", "e2e/package.json", `"oidc-provider": "([^"]+)"`},
		{"osin", "e2e/go.mod", `openshift/osin (v\S+)`},
		{"go-oauth2", "e2e/go.mod", `go-oauth2/oauth2/v4 (v\S+)`},
		{"oauth2-server (Node.js)", "e2e/package.json", `"oauth2-server": "([^"]+)"`},
		{"golang.org/x/oauth2", "e2e/go.mod", `golang.org/x/oauth2 (v\S+)`},
		{"openid-client (Node.js)", "e2e/package.json", `"openid-client": "([^"]+)"`},
		{"oauth4webapi (Node.js)", "e2e/package.json", `"oauth4webapi": "([^"]+)"`},
		{"oidc-client-ts, in Chromium", "e2e/package.json", `"oidc-client-ts": "([^"]+)"`},
		{"Ring UI, JetBrains' web client, in Chromium", "e2e/package.json", `"@jetbrains/ring-ui-built": "([^"]+)"`},
		{"Grafana", "e2e/package.json", `"@grafana/schema": "([^"]+)"`},
	} {
		version := regexp.MustCompile(test.version).FindStringSubmatch(files[test.file])
		if version == nil {
			t.Errorf("%s names no version of %s", test.file, test.row)
		} else if want := "\n| " + test.row + " | " + version[1] + " |"; !strings.Contains(files["docs/compatibility.md"], want) {
			t.Errorf("docs/compatibility.md does not have %q", want[1:])
		}
	}
}
