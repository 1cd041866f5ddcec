package caddymodule

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/standard" // the directives beside the guard
)

// TestExamplesInJSON adapts each Caddyfile of docs/json.md, and compares it with the JSON that stands behind it: a whole configuration, or the handler in it.
func TestExamplesInJSON(t *testing.T) {
	t.Chdir("..") // from where the example names files
	document, err := os.ReadFile("docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	pairs := regexp.MustCompile("(?s)```caddyfile\n(.*?)```\n.*?```json\n(.*?)```\n").FindAllSubmatch(document, -1)
	if len(pairs) != 2 {
		t.Fatalf("docs/json.md has %d examples in both languages", len(pairs))
	}
	for _, pair := range pairs {
		adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(pair[1], map[string]any{"filename": "Caddyfile"})
		if err != nil {
			t.Fatal(err)
		}
		var have, want any
		for text, value := range map[*any][]byte{&have: adapted, &want: pair[2]} {
			if err := json.Unmarshal(value, text); err != nil {
				t.Fatalf("%v in\n%s", err, value)
			}
		}
		if want.(map[string]any)["apps"] == nil {
			have = guardIn(have)
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("the Caddyfile\n%s\nbecomes\n%s", pair[1], adapted)
		}
	}
}

// guardIn finds the handler in a configuration.
func guardIn(value any) any {
	var parts []any
	switch value := value.(type) {
	case map[string]any:
		if value["handler"] == "oauth_guard" {
			return value
		}
		for _, part := range value {
			parts = append(parts, part)
		}
	case []any:
		parts = value
	}
	for _, part := range parts {
		if found := guardIn(part); found != nil {
			return found
		}
	}
	return nil
}
