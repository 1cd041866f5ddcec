package validators

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// vectorFiles are the vectors of all rules, so that tools can show what a rule is about without the sources.
//
//go:embed */testdata/*.json
var vectorFiles embed.FS

// Examples returns the vectors of a rule: requests that it fires for, and near misses. They are those of the tests, see docs/vectors.md. It reads them anew each
// time.
func Examples(id string) ([]vectors.Vector, error) {
	folders, err := vectorFiles.ReadDir(".")
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(id, "/\\") {
		return nil, fmt.Errorf("%q is not the ID of a rule", id)
	}
	for _, folder := range folders {
		text, err := vectorFiles.ReadFile(path.Join(folder.Name(), "testdata", id+".json"))
		if err != nil {
			continue
		}
		var file vectors.File
		if err := json.Unmarshal(text, &file); err != nil {
			return nil, fmt.Errorf("vectors of %s: %w", id, err)
		}
		return file.Vectors, nil
	}
	return nil, fmt.Errorf("rule %s has no vectors", id)
}
