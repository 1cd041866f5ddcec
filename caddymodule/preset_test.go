package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// TestPresets: every path of a preset is the endpoint that it is listed as, and an endpoint line replaces one kind.
func TestPresets(t *testing.T) {
	for _, preset := range presets {
		h := Handler{Profile: "rfc6749", Preset: &Preset{Server: preset.server, Path: "/realms/main/"}, Endpoints: map[string][]string{"token": {"/elsewhere"}}}
		config, err := h.engineConfig()
		if err != nil {
			t.Fatal(err)
		}
		engine, err := validators.New(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range preset.endpoints {
			for _, path := range kind.paths {
				want := kind.endpoint
				if want == rule.Token {
					want = rule.NoEndpoint
				}
				sample := "/realms/main" + strings.Replace(path, "*", "x", 1)
				if route := engine.Route(sample); rule.Endpoint(route.Tag) != want || route.Ambiguous {
					t.Errorf("%s: %s is %v", preset.server, sample, route)
				}
			}
		}
		if rule.Endpoint(engine.Route("/elsewhere").Tag) != rule.Token {
			t.Errorf("%s: the endpoint line does not count", preset.server)
		}
	}
}

// TestPresetReplacesHub: Space is a server of JetBrains without the paths of Hub.
func TestPresetReplacesHub(t *testing.T) {
	h := Handler{Preset: &Preset{Server: "space", Path: "/"}}
	config, err := h.engineConfig()
	if err != nil {
		t.Fatal(err)
	}
	if config.Profile != rule.Hub || config.Services != "" || config.Endpoints[rule.Userinfo] != nil || config.Endpoints[rule.Authorize][0] != "/oauth/auth" {
		t.Errorf("%+v", config)
	}
}

// TestTablesOfTheReference keeps the tables of presets and backends in docs/reference.md equal to the data.
func TestTablesOfTheReference(t *testing.T) {
	text, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	reference := string(text)
	rows := 0
	for _, preset := range presets {
		for _, kind := range preset.endpoints {
			rows++
			want := fmt.Sprintf("| `%s` | `%s` | `<path>%s` |\n", preset.server, kind.endpoint, strings.Join(kind.paths, "`, `<path>"))
			if !strings.Contains(reference, want) {
				t.Errorf("docs/reference.md lacks\n%s", want)
			}
		}
		if !strings.Contains(reference, "`"+preset.server+"`: "+preset.title) {
			t.Errorf("docs/reference.md does not say that %s is %s", preset.server, preset.title)
		}
	}
	if found := strings.Count(reference, "` | `<path>"); found != rows {
		t.Errorf("docs/reference.md has %d rows of presets, want %d", found, rows)
	}
	for _, relaxation := range wire.Relaxations {
		want := fmt.Sprintf("| `%s` | [`%s`](rules.md#%s) | %s |\n", relaxation.Backend, relaxation.Rule, relaxation.Rule, relaxation.Evidence)
		if !strings.Contains(reference, want) {
			t.Errorf("docs/reference.md lacks\n%s", want)
		}
	}
	if found := strings.Count(reference, "` | [`wire."); found != len(wire.Relaxations) {
		t.Errorf("docs/reference.md has %d rows of backends, want %d", found, len(wire.Relaxations))
	}
}
